import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.changes import constant_edit
from shared.words import DEFAULT_VOCABULARY, parse_hypothesis
from shared.words.hypotheses import name_of, parse_changes


def atoms(text, vocabulary=DEFAULT_VOCABULARY):
    return {name_of(atom): atom for atom in parse_hypothesis(text, vocabulary).atoms}


def numbers(quantities):
    return [pytest.approx(quantity.value) for quantity in quantities]


@pytest.mark.parametrize(
    ("text", "name", "old", "new"),
    [
        ("EMBEDDING_LR 0.6 -> 0.8", "lr[embedding]", [0.6], [0.8]),
        ("raise the embedding learning rate from 0.6 to 0.8", "lr[embedding]", [0.6], [0.8]),
        ("learning rate of the embeddings 0.8 instead of 0.6", "lr[embedding]", [0.6], [0.8]),
        ("embedding LR 0.8 (was 0.6)", "lr[embedding]", [0.6], [0.8]),
        ("embed LR = 0.8", "lr[embedding]", [], [0.8]),
        ("go from 8 to 10 layers", "depth", [8], [10]),
        ("10 layers", "depth", [], [10]),
        ("MLP 4x -> 3x", "mlp_ratio", [4], [3]),
        ("no warmup", "warmup", [], [0]),
        ("no gradient accumulation", "accumulation", [], [1]),
        ("decay the LR to 5% of peak", "final_lr", [], [0.05]),
        ("start the cooldown at 30% of training", "warmdown", [], [0.7]),
        ("remove the softcap of 15", "softcap", [15], [0]),
    ],
)
def test_values_are_read(text, name, old, new):
    assert numbers(atoms(text)[name].new) == new
    assert numbers(atoms(text)[name].old) == old


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [
        ("halve the batch size", "factor", 0.5),
        ("lower the batch size by a third", "factor", 2 / 3),
        ("batch size up by 25%", "factor", 1.25),
        ("scale the batch size by 1.5", "factor", 1.5),
        ("batch size -20%", "factor", 0.8),
        ("divide the batch size by 4", "factor", 0.25),
        ("half the batch size", "factor", 0.5),
        ("two more layers", "delta", 2),
        ("add a layer", "delta", 1),
        ("remove two layers", "delta", -2),
    ],
)
def test_relative_changes_are_read(text, kind, amount):
    (atom,) = parse_hypothesis(text).atoms
    assert atom.change is not None
    assert (atom.change.kind, atom.change.value) == (kind, pytest.approx(amount))
    assert parse_hypothesis(text).is_relative


@pytest.mark.parametrize(
    ("text", "name", "value", "old"),
    [
        ("replace ReLU² with SwiGLU", "activation", "swiglu", "relu2"),
        ("ReLU^2 -> SwiGLU", "activation", "swiglu", "relu2"),
        ("SwiGLU instead of squared ReLU", "activation", "swiglu", "relu2"),
        ("cosine decay rather than linear", "schedule", "cosine", "linear"),
        ("cosine replaces the linear schedule", "schedule", "cosine", "linear"),
        ('WINDOW_PATTERN = "SSSSL"', "window_pattern", "ssssl", ""),
        ("use Lion for the embeddings, not Adam", "optimizer[embedding]", "lion", "adam"),
    ],
)
def test_named_settings_are_read(text, name, value, old):
    atom = atoms(text)[name]
    assert (atom.value, atom.old_value) == (value, old)


@pytest.mark.parametrize(
    ("text", "direction"),
    [("longer warmdown", 1), ("make the warmdown shorter", -1), ("lengthen the cooldown", 1)],
)
def test_directions_are_read(text, direction):
    assert atoms(text)["warmdown"].direction == direction


def test_a_compound_change_has_an_atom_for_each_part():
    text = "RoPE base 200K, window pattern SSSSL and depth 9; no dropout"
    assert set(atoms(text)) == {"rope_base", "window_pattern", "depth", "dropout"}
    assert set(atoms("double the LR and the weight decay")) == {"lr", "weight_decay"}


@pytest.mark.parametrize(
    "text",
    [
        "EMA decay 0.998 because weight decay 0.1 hurt in exp_017",
        "EMA decay 0.998: softcap 15 masks what dropout 0.2 does",
        "EMA decay 0.998 to widen the averaging window",
        "EMA decay 0.998 (4x the half-life), giving the warmdown of 0.7 more room",
        "Since the warmdown is long, use EMA decay 0.998",
        "EMA decay 0.998. The current warmdown of 0.72 is unusually long.",
    ],
)
def test_reasons_are_not_changes(text):
    assert set(atoms(text)) == {"ema"}


def test_scopes_keep_sibling_parameters_apart():
    assert set(atoms("attention dropout 0.1")) == {"dropout[attention]"}
    assert set(atoms("weight decay on lm_head 0.01")) == {"weight_decay[unembedding]"}
    assert set(atoms("Muon LR 0.04")) == set(atoms("MATRIX_LR = 0.04"))


def test_the_vocabulary_learns_the_constants_of_a_program():
    text = "FROBNICATION_DEGREE 3 -> 4"
    assert not atoms(text)
    learned = DEFAULT_VOCABULARY.with_constants(["FROBNICATION_DEGREE", "EMBEDDING_LR", "DEPTH"])
    assert numbers(atoms(text, learned)["frobnication_degree"].new) == [4]
    assert set(atoms("raise the frobnication degree to 4", learned)) == {"frobnication_degree"}
    assert set(atoms("EMBEDDING_LR = 1", learned)) == {"lr[embedding]"}


def test_constant_edits_read_like_words():
    edits = [
        constant_edit("TOTAL_BATCH_SIZE", "2**19", "2**18"),
        constant_edit("WINDOW_PATTERN", '"SSSL"', '"SSSSL"'),
    ]
    parsed = parse_changes(edits)
    assert parsed.parameters == ("batch", "window_pattern")
    assert parsed.atoms == parse_hypothesis("batch 2**19 -> 2**18, SSSL -> SSSSL").atoms


@given(st.text(max_size=300))
def test_any_text_can_be_parsed(text):
    parse_hypothesis(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "lr",
                "0.5",
                "2**18",
                "->",
                "to",
                "from",
                "(",
                ")",
                ":",
                ";",
                ",",
                "and",
                "no",
                "with",
                "5%",
                "half",
                "x2",
                "the",
            ]
        )
    )
)
def test_any_order_of_known_words_can_be_parsed(words):
    parse_hypothesis(" ".join(words))
