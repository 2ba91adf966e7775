"""Techniques that a hypothesis adds whole, by the names of their papers."""

# Lines are `technique: phrase, phrase`, as in `shared.words.parameters`.
TECHNIQUES = """
dedup_data: deduplicate, dedupe, deduplication, deduplicated, minhash, near duplicate, exact hash
dedup_data: duplicate document, duplicated document, remove duplicate
quality_filter: quality filter, quality filtering, quality score, educational, quality classifier
quality_filter: highest quality, high quality document, most educational
perplexity_filter: perplexity filter, perplexity filtering, by perplexity
compression_filter: compression ratio, gzip, gzip ratio
stochastic_rounding: stochastic rounding, stochastically round, stochastically rounded
stochastic_rounding: round stochastically, random rounding
master_weights: master copy, master weight, fp32 master, fp32 copy, fp32 master copy
master_weights: fp32 master weight, float32 master weight, float32 master copy
shard_order: shuffleshard
kahan: kahan, kahan summation, compensated summation, kahan compensated summation
svd: svd, exact svd, exact polar factor, true polar factor
polar_express: polar express, polar express coefficient, polar express polynomial
mlp_first: mlp before attention, mlp come before attention, mlp first
mlp_first: mlp first and attention second
length_order: short to long, shortest to longest, by length, shortest first, short document first
talking_heads: talking head, head mixing, mix across head, mixing across head
hyper_connections: hyper connection, hyperconnection
mixture_of_depths: mixture of depth, token routing around block
dense_connections: denseformer, dense connection, densenet
early_exit: early exit
mixup: mixup, mix up
cutmix: cutmix
token_dropping: token dropping, drop token, random token dropping, word dropout, token dropout
distillation: distillation, distill, distilling, knowledge distillation, teacher
low_rank: lora, low rank factorization, low rank, factorize, factorized
pruning: prune, pruning, pruned
sparsity: sparsity, sparsify
rezero: rezero, re zero
deepnorm: deepnorm, deep norm
fixup: fixup, fixup init, fix up init
spectral_norm: spectral norm, spectral normalization
weight_norm: weight normalization, weight normalized
centralization: gradient centralization, centralize gradient, centralize the gradient
fill_in_middle: fim, fill in the middle, fill in middle
masked_lm: masked language modeling, mlm, masked lm, span corruption
unlikelihood: unlikelihood, unlikelihood loss, unlikelihood training
entropy_penalty: entropy penalty, entropy bonus, entropy regularization, confidence penalty
unigram_bias: unigram bias, unigram log probability, log unigram, unigram prior
qk_clip: qk clip, qk clipping, muonclip
grokfast: grokfast
ghost_batch: ghost batch
multi_query: multi query
hash_embedding: hash embedding, hashed embedding
mimetic: mimetic init, mimetic initialization
importance: importance sampling, hard example mining, loss based sampling
weight_noise: weight noise, noise to the weight, gaussian noise to the weight, parameter noise
clip_value: clip every gradient element, clip each gradient element, clip by value
clip_value: clip gradient value, clip gradient elementwise, clip every gradient entry
clip_value: clip each gradient entry, clip gradient per element
"""
NAMED_SETTINGS = """
optimizer.prodigy: prodigy
optimizer.dadapt: d adaptation, dadaptation, dadapt
optimizer.mars: mars
optimizer.galore: galore
optimizer.adagrad: adagrad
optimizer.radam: radam
optimizer.adabelief: adabelief
optimizer.adan: adan
optimizer.tiger: tiger
optimizer.psgd: psgd, kron
optimizer.dion: dion
optimizer.scion: scion
optimizer.signsgd: signsgd, sign sgd, signum
optimizer.adamax: adamax
optimizer.adammini: adam mini
optimizer.lars: lars
activation.selu: selu
activation.celu: celu
activation.softsign: softsign
activation.quickgelu: quick gelu, quickgelu
activation.gelutanh: tanh approximation of gelu, gelu tanh, tanh gelu, approximate gelu
activation.xielu: xielu
activation.star_relu: star relu, starrelu
activation.sine: sine activation, sin activation, snake
norm_type.batch: batchnorm, batch norm, batch normalization
norm_type.scale: scalenorm, scale norm
norm_type.l2: l2 norm, l2 normalization
norm_type.crms: crmsnorm
position.sinusoidal: sinusoidal, sinusoidal position, sinusoidal embedding
position.t5: t5 bias, relative position bias, t5 relative bias, relative bias
position.cope: contextual position encoding
attention_type.sigmoid: sigmoid attention
attention_type.sparse: sparse attention
attention_type.deltanet: gated deltanet, deltanet, gated delta net, delta net, delta rule
attention_type.mamba: mamba, state space, ssm
attention_type.rwkv: rwkv
attention_type.retnet: retnet, retention
attention_type.cosine: cosine attention
"""
