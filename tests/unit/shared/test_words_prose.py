"""What is told by somebody who names no constant."""

import pytest

from shared.words import REFERENCE_VOCABULARY, parse_hypothesis
from shared.words.hypotheses import name_of
from shared.words.schedules import SCHEDULES
from shared.words.shares import number

FACTORS = [
    ("the batch should be shortened by half", "batch", 0.5),
    ("the token table should learn a third faster", "lr[embedding]", 4 / 3),
    ("the token table a quarter slower", "lr[embedding]", 3 / 4),
    ("the output matrix should go twice as fast", "lr[unembedding]", 2),
    ("a fifth less speed for the little multipliers", "lr[scalar]", 4 / 5),
    ("speed the token table up by half", "lr[embedding]", 1.5),
    ("only the block matrices should go at half speed, not the tables", "lr[matrix]", 0.5),
    ("a quarter more decay", "weight_decay", 1.25),
    ("make the model half again as wide without giving it more layers", "width", 1.5),
    ("half the sequences on the card at once", "device_batch", 0.5),
    ("the cap on the logits could be a fifth looser", "softcap", 1.2),
    ("the token embedding should train at half of its present rate", "lr[embedding]", 0.5),
    ("the scalars should learn half again as fast", "lr[scalar]", 1.5),
    ("the last layer, the one that scores words, should learn twice as fast",
     "lr[unembedding]", 2),
    ("the value tables should be decayed with half of their present strength",
     "weight_decay[value_embedding]", 0.5),
    ("every weight update should see twice as many tokens", "batch", 2),
    ("the heads should be twice as wide as they are", "head_dim", 2),
    ("each attention head should be twice as wide, with fewer of them", "head_dim", 2),
    ("twice as much of the first embedding", "xzero_lambda", 2),
]  # fmt: skip
VALUES = [
    ("the rate should climb to its peak over the first twentieth of the run", "warmup", 0.05),
    ("over the first tenth of the run the rates should rise from zero", "warmup", 0.1),
    ("a tenth of the run for a linear ramp-up", "warmup", 0.1),
    ("the rates should fall only over the last third of the run", "warmdown", 1 / 3),
    ("full rate for three quarters of the run", "warmdown", 0.25),
    ("full rate for seventy percent of the run, then a linear decay to zero", "warmdown", 0.3),
    ("drop the constant phase completely", "warmdown", 1),
    ("warm-down over the whole run", "warmdown", 1),
    ("the way down should be the last ninety seconds", "warmdown", 0.3),
    ("bring the rates down over the last 165 seconds", "warmdown", 0.55),
    ("climb to full speed over the first six seconds", "warmup", 0.02),
    ("keep the rates constant until the very end", "warmdown", 0),
    ("let the rate end at a tenth of its peak", "final_lr", 0.1),
    ("leave a twentieth of the peak rate standing", "final_lr", 0.05),
    ("the rates should have vanished at the end", "final_lr", 0),
    ("the rates should die out", "final_lr", 0),
    ("momentum reaches 0.95 at step 200", "warmup[momentum]", 200),
    ("the block matrices should not be decayed at all", "weight_decay", 0),
    ("the shrinkage coefficient should be three tenths", "weight_decay", 0.3),
    ("step only after every 65536 tokens", "batch", 65_536),
    ("make the stream 768 wide", "aspect_ratio", 96),
    (
        "during the first 15 of the 300 seconds the rates climb from zero to their peaks",
        "warmup",
        0.05,
    ),
    ("the momentum, which now reaches 0.95 within 150 steps", "warmup[momentum]", 150),
    ("two to the seventeenth tokens per batch", "batch", 2**17),
    ("short layers should be allowed to look back over only the last 512 tokens", "window", 512),
    ("the layers with a limited view should see 512 tokens", "window", 512),
    ("give the short layers a quarter of the context", "window", 512),
    ("all query heads share one set of keys and values", "n_kv_head[query]", 1),
    ("a single set of keys and values serves all query heads", "n_kv_head", 1),
    ("each pair of query heads shares one set of keys and values", "n_kv_head", 2),
    ("keep the logits between minus 20 and 20", "softcap", 20),
    ("squeeze the logits to 20", "softcap", 20),
    ("keep 98 percent of its running average of the squares", "beta2", 0.98),
    ("the second moment at 0.98", "beta2", 0.98),
    ("the base of the rotary positions at 50000", "rope_base", 50_000),
    ("a 64-channel gate on the value embedding", "width[gate,value_embedding]", 64),
    ("1 - beta2 halved, 5% -> 2.5%", "beta2", 0.975),
    ("Adam momentum 0.85", "beta1", 0.85),
    ("wte decay off", "weight_decay[embedding]", 0),
    ("updates of 65536 tokens", "batch", 65_536),
    ("batch of two hundred and sixty thousand tokens", "batch", 260_000),
    ("factors on the residual stream from 1.0 to 0.9", "resid_lambda", 0.9),
    ("add three hundred and twenty steps of warmup", "warmup", 320),
    ("weight decay of 0.01, on wte alone", "weight_decay[embedding]", 0.01),
    ("do not decay the LR to zero; stop at 5% of the peak", "final_lr", 0.05),
    ("weight decay rate of the embeddings 0.1", "weight_decay[embedding]", 0.1),
]  # fmt: skip
STEPS = [
    ("the model should be three layers deeper", "depth", 3),
    ("the model should be two blocks shallower", "depth", -2),
    ("the depth plus two", "depth", 2),
    ("orthogonalize the update with two fewer iterations", "ns_steps", -2),
    ("orthogonalization with one round fewer", "ns_steps", -1),
    ("eight more channels", "width", 8),
    ("make the stream 64 channels wider", "width", 64),
]


