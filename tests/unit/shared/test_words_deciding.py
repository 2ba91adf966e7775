from dataclasses import replace

import pytest

from shared.words import REFERENCE_VOCABULARY, decide, parse_hypothesis, reconsider


def verdict(one, other):
    return decide(parse_hypothesis(one), parse_hypothesis(other))


# The peers' rule got each of these wrong: the first by its similarity, the second by its distance.
CONTRADICTIONS = [
    ("warmdown 0.7 to 0.75", "warmdown 0.5 to 0.7"),
    ("increase weight decay", "decrease weight decay"),
    ("embedding LR 0.8", "unembedding LR 0.8"),
    ("add dropout", "remove dropout"),
    ("ReLU -> GELU", "GELU -> ReLU"),
    ("depth 10", "depth 10 and no warmup"),
    ("embedding LR 0.8, matrix LR 0.04", "embedding LR 0.04, matrix LR 0.8"),
    ("multiply the LR by 2", "divide the LR by 2"),
    ("raise the LR", "raise the LR to 0.05"),
    ("value embeddings in every layer", "value embeddings in every second layer"),
]
AGREEMENTS = [
    ("halve batch 524K to 262K", "TOTAL_BATCH_SIZE 2**19 -> 2**18"),
    ("increase learning rate to 0.04", "raise the LR up to 4e-2"),
    ("no weight decay", "set the weight decay to zero"),
    ("cosine decay instead of linear", "replace the linear LR schedule with a cosine one"),
    ("embedding LR 0.8 and depth 9", "DEPTH = 9, EMBEDDING_LR = 0.8"),
    ("double the LR", "LR 0.02 -> 0.04"),
]


@pytest.mark.parametrize(("one", "other"), CONTRADICTIONS)
def test_a_contradiction_is_never_a_duplicate_however_similar_the_words(one, other):
    assert not verdict(one, other).is_duplicate
    assert not verdict(other, one).is_duplicate


@pytest.mark.parametrize(("one", "other"), AGREEMENTS)
def test_the_same_change_is_a_duplicate_however_different_the_words(one, other):
    assert verdict(one, other).is_duplicate
    assert verdict(other, one).is_duplicate


def test_a_verdict_says_why():
    assert verdict("depth 10", "10 layers").reason == "the same change of depth"
    assert "lr" in verdict("depth 10", "LR 10").reason


def test_words_that_nobody_knows_count_as_they_stand():
    one = "spectral gizmo in the residual"
    assert verdict(one, "use a spectral gizmo for the residual").is_duplicate
    assert not verdict(one, "temporal gizmo in the residual").is_duplicate


def test_what_one_puts_in_place_of_the_other_tells_them_apart():
    one = "filter out the 10% of documents with the highest compression ratio"
    assert not verdict(one, one.replace("highest", "lowest")).is_duplicate


def test_the_same_words_in_other_parts_are_another_experiment():
    one, other = "GQA in the S layers, full KV heads in the L layers", "GQA, depth 9"
    assert not verdict(one, "Full KV heads in the S layers, GQA in the L layers").is_duplicate
    assert verdict(other, "depth 9, GQA").is_duplicate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("wider (ASPECT_RATIO=96), shallower (DEPTH=6)", "DEPTH 6 with ASPECT_RATIO 96"),
        ("SGD-style momentum of Muon at 0.9 rather than 0.95", "Muon momentum=0.9"),
    ],
)
def test_the_order_of_the_two_does_not_matter(one, other):
    assert verdict(one, other) == verdict(other, one)


def test_who_sets_one_more_parameter_runs_another_experiment():
    one = "Multi-query attention, and use the freed parameters for MLP ratio 5"
    assert not verdict(one, "n_kv_head=1").is_duplicate


def test_what_stays_as_it_is_is_no_change():
    one = "MATRIX_LR 0.04 -> 0.05"
    other = "raise the matrix LR to 0.05 but leave EMBEDDING_LR at 0.6 and weight decay at 0.2"
    assert verdict(one, other).is_duplicate


def test_a_factor_applies_to_the_value_that_is_said():
    assert verdict("UNEMBEDDING_LR 4e-3 -> 8e-3", "lm_head LR 0.004 doubled").is_duplicate
    assert not verdict("UNEMBEDDING_LR 4e-3 -> 6e-3", "lm_head LR 0.004 doubled").is_duplicate


