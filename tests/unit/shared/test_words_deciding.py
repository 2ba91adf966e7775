import pytest

from shared.words import decide, parse_hypothesis


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
    ],
)
def test_what_looks_alike_is_still_told_apart(one, other):
    assert not verdict(one, other).is_duplicate


def test_two_statements_that_only_name_a_thing_need_the_same_numbers():
    one, other = "WD split: 0.1 for attention", "WD split: 0.2 for attention"
    assert not verdict(one, other).is_duplicate
