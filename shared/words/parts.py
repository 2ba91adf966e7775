"""Named settings, parts of a model, and adjectives that name a parameter."""

# Lines are `meaning: phrase, phrase`.
# `family.value`: naming one of these says what the family is set to.
VALUES = """
window_pattern.l: whole context, full causal attention, full length causal attention, see everything
window_pattern.l: attend over the whole sequence, attend over the whole context
window_pattern.l: attend to everything
window_pattern.l: attend over the full context, attend to the full context, full context everywhere
window_pattern.l: attend over whole sequence, global causal attention, full attention layer
window_pattern.l: all full, all full window, all layer l, every layer l, full attention everywhere
position.alibi: linear distance penalty, distance penalty, linearly by distance, distance bias
position.alibi: linear bias on distance, linear distance bias, alibi bias, alibi slope
activation.swiglu: gated mlp with silu, silu gated mlp, silu gated feed forward
dtype.fp8: e4m3, eight bit floating point, eight bit float, 8 bit floating point, 8 bit float
norm_place.sandwich: normalize each sublayer output, normalize the output of each sublayer
norm_place.sandwich: rmsnorm to each sublayer output, rmsnorm on each sublayer output
norm_place.sandwich: post norm inside the residual branch, pre norm and post norm
activation.relu: relu, plain relu
activation.relu2: relu2, relu squared, squared relu, relu sq, sq relu, relusquared, relu square
activation.relu3: relu3, relu cubed, cubed relu, cube the relu, cube relu, relu cube, cubic relu
activation.leaky: leaky relu, leakyrelu
activation.leaky2: leaky relu squared, leakyrelu2, leaky relu2, squared leaky relu
activation.leaky2: leakyrelu squared
activation.gelu: gelu, gaussian error linear unit
activation.silu: silu, swish
activation.hardswish: hard swish, hardswish, hard silu, hardsilu
activation.gelu2: gelu squared, square the gelu
activation.silu2: silu squared, silu2, squared silu
activation.swiglu: swiglu, swi glu, gated silu, silu gated
activation.geglu: geglu, ge glu
activation.reglu: reglu
activation.glu: glu, gated linear unit
activation.tanh: tanh
activation.mish: mish
activation.elu: elu
activation.sigmoid: sigmoid
activation.softplus: softplus
norm_type.rms: rmsnorm, rms norm, root mean square norm
norm_type.layer: layernorm, layer norm, layer normalization
norm_type.group: groupnorm, group norm
norm_type.dyt: dyt, dynamic tanh
norm_place.pre: pre norm, prenorm, pre normalization, pre ln, pre layer norm
norm_place.post: post norm, postnorm, post normalization, post ln
norm_place.sandwich: norm before and after, before and after each sublayer, sandwich
norm_place.sandwich: normalize each sublayer output, normalize sublayer output, pre and post norm
norm_place.sandwich: both pre and post norm, additionally normalize each sublayer output
norm_place.sandwich: normalize output of each sublayer, sandwich normalization
norm_place.sandwich: sandwich norm, peri ln, peri norm, peri layernorm
schedule.linear: line, straight line, linear, linearly, linear decay, triangular
schedule.cosine: cosine, cosine decay, cosine annealing, cos, half cosine, cosine schedule
schedule.cosine: cosine shape
schedule.constant: constant, flat, fixed, constant lr
schedule.exponential: exponential, exponentially, exponential decay
schedule.oneminussqrt: sqrt warmdown, sqrt shape, sqrt schedule, square root, square root shape
schedule.oneminussqrt: oneminussqrt, sqrt decay, square root decay, sqrt cooldown
schedule.invsqrt: inverse sqrt, inverse square root, rsqrt
schedule.wsd: wsd, warmup stable decay, trapezoidal, trapezoid
schedule.polynomial: polynomial, quadratic, poly
schedule.onecycle: one cycle, onecycle, cyclical, cyclic
schedule.step: step decay, stepwise, staircase
optimizer.adam: adam, adamw, adam w
optimizer.muon: muon
optimizer.lion: lion
optimizer.sgd: sgd
optimizer.nadam: nadam, nadamw
optimizer.sophia: sophia
optimizer.shampoo: shampoo
optimizer.soap: soap
optimizer.adafactor: adafactor
optimizer.adopt: adopt optimizer
optimizer.ademamix: ademamix
optimizer.rmsprop: rmsprop
optimizer.lamb: lamb
optimizer.schedulefree: schedule free, schedulefree
optimizer.normuon: normuon, nor muon
optimizer.adamuon: adamuon
dtype.bf16: bf16, bfloat16, brain float
dtype.fp16: fp16, float16, half precision
dtype.fp32: fp32, float32, full precision
dtype.fp8: fp8, float8
dtype.int8: int8
initial.zero: zero init, zero initialization, zero initialize, init to zero, initialize to zero
initial.zero: zeroed
initial.orthogonal: orthogonal, orthogonally, orthogonal init, orthogonal initialization
initial.uniform: uniform, uniform init, uniform initialization, uniformly
initial.truncnormal: truncated normal, trunc normal, truncated gaussian, truncated normal init
initial.normal: normal, gaussian distribution, normal init, gaussian, gaussian init
initial.normal: normal distribution
initial.xavier: xavier, glorot, xavier init
initial.kaiming: kaiming, he init, kaiming init
initial.identity: identity init, identity initialization
initial.mup: mup, mu p, maximal update parametrization
position.rope: rotary position
position.alibi: alibi, alibi biase
position.nope: nope, no positional encoding, no positional embedding, no position embedding
position.learned: learned position
position.xpos: xpos
packer.bestfit: best fit, best fit packing, bestfit
packer.greedy: greedy, greedily, greedy packing
packer.random: random packing, random crop
compile_mode.maxautotune: max autotune
compile_mode.reduceoverhead: reduce overhead
window_pattern.l: full context, full context layer, full context window, full length attention
window_pattern.l: no sliding window, full attention, global attention, dense attention
window_pattern.sl: alternate short and long window, alternating short and long window
window_pattern.sl: alternating short and long, alternate short and long, short and long alternate
window_pattern.l: all long, only long window, long window everywhere, no local attention
window_pattern.l: no short window, no windowing, no windowed attention, global window
window_pattern.l: full length window, every layer attend to full context
window_pattern.l: full window, full context attention
attention_type.mqa: mqa, multi query attention, multiquery attention
attention_type.mha: mha, multi head attention, multihead attention
attention_type.mla: mla, multi head latent attention, latent attention
attention_type.linear: linear attention
attention_type.differential: differential attention, diff attention, diff transformer
"""
# Which part of the model, or of the run, something applies to.
MODIFIERS = """
test_time: ttt, test time training, test time adaptation, test time, test time tuning
embedding: embedding, embed, embd, token embedding, wte, tok emb, input embedding
embedding: word embedding
unembedding: unembedding, unembed, lm head, head weight, output head, output embedding
unembedding: classifier head, output layer, lmhead, classifier, output matrix
unembedding: unembedding matrix, lm head weight
matrix: matrix, matrice, matrix param, hidden matrix, matrix parameter, weight matrix
matrix: hidden matrice, hidden weight, block weight, block matrix, block matrice, matrix weight
matrix: transformer matrix, transformer matrice, weight matrice, block weight matrix
matrix: transformer weight, matrix shaped weight, hidden layer weight
embedding: embedding table, token table, input embedding table, token embedding table
embedding: token embedding matrix, embedding matrix, embedding weight, input embedding matrix
unembedding: vocab projection, vocabulary projection, logit projection, output classifier
unembedding: logit layer, logit head, readout, final linear, final linear layer, vocab head
unembedding: final projection, prediction head, output vocabulary projection, unembedder
scalar: scalar, scalar param, scalar parameter, per layer scalar, lambda scalar
value_embedding: value emb
attention: attention output, output of attention, output of the attention, attention branch
attention: qk score, qk logit, qk product
attention: attention, attn, self attention, attention weight, attention score, attention logit
mlp: mlp output, output of the mlp, mlp branch, mlp, feed forward, feedforward, ffn
mlp: feed forward layer, feed forward network, ff
first_layer: early layer, first layer, first block
residual: residual branch, residual, resid, residual stream
projection: output projection, c proj, proj, projection, out proj, o proj
query: query, q, wq
key: key, k, wk
value: v, wv
logit: logit
gradient: gradient, grad, global gradient norm, global norm, grad norm, gradient norm
weights: weight of the model, model weight
loss: loss, cross entropy, ce, ce loss, training loss
first: first, bottom
last: last, top most, final few, latter
after: after
before: until
ramp: ramp, ramping, ramp up, ramping up
over_time: during training, over training, throughout training, over the course of training
over_time: curriculum, curriculum learning, progressively, gradually
all_layers: all layer, every layer, each layer, per layer, in every layer, all block
all_layers: every block
alternate_layers: every second layer, every other layer, alternating layer, alternate layer
last_layer: last layer, final layer, last block, late layer, later layer
final: final, end of, terminal
minimum: min, minimum, floor
maximum: max, maximum
document: document, doc, text, training document
optimizer_state: adam moment, adam state, moment, optimizer state, optimizer moment
optimizer_state: momentum buffer
hidden_linear: linear
qkv: qkv, q k v, qkv projection
looped: looped block, looped layer
"""
# Adjectives that name their parameter.
BIGGER = """
depth: deeper, deepen, deepening
width: fatter, thicker, wider, widened, widen, widening, wide
lr: hotter
"""
SMALLER = """
depth: shallower, shallow
width: narrower, narrow, narrowing, slimmer, thinner
"""
# Words that name a parameter and switch it off.
WITHOUT = """
norm_gain: gain free, gainless, scale free
softcap: uncap, uncapped, uncapping
clip: unclip, unclipped
tie: untie, untying, untied, decouple, separate embedding, decouple embedding
bias: bias free, biasless
"""