def test_an_unread_part_of_a_compound_is_not_overlooked():
    one = "skip the warmup + add a gizmo to the tokenizer merges"
    assert not verdict(one, "skip the warmup").is_duplicate


@pytest.mark.parametrize("text", ["", "test", "...", "try it again"])
def test_saying_nothing_repeats_nothing(text):
    assert not verdict(text, text).is_duplicate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10x smaller embedding LR", "10x larger embedding LR"),
        ("dropout 0.1 until 50%", "dropout 0.1 after 50%"),
        ("embedding LR -30%", "embedding LR +30%"),
        ("softcap 20 in layers 3-6", "softcap 20"),
        ("EMA 0.99 + a new gizmo", "EMA 0.99"),
        ("cosine LR for Muon", "cosine LR for Adam"),
        ("cut SCALAR_LR by a third", "cut SCALAR_LR to a third of its current value"),
        ("seven short layers and one long", "three short layers and one long"),
        ("drop one Newton-Schulz iteration", "drop two Newton-Schulz iterations"),
        ("skip documents under 200 characters", "skip documents under 500 characters"),
        ("F.silu(x)", "F.silu(x)**2"),
        ("remove the MLP from the first block", "remove the attention from the first block"),
    ],
)
def test_what_looks_alike_is_still_told_apart(one, other):
    assert not verdict(one, other).is_duplicate


def test_two_statements_that_only_name_a_thing_need_the_same_numbers():
    one, other = "WD split: 0.1 for attention", "WD split: 0.2 for attention"
    assert not verdict(one, other).is_duplicate
    one = "MLP weight decay split: the decoder gets wd_dec=0.125, the encoder wd_enc=0.115"
    other = "MLP weight decay split: the first matrix gets wd_fc=0.115, the second wd_proj=0.095"
    assert not verdict(one, other).is_duplicate


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (
            "short documents first, long ones later",
            "long documents first, then short ones",
            "first",
        ),
        ("apply the norm, then dropout", "dropout first, the norm afterwards", "first"),
        ("clip gradients first, then add momentum", "add momentum first, clip afterwards", "first"),
        ("dropout 0.1 after the MLP", "dropout 0.1 on the token embedding", "dropout of mlp"),
        ("logit softcap 30", "attention softcap 30", "softcap of"),
        ("attention wd 0.3, MLP wd 0.1", "attention wd 0.1, MLP wd 0.3", "each other's places"),
        ("HEAD_DIM 64, full attention everywhere", "HEAD_DIM 64", "something more"),
        ("ADAM_BETAS (0.8, 0.95) -> (0.9, 0.95)", "ADAM_BETAS (0.8, 0.95) -> (0.8, 0.9)", "beta1"),
        ("clip gradients to norm 1", "clip every gradient element to [-1, 1]", "clip_value"),
        ("AdamW epsilon 1e-8", "RMSNorm epsilon 1e-8", "eps of"),
        ("shuffle the training shards", "shuffle the documents", "shuffle"),
    ],
)
def test_a_contradiction_says_in_what(one, other, why):
    told = verdict(one, other)
    assert not told.is_duplicate
    assert why in told.reason
    assert verdict(other, one) == told


@pytest.mark.parametrize(
    ("one", "other", "is_final"),
    [
        ("mix 10% code into the data", "mix 20% code into the data", True),
        ("dedupe with a MinHash threshold of 0.70", "dedupe with a MinHash threshold of 0.9", True),
        ("skip from layer 0 to the last", "skip from layer 1 to the last", True),
        ("a hidden layer of 8/3 x 512 at depth 8", "a hidden layer of 8/3 x 512 at depth 6", True),
        # The same number in another notation, and the number of a paper: to be read.
        (
            "dedupe with a MinHash threshold of 0.7",
            "dedupe with a MinHash threshold of 7e-1",
            False,
        ),
        ("a gate on the sums (arXiv 2401)", "a gate on the sums (arXiv 2402)", False),
    ],
)
def test_other_numbers_in_the_same_words_are_put_to_nobody(one, other, is_final):
    told = verdict(one, other)
    assert told == verdict(other, one)
    assert (not told.is_duplicate and not told.is_open) == is_final


