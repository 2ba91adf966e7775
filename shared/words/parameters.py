"""What researchers change in the training of a language model, and what they call it."""

# Lines are `parameter: phrase, phrase`.
HEADS = """
stochastic_depth: skip each whole block, skip whole block at random, skip each block with
tie: both share one weight matrix, share one weight matrix, token embedding table itself
tie: token embedding matrix as the output, embedding itself as the output
doc_mask: per document masking, per document causal masking, per document causal mask
swa: uniform mean of, uniform average of, weight iterate, running mean of the parameter
warmdown: lr decay cover, decay cover, annealing cover
mtp: auxiliary head, aux head, extra output head, token after next, second next token
mtp: head that predict, predict the token, predict token, two position ahead, two token ahead
mtp: predict two token, two token at once, second next token
tie: share one matrix between, shared matrix for, same matrix for, one shared matrix, same tensor
tie: share one matrix, very same tensor, one matrix for both, single matrix for
label_smoothing: softened target, smooth the training target, smooth training target
label_smoothing: uniformly over the vocabulary, softened label
stochastic_depth: skip each block, skip each layer, skip every block, randomly skip each block
stochastic_depth: skip each transformer block, block is bypassed, block is skipped, skip a block
stochastic_depth: chance to skip each block, skip each block at random, skip block at random
stochastic_depth: bypass each block, drop each block, drop each layer, block is dropped
ema: shadow parameter, ema parameter, ema copy, exponential weight average, averaged copy
ema: exponential moving average of all the weight, moving average of all the weight
ema: exponential moving average of the parameter, exponential moving average of parameter
ema: moving average of the parameter, running average of the parameter
swa: snapshot, average the last, mean of the last, average of the last, weight of the last
lookahead: slow weight, fast weight, halfway to the fast
bigram: hash of the last two token, last two token, hash the previous and current token
bigram: previous and the current token, previous and current token, token pair
token_shift: previous token embedding, previous position embedding, preceding token embedding
token_shift: predecessor, one position earlier, embedding of the previous token
doc_mask: own document, own text, mask across document, stop token from attending
doc_mask: block attention between, attend only within, stop packed document from seeing
cross_doc: attention between packed document
attention_sink: sink logit, null logit, softmax denominator, softmax normalizer, null score
batch: optimizer step every, token in each update, token for each update, token each update
batch: token each step, token per weight update, token per gradient step, token per gradient update
device_batch: sequence per forward pass, row per forward pass, sequence per forward
device_batch: row per micro step, row per device
seq_len: row of, token row, token per row, token per sequence, training row
vocab: retrain the tokenizer, retrain the tokenizer with, tokenizer with, vocabulary entry
clip: limit the global gradient norm, limit the gradient norm, bound the global gradient norm
clip: global norm clipping, global gradient norm at, global grad norm at
attention_scale: scale attention logit, scale the attention logit, attention logit multiplier
attention_scale: softmax temperature, score scaling, scale of the softmax
norm_gain: learnable gain per channel, trainable per channel scale, trainable per channel weight
norm_gain: elementwise scale vector, gain per channel, learned per channel gain, gain vector
norm_gain: learnable rmsnorm gain, rmsnorm gain
positional: learned absolute position, learned absolute position embedding
positional: trained position embedding, trainable position embedding, vector per position
beta1: first adam beta, first adamw beta, adamw beta1
beta2: second adam beta, second adamw beta, adamw beta2
checkpointing: recompute activation, recompute the activation, recompute each block activation
checkpointing: recompute block activation
skip: mirror layer, mirror image layer, mirror block, mirrored layer, mirrored block
gc: garbage collector, garbage collection, gc, python gc, cyclic gc, gc freeze, gc disable
lr: step size, peak lr, peak learning rate, learning rate peak
final_lr: bottom out at, bottom out
final_lr: lr tail, tail lr, end of schedule lr, final lr fraction of peak, residual lr
final_lr: final fraction, final frac, lr end at, end the lr at, end lr at, finish at, lr end value
batch: token per optimizer step, token per update, tokens per update, token batch, global token
depth: stack of layer, transformer stack, network layer
rope_base: rope wavelength base, rotary frequency base, rope frequency base, rotary wavelength
rope_base: rotary theta base, positional base frequency
mlp_ratio: ffn hidden dim, ffn hidden dimension, feedforward hidden size, mlp inner dim
mlp_ratio: mlp inner width, inner dimension, inner dim, ffn inner dimension, feed forward size
mlp_ratio: feed forward hidden dim, feed forward dimension, feedforward width, feedforward expansion
mlp_ratio: ffn multiplier, hidden expansion, expansion of the mlp, ffn size, mlp size
softcap: squashed, saturate the logit, tanh limit, tanh clamp, clamp on the logit, logit clamp
clip: bound the gradient norm, cap the gradient norm, gradient norm limit, max gradient norm
clip: limit the gradient norm, gradient norm cap, clip the gradient norm, rescale the gradient
clip: clip the global grad norm, clip global gradient norm, cap gradient norm, cap grad norm
stochastic_depth: skip whole block, skip block, randomly skip layer, randomly skip block
stochastic_depth: randomly skip whole block, randomly drop layer, randomly drop block
stochastic_depth: drop whole block, skip whole layer, randomly bypass block, randomly bypass layer
stochastic_depth: randomly drop whole layer, randomly drop entire layer, randomly drop whole block
stochastic_depth: randomly skip entire block, randomly skip entire layer, block skipping
label_smoothing: soften the target, soft target, target smoothing, smooth one hot target
label_smoothing: smooth the target, smooth the one hot target, smoothing of target
z_loss: squared log partition, log partition, logsumexp2, logsumexp squared, squared logsumexp
z_loss: penalty on log partition, squared log normalizer, log normalizer, log z2, logz2, lse2
z_loss: penalty on logsumexp, logsumexp regularizer, squared lse, partition function penalty
z_loss: penalty on squared log partition, penalty on the squared log partition
z_loss: penalize squared log partition, penalize logsumexp, penalize the logsumexp
ema: running average of the weight, moving average of the weight, averaged copy of the weight
ema: running average of weight, moving average of weight, shadow weight, weight moving average
ns_steps: orthogonalizer step, orthogonalizer iteration, polar iteration, polar express iteration
warmup: ramp the lr up, ramp up the lr, ramp lr up, lr ramp, lr ramp up, learning rate ramp
warmdown: linear decay phase, lr decay phase, decay tail, lr decay window, lr decay fraction
warmdown: final decay, lr decay portion, cooldown length, cooldown ratio, lr cool down, decay ratio
warmdown: decay stage, annealing window, anneal window, annealing fraction
warmdown: learning rate decay phase
xzero_lambda: embedding back into the residual stream, input embedding back, embedding residual
xzero_lambda: normalized input embedding, reinject the embedding, re inject the embedding
xzero_lambda: input embedding skip, embedding injection, embedding mix in, xzero mixing
xzero_lambda: xzero mixing coefficient, xzero coefficient, xzero mix, xzero scalar, xzero gate
xzero_lambda: xzero connection, xzero blend, xzero residual connection, initial embedding skip
norm_gain: learned per channel scale, per channel scale, per channel gain, learned scale, gamma
norm_gain: learned gain, trainable gain, trainable scale, learnable weight, learnable gamma
norm_gain: per channel weight, elementwise gain, elementwise scale, elementwise weight
bias: additive bias, bias vector, bias parameter
skip: long range skip, skip from early to late, unet connection, u net connection
skip: learned long skip connection, encoder decoder skip, u net
tie: share wte and unembedding, share token embedding, same matrix for input and output
tie: share the input embedding with the output, share the embedding, reuse the embedding
tie: share wte, tie wte, share wte with lm head, share the token embedding with lm head
parallel: same normed input, from the same normed input, from the same input, side by side
parallel: concurrently, simultaneously, same input for attention and mlp, single residual add
seq_len: training sequence, training sequence length, training context length, token sequence
seq_len: training window, row length, sample length
shuffle: shuffle buffer, shuffling buffer, document shuffle buffer, document shuffling
lr: learning rate, lr, step size multiplier, learning rate multiplier, lr multiplier
final_lr: fall below, drop below, go below, decay below, sink below, final lr, final lr fraction
final_lr: final learning rate, min lr, minimum lr, lr floor, min lr ratio, minimum learning rate
final_lr: learning rate floor, end lr, ending lr, terminal lr, lr min, lr end, final lr frac
final_lr: min learning rate, floor the lr, floor the learning rate, final lr ratio
final_lr: end learning rate, lr decay floor, warmdown floor, floor lr, floor learning rate
weight_decay: weight decay, wd, l2, l2 regularization, l2 penalty, decoupled weight decay
weight_decay: decay weight
batch: bs, gbs, tbs, batchsize, total bs, batch of, batch, batch size, total batch size
batch: total batch, tokens per batch, tokens per step, global batch size, global batch
batch: batch token, effective batch size
device_batch: microbs, device bs, mbs, device batch size, per device batch size
device_batch: micro batch size, microbatch, micro batch, per gpu batch size, microbatch size
device_batch: local batch size, device batch, per gpu batch
accumulation: accumulation, accum, accum step, accumulate, accumulating, micro step, microstep
accumulation: gradient accumulation, grad accumulation, grad accum, accumulation step
accumulation: gradient accumulation step, grad accum step, accumulate gradient
accumulation: grad accumulation step, number of gradient accumulation step
accumulation: number of accumulation step
depth: depth, n layer, num layer, number of layer, layer, block, transformer block, layer count
depth: transformer layer, model depth, number of block, num block, n block, network depth
width: width, model dim, model dimension, d model, n embd, embedding dimension, embedding dim
width: hidden size, hidden dim, model width, channel, residual width, hidden width, embd dim
width: dim, embedding width, hidden dimension, dmodel, network width, residual stream width
width: model size
aspect_ratio: ar, aspect ratio, width to depth ratio, width depth ratio
n_head: nhead, head, n head, num head, number of head, attention head, number of attention head
n_head: query head
n_kv_head: group query attention, grouped kv head, key and value head, kv head, n kv head
n_kv_head: key value head, number of kv head, num kv head, gqa, grouped query attention
n_kv_head: gqa head, kv group, num key value head, n key value head
head_dim: headdim, hd, dim each, dim head, size of each head, dimension of each head
head_dim: per head dimension, head dim, head dimension, head size, dim per head
head_dim: dimension per head, d head, head width
rope_dim: rope dim, rotary dim, rope dimension, partial rope, partial rotary, rotary dimension
rope_dim: partial rope coverage, partial rotary embedding, rotary fraction, rope fraction
rope_dim: rotary pct, partial rope dim
rope_base: theta, rope base, rope theta, rotary base, rotary theta, rotary embedding base frequency
rope_base: rope base frequency, rotary base frequency, base frequency, rope frequency
rope_base: rotary frequency
rope: rope, rotary, rotary embedding, rotary position embedding, rotary positional embedding
positional: positional embedding, position embedding, positional encoding, position encoding
positional: learned positional embedding, absolute position embedding, pos emb, wpe
window_pattern: window pattern, attention pattern, window layout
window: window, window size, sliding window, short window, attention window, local window
window: sliding window size, short sliding window, local attention window, sliding window length
long_window: l window, long window, long window size, long attention window
mlp_ratio: mlp ratio, mlp expansion, mlp expansion factor, expansion factor, expansion ratio
mlp_ratio: mlp mult, mlp hidden, mlp hidden size, mlp hidden dim, feed forward hidden layer
mlp_ratio: ffn ratio, mlp width, hidden layer, mlp hidden layer, feed forward ratio
mlp_ratio: feedforward dimension, ffn dim, d ff, intermediate size, ffn hidden size
mlp_ratio: feed forward hidden size, hidden, expansion, mlp dim, ffn width, ffn expansion
mlp_ratio: mlp multiplier, mlp hidden dimension, feed forward width
softcap: squashing, logit squashing, tanh bound, bound logit, bound the logit, squash logit
softcap: squash the logit, logit bound, logit squash, logit capped, cap on the logit
softcap: tanh squash, capped logit, tanh soft cap, soft capped, capped, cap logit, cap the logit
softcap: tanh on the logit, tanh on logit, logit tanh, softcap, soft cap, softcapping
softcap: soft capping, cap, capping, tanh cap, tanh capping, logit cap, logit softcap
softcap: logit soft cap, logit soft capping, logit softcapping, logit capping, softcap the logit
softcap: softcap value, tanh softcap, softcapped
clip: max norm, clipping norm, clip threshold, clipping threshold, clip norm, clip, clipping
clip: grad clip, gradient clip, gradient clipping, grad clipping, clip gradient
clip: gradient norm clip, grad clip norm, gradient norm clipping, clip grad norm, max grad norm
clip: clip the global gradient norm, clip grad, clip the gradient, clip value, gradient clip norm
dropout: dropout, drop out, dropout rate, dropout probability
stochastic_depth: layer dropout, block dropout, drop layer, dropping layer, layer dropping
stochastic_depth: stochastic depth, layer drop, layerdrop, drop path, droppath, drop whole layer
label_smoothing: smooth label, smooth target, smoothed target, label noise smoothing
label_smoothing: label smoothing, label smooth, smoothed label, smooth the label, smoothing
z_loss: penalize log z, log z, logz, penalize log partition, log partition function, logsumexp
z_loss: z loss, zloss, logsumexp penalty, log partition penalty, logit z loss, logz regularization
ema: averaged weight, weight averaged, exponentially averaged, polyak, polyak average
ema: weight average, exponentially weighted average, ema, exponential moving average, ema decay
ema: average the weight exponentially, weight ema, exponential weight averaging
ema: polyak averaging, exponentially averaged weight, ema of weight, ema of the weight
ema: exponential moving average of the weight, exponential average, ema weight
swa: checkpoint, average checkpoint, checkpoint average, averaged checkpoint, swa
swa: stochastic weight averaging, checkpoint averaging, weight averaging, lawa
betas: beta, adam beta, both beta
beta1: beta1, first moment decay, adam beta1, beta 1, first beta
beta2: beta2, second moment decay, adam beta2, beta 2, second beta
eps: eps, epsilon
momentum: mom, momentum, mu
nesterov: nesterov, nesterov momentum, nesterov lookahead, nesterov look ahead
nesterov: nesterov acceleration
ns_steps: orthogonalization, orthogonalization iteration, newton schulz iter, ns iter
ns_steps: newton schulz5, newton schulz, newton schulz step, ns step, newton schulz iteration
ns_steps: ns iteration, ns5 step, muon iteration, orthogonalization step, polar express step
ns_steps: n iter, ns
amsgrad: amsgrad
warmup: warm, warming, warmup, warm up, lr warmup, learning rate warmup, warmup step, warming up
warmup: lr warm up, learning rate warm up, warmup iter, warmup ratio, warmup fraction
warmup: warmup length, ramp the learning rate up, ramp up the learning rate
warmdown: warmdown, warm down, cooldown, cool down, decay phase, cooldown phase, anneal phase
warmdown: lr warmdown, lr cooldown, learning rate cooldown, warmdown ratio, warmdown fraction
warmdown: learning rate warmdown, decay fraction, warmdown frac, cooldown fraction
warmdown: cooldown frac, annealing phase, decay window, warmdown window, decay portion
warmdown: linear warmdown length
schedule: lr schedule, learning rate schedule, lr decay, learning rate decay, lr scheduler
schedule: decay shape
init: init, initialization, initialize, init std, init scale, init gain, initialized
init: initialization scale, initialization std, initializing, weight init
init: init standard deviation, initialization standard deviation, initial std, initial scale
init: initial weight, init range
xzero_lambda: xzero shortcut, shortcut from the embedding, embedding shortcut, embedding skip
xzero_lambda: xzero, xzero lambda, xzero residual, xzero skip, xzero skip connection
xzero_lambda: xzero injection
resid_lambda: residual weight, per layer residual weight, residual coefficient, residual gate
resid_lambda: residual branch scalar, residual branch scale, residual branch scaling
resid_lambda: resid lambda, residual lambda, resid scalar, residual scalar, residual scaling
resid_lambda: residual scale, per layer residual scalar, residual multiplier, residual gain
resid_lambda: learnable residual scalar, layer scale, layerscale, learnable residual scaling
value_embedding: value embedding, ve, value embed, value residual embedding
value_residual: value residual, v residual, value residual learning, resformer
logit_scale: logit scale, logit multiplier, multiply logit, output scale, logit temperature
logit_scale: scale logit, output multiplier, multiply the logit, scale the logit, logit gain
attention_scale: attention scale, attention logit scale, softmax scale, qk scale, sm scale
attention_scale: qk gain, attention temperature, attention softmax scale, query scale
attention_scale: attention score scale
qk_norm: qk norm, qk normalization, normalize query and key, query key norm, qknorm, q k norm
qk_norm: norm on query and key, rmsnorm on q and k, normalize q and k, query key normalization
qk_norm: normalization of query and key, normalize the query and key, norm q and k, qk layernorm
norm: norm, normalization, normalize, norm layer
final_norm: final norm, final layer norm, final layernorm, last norm, output norm, final rmsnorm
attention_sink: attention sink, sink token, sink, null key value, register token
norm_gain: learnable gain, norm gain, learnable scale, norm scale, affine, elementwise affine
bias: bias, bias term, biase
skip: skip, skip connection, residual connection, unet skip, u net skip, unet style skip
skip: u net style skip connection, unet skip connection, long skip, u net skip connection, unet
tie: share input and output embedding, share the input and output embedding, share embedding
tie: tie, tied, tie embedding, weight tying, tied embedding, tying, tie weight, share weight
tie: shared weight, tie input and output embedding, tie the input and output embedding
tie: tie word embedding
parallel: parallel, parallel block, parallel attention, parallel residual, in parallel
parallel: parallel layer
share: share, weight sharing, sharing, share parameter, layer sharing, cross layer sharing, reuse
recurrence: loop, looped, recurrence, depth recurrence, recurrent layer, repeat layer
recurrence: layer looping
moe: moe, mixture of expert, expert, number of expert, n expert, num expert, moe expert
top_k: top, top k, active expert, expert per token, top k expert
mtp: mtp, multi token prediction, predict extra future token, extra future token, extra token
mtp: multi token, future token, auxiliary token prediction, predict future token
gate: gate, gating, sigmoid gate, output gate, gated, sigmoid gating
conv: conv, convolution, causal conv, short conv, depthwise conv, canon layer, causal convolution
token_shift: token shift, smear, shift token, token smear, smear gate
seq_len: ctx, ctx len, context len, seqlength, training length, sequence length, seq len
seq_len: sequence len, context length, max seq len, sequence, context, context size
seq_len: block size, context window, max sequence length, seqlen, max length, training context
vocab: vocab size, vocabulary, vocab, vocabulary size, number of token type, tokenizer size
packing: packing, pack, pack document, document packing, bin packing
shuffle: permute, randomly permute, permutation, random permutation, shuffled, reshuffle
shuffle: randomly order, shuffle, shuffling, randomize order, random order, shuffle document
shuffle: random shuffling, randomize, randomize document order, randomize the document order
shuffle: shuffle the document, shuffle data
doc_mask: intra document attention, document aware mask, per document attention, mask document
doc_mask: restrict attention, mask attention, attention within document
doc_mask: within document attention, document mask, document masking
doc_mask: mask attention across document, intra document mask
doc_mask: mask attention across document boundary, block diagonal mask, block diagonal attention
cross_doc: attention between document, attention across document, cross document attention
cross_doc: attention across document boundary, attend across document
precision: precision, dtype, datatype, data type, autocast
compile: torch compile, compile, compilation, torch dynamo, torch compile mode
flash: flash attention, flashattention, sdpa, flash attention 3, fa3, fa2, flex attention
tf32: tf32, tf32 matmul, float32 matmul precision high, tensorfloat
cuda_graph: cuda graph, cudagraph
fused: fused, fused optimizer, fused adamw, fused kernel
seed: seed, random seed
activation: activation, nonlinearity, non linearity, activation function
freeze: freeze, frozen, freezing
stride: stride, eval stride
epochs: epoch, number of epoch
grad_noise: gradient noise, noise
bigram: bigram, bigram hash embedding, hashed bigram embedding, hashed bigram embedding table
bigram: bigram embedding, bigram hash, hash bigram, bigram table
attention_only: attentiononly
min_doc: mindoc
min_doc_chars: mindocchar
mlp_only: mlponly
trigram: trigram, trigram hash embedding, trigram embedding, trigram hash
loss_weight: multiply loss, loss weight, multiply the loss, scale the loss, loss scale
aux_loss: auxiliary loss, aux loss, load balancing loss, balance loss
focal: focal loss
lookahead: lookahead, lookahead optimizer, look ahead
sam: sam, sharpness aware minimization
checkpointing: gradient checkpointing, activation checkpointing, checkpointing
cautious: cautious, cautious update, cautious masking, cautious weight decay
"""