def only_atom(text):
    (atom,) = parse_hypothesis(text, REFERENCE_VOCABULARY).atoms
    return atom


@pytest.mark.parametrize(("text", "name", "factor"), FACTORS)
def test_how_many_times_as_much_is_read(text, name, factor):
    atom = only_atom(text)
    assert name_of(atom) == name
    assert (atom.change.kind, atom.change.value) == ("factor", pytest.approx(factor, rel=1e-5))


@pytest.mark.parametrize(("text", "name", "value"), VALUES)
def test_what_it_should_become_is_read(text, name, value):
    atom = only_atom(text)
    assert name_of(atom) == name
    assert [number.value for number in atom.new] == [pytest.approx(value, rel=1e-3)]


@pytest.mark.parametrize(("text", "name", "step"), STEPS)
def test_how_many_more_is_read(text, name, step):
    atom = only_atom(text)
    assert name_of(atom) == name
    assert (atom.change.kind, atom.change.value) == ("delta", step)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (
            "The depth should double, but the batch should be a quarter as large",
            "depth x2, batch x0.25",
        ),
        ("EMBEDDING_LR and MATRIX_LR both x1.2", "EMBEDDING_LR x1.2, MATRIX_LR x1.2"),
        ("GELU, and widen the MLP from 4x to 5x", "GELU; MLP 4x -> 5x"),
        ("warmup from nothing to a twentieth", "warmup 0 -> 0.05"),
        ("d8 w640, loses to #84", "depth 8, width 640, loses"),
        ("ar51 after #12", "aspect ratio 51"),
        ("head decay 1 % -> 2 %", "lm_head weight decay 0.01 -> 0.02"),
        (
            "lower the value embeddings' decay to 0.001",
            "value embedding weight decay down to 0.001",
        ),
    ],
)
def test_a_manner_of_speaking_changes_nothing(text, plain):
    def said(words):
        atoms = parse_hypothesis(words, REFERENCE_VOCABULARY).atoms
        return {
            (name_of(a), a.value, tuple(q.value for q in (*a.old, *a.new)), a.change) for a in atoms
        }

    assert said(text) == said(plain)


@pytest.mark.parametrize(
    ("text", "value"),
    [("twice", 2), ("two thirds", 2 / 3), ("ten times", 10), ("sixty five percent", 0.65),
     ("5%", 0.05), ("a tenth", 0.1), (".25", 0.25)],
)  # fmt: skip
def test_a_share_is_a_number(text, value):
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["rate for a third", "the last word", "plateau from here to there"]
)
def test_no_schedule_is_read_where_none_is_told(text):
    assert all(pattern.search(text) is None for _, pattern, _ in SCHEDULES)