def test_what_differs_in_many_words_of_one_mould_is_put_to_nobody():
    told = (
        "sample the {} documents from the {} shard with a {} window of the {} tokens each step,"
        " and keep the {} copy of the {} ones"
    )
    one = told.format("long", "web", "sliding", "rare", "cached", "noisy")
    near = verdict(one, told.format("long", "web", "sliding", "common", "cached", "noisy"))
    far = verdict(one, told.format("mathematical", "code", "random", "masked", "raw", "clean"))
    assert near.is_open
    assert not far.is_open
    assert not far.is_duplicate


@pytest.mark.parametrize(
    ("one", "other"), [("batch of 2**18", "batch of 4**9"), ("LR = 0.02 * 1.5", "LR = 0.01 * 3.0")]
)
def test_numbers_that_come_to_the_same_are_no_other_numbers(one, other):
    assert "the same words" not in verdict(one, other).reason


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("seven short layers and then one long one", 'WINDOW_PATTERN = "SSSSSSSL"'),
        ("two short layers per long one", "window pattern SSL"),
        ("replace the softcap by a z-loss of 1e-4", "no softcap, z-loss 1e-4"),
        ("drop one Newton-Schulz iteration", "ns_steps 5 -> 4"),
        ("cut SCALAR_LR to a third of its current value", "SCALAR_LR x 1/3"),
        ("stop the LR at 10% of peak rather than decaying to nothing", "FINAL_LR_FRAC 0.1"),
        ("hold the peak LR until 60% of training", "WARMDOWN_RATIO 0.4"),
        ("constant LR, no decay", "no warmdown"),
        ("skip documents of fewer than 200 characters", "drop docs shorter than 200 chars"),
        ("apply rotary to 1/4 of each head's channels", "partial RoPE, rotary_pct=0.25"),
        ("use depth 6", "6 layers"),
        ("raise the Muon momentum by 0.03", "Muon momentum 0.98"),
        ("use F.silu(x) where F.relu(x).square() is now", "SiLU activation"),
        ("widen the model from 512 to 768 at depth 8", "ASPECT_RATIO 64 -> 96"),
        ("deeper: 12 layers", "DEPTH = 12"),
        ("no more wte updates once progress passes 0.8", "freeze wte for the last 20%"),
        ("draw wte from N(0, 0.02²)", "initialise the token embedding with std 0.02"),
        ("MATRIX_LR = 4e-2 * 1.5", "MATRIX_LR 0.06"),
        ("EMBEDDING_LR=0.5 MATRIX_LR=0.045", "MATRIX_LR 0.045, EMBEDDING_LR 0.5"),
        ("fewer Newton-Schulz iterations: 4", "ns_steps = 4"),
        ("a longer 70% warmdown", "WARMDOWN_RATIO 0.5 -> 0.7"),
        ("EMBEDDING_LR to 1.5 times its default", "EMBEDDING_LR 0.9"),
        ("six layers at 512 wide", "depth 6 at width 512"),
        ("WEIGHT_DECAY three quarters of the present 0.2", "WEIGHT_DECAY 0.15"),
        ("weight decay +0.05 on top of the present 0.2", "weight decay 0.25"),
        ("make the warmdown half as long again", "WARMDOWN_RATIO 0.75"),
        ("MATRIX_LR down a quarter", "MATRIX_LR 0.03"),
        ("rotate 32 of the 128 head dims", "partial RoPE on a quarter of the head dims"),
        ("linear decay from step 0", "WARMDOWN_RATIO 1.0"),
        ("constant LR for the first 80% of the run, linear decay in the rest", "warmdown 0.2"),
        ("GQA with 2 KV heads, spending the saved time on a 5x MLP", "2 KV heads, MLP ratio 5"),
        ("current warmdown 0.5; lengthen to 0.75", "WARMDOWN_RATIO 0.5 -> 0.75"),
        ("keep only documents of at least 200 characters", "drop docs shorter than 200 chars"),
    ],
)
def test_what_is_told_is_what_is_named(told, named):
    a, b = (parse_hypothesis(text, REFERENCE_VOCABULARY) for text in (told, named))
    assert decide(a, b).is_duplicate
    assert decide(b, a).is_duplicate


