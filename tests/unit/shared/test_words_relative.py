"""Amounts told by what they are compared with, and schedules told as a story."""

import pytest

from shared.words import DEFAULT_VOCABULARY, REFERENCE_VOCABULARY, decide, parse_hypothesis


def is_same(one, other):
    read = (parse_hypothesis(text, REFERENCE_VOCABULARY) for text in (one, other))
    return decide(*read).is_duplicate


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("a quarter more weight decay", "WEIGHT_DECAY = 0.25"),
        ("Muon lr a quarter lower", "MATRIX_LR = 0.03"),
        ("make the batch a half larger", "TOTAL_BATCH_SIZE = 786432"),
        ("EMBEDDING_LR plus a third", "EMBEDDING_LR = 0.8"),
        ("20% off the embedding learning rate", "EMBEDDING_LR at 80%"),
        ("shave a tenth off the step of Muon", "MATRIX_LR = 0.036"),
        ("3/4 of the default matrix lr", "MATRIX_LR = 0.03"),
        ("cap the logits at 1.5 times the 15 of now", "softcap 22.5"),
        ("softcap should be twice what it is", "softcap = 30"),
        ("softcap +5", "softcap 20"),
        ("SCALAR_LR up by 0.1", "SCALAR_LR = 0.6"),
        ("move the Muon learning rate by +25%", "MATRIX_LR = 0.05"),
        ("the Muon lr 12.5 percent less than 0.04", "MATRIX_LR = 0.035"),
        ("half again as many blocks", "DEPTH = 12"),
        ("half as many blocks again", "DEPTH = 12"),
        ("DEPTH one lower than its present 8", "seven layers"),
        ("less depth: 6 layers", "DEPTH = 6"),
        ("HEAD_DIM cut in two", "HEAD_DIM = 64"),
        ("softcap 15 -> half", "softcap 7.5"),
        ("wd on Muon: a tenth, not a fifth", "WEIGHT_DECAY = 0.1"),
        ("set FINAL_LR_FRAC to a twentieth", "FINAL_LR_FRAC = 0.05"),
        ("Muon momentum warmup twice as long: 600 steps", "Muon momentum warmup 300 -> 600 steps"),
        ("tokens per update: 128 sequences of 2048", "TOTAL_BATCH_SIZE = 2**18"),
        ("a short window of context // 8", "short window = 256"),
        ("residual lambdas at 1/sqrt(2)", "residual lambdas at 0.5**0.5"),
        ("double the MLP expansion", "mlp ratio 8"),
        ("16 layers at model dim 384", "DEPTH=16, ASPECT_RATIO=24"),
        ("1e-4 * logsumexp(logits)**2 in the loss", "z-loss with coefficient 1e-4"),
        ("GQA with two query heads per KV head", "n_kv_head = 2"),
        ("first moment over ten steps, second moment over 100 steps", "ADAM_BETAS = (0.9, 0.99)"),
        ("residual scalars learn twice as fast", "the lr of the residual scalars doubled"),
    ],
)
def test_an_amount_told_is_the_amount_named(told, named):
    assert is_same(told, named)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a quarter more weight decay", "a quarter less weight decay"),
        ("a quarter more weight decay", "a quarter of the weight decay"),
        ("the MLP a quarter narrower", "the MLP a quarter wider"),
        ("20% off the embedding learning rate", "embedding learning rate to 20%"),
        ("softcap +5", "softcap 5"),
        ("a short window of context // 4", "short window = 256"),
        ("16 layers at model dim 384", "DEPTH=16, ASPECT_RATIO=32"),
        ("less depth: 6 layers", "6 layers less"),
        ("double the MLP expansion", "mlp ratio 2"),
    ],
)
def test_another_amount_is_another_change(one, other):
    assert not is_same(one, other)


@pytest.mark.parametrize(
    ("told", "ratio"),
    [
        ("constant LR for the first 80 percent of the run, linear decay in the rest", "0.2"),
        ("keep the LR at its peak for 70% of the run, and only then decay linearly to zero", "0.3"),
        ("the plateau should last a mere 10% of the run, and the linear slope the rest", "0.9"),
        ("let the learning rate begin to fall after 30% of the time budget", "0.7"),
        ("no plateau: decay linearly from step one", "1.0"),
        ("start the linear warmdown when 40% of the run is left", "0.4"),
        ("start the warmdown earlier, ratio 0.8", "0.8"),
        ("cool down for 100 s", "1/3"),
    ],
)
def test_a_schedule_told_is_a_warmdown(told, ratio):
    assert is_same(told, f"WARMDOWN_RATIO = {ratio}")
    assert not is_same(told, "WARMDOWN_RATIO = 0.6")


def test_a_trapezoid_has_a_warmup_and_a_warmdown():
    assert is_same("10% up, 50% flat, 40% down", "WARMUP_RATIO = 0.1, WARMDOWN_RATIO = 0.4")


def test_where_the_rate_ends_is_no_plateau():
    assert is_same("let the LR end at 10% of its peak", "FINAL_LR_FRAC = 0.1")


def test_seconds_are_a_share_of_a_run_whose_length_is_known():
    told, named = "warm up for 6 s", "WARMUP_RATIO = 0.02"
    assert is_same(told, named)
    unknown = (parse_hypothesis(text, DEFAULT_VOCABULARY) for text in (told, named))
    assert not decide(*unknown).is_duplicate


def test_equal_changes_are_left_open_where_a_word_tells_them_apart():
    texts = (f"move value embeddings to the {which} half of it" for which in ("late", "early"))
    assert decide(*(parse_hypothesis(text, REFERENCE_VOCABULARY) for text in texts)).is_open