OPEN = ("append a learned logit to the softmax of every head", "add an attention sink per head")


def test_an_open_verdict_follows_a_second_reader_who_is_sure():
    told = verdict(*OPEN)
    assert told.is_open
    assert reconsider(told, 6.0).is_duplicate
    assert not reconsider(told, -6.0).is_duplicate


def test_alike_but_for_a_word_is_for_a_second_reader_to_tell():
    told = verdict(
        "Use fp8 matmuls in the MLP up-projection c_fc alone.",
        "Use fp8 matmuls in c_fc (the MLP up-projection) alone.",
    )
    assert told.kind == "distinct"
    assert reconsider(told, 3.0).is_duplicate
    assert not reconsider(told, 0.0).is_duplicate


def test_a_second_reader_who_agrees_changes_nothing_of_what_is_said():
    told = verdict(*OPEN)
    read = reconsider(told, 6.0 if told.is_duplicate else -6.0)
    assert (read.kind, read.reason) == (told.kind, told.reason)
    assert not read.is_open


def test_what_is_open_or_barely_leans_refuses_nothing():
    told = replace(verdict(*OPEN), kind="duplicate", margin=1.0)
    assert told.is_duplicate
    assert not told.refuses
    barely, surely = reconsider(told, 0.0), reconsider(told, 1.0)
    assert barely.is_duplicate
    assert not barely.refuses
    assert surely.refuses
    assert told.settled().refuses
    assert not verdict("softcap 20", "softcap 30").refuses


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("momentum 0.955 with a ramp of 250 steps", "momentum 0.955"),
        ("squared ReLU minus its expected value", "leaky squared ReLU, sign kept"),
    ],
)
def test_more_numbers_and_words_that_nobody_knows_leave_equal_changes_open(one, other):
    told = verdict(one, other)
    assert told.is_open or not told.is_duplicate


def test_steps_of_different_sizes_are_two_experiments():
    told = verdict("lm_head lr +50 %", "unembedding lr doubled (8e-3)")
    assert not told.is_duplicate
    assert not told.is_open
    assert verdict("lm_head lr +100 %", "unembedding lr doubled (8e-3)").is_duplicate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("attn 0.045, mlp 0.035", "MATRIX_LR 0.045 for mlp, 0.035 for attn"),
        ("the other way round: Muon 0.6, AdamW 0.75", "AdamW on warm-down 0.6, Muon on 0.75"),
    ],
)
def test_the_same_numbers_for_each_others_parts_are_two_experiments(one, other):
    told = verdict(one, other)
    assert not told.is_duplicate
    assert not told.is_open


def test_what_layer_0_loses_is_no_step_by_nothing():
    told = verdict("Keep its attention, drop the MLP of layer 0.", "No attention in layer 0")
    assert not told.is_duplicate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[sweep misc 1/6] decay 2e-3 on the token embedding", "embedding wd 0.002"),
        ("[round 2 decay 1/5] embedding wd 0.002", "embedding wd 0.002"),
        ("[sweep adam beta2 2/4] 0.98", "[sweep misc 3 of 6] adam beta2 0.98"),
    ],
)
def test_the_place_in_a_series_is_no_part_of_the_change(one, other):
    assert verdict(one, other).is_duplicate
    for old, new in (("2e-3", "3e-3"), ("0.002", "0.003"), ("0.98", "0.99")):
        one = one.replace(old, new)
    assert not verdict(one, other).is_duplicate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("warmdown 0.7 to 0.75", "warmdown 0.5 to 0.7"),
        ("attention softcap 30", "logit softcap 30"),
        ("halve batch 524K to 262K", "TOTAL_BATCH_SIZE 2**19 -> 2**18"),
        ("double the LR", "double the LR"),
        ("softcap 20", "train on two epochs of shuffled code"),
        ("leap", "baseline: the program as it is"),
    ],
)
def test_what_the_words_settle_is_put_to_nobody(one, other):
    assert not verdict(one, other).is_open


def test_what_is_told_in_words_that_nobody_knows_is_left_open():
    told = parse_hypothesis("Lengthen rows: train at 2**12 tokens, same total batch size")
    again = parse_hypothesis("An optimizer step on every single pass of 128 rows")
    assert not told.words
    assert not told.atoms
    assert decide(told, again).is_open
