"""Whatever number somebody writes, what was read of it is stored and read back as it was."""

from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.dedup.keys import parameters_key, values_key
from coordinator.dedup.readings import reading_from_json, reading_to_json
from shared.words import DEFAULT_VOCABULARY, REFERENCE_VOCABULARY, decide, parse_hypothesis
from shared.words.hypotheses import starting_from

numbers = st.one_of(
    st.sampled_from(
        [
            *("0", "-0", "2", "1e999", "-1e999", "+1e999%", "x1e999", "/5e-324", "/1e999"),
            *("1e-999", "1e999s", "1e307b", "1.7e308k", "1e300 million", "1e308 thousand"),
            *("4e4462", "10**90", "1<<300", "9<<999", "999999999**999", "1e300 * 1e300 * 0"),
            "2 * 999999999**99",
            *("9" * 320, "9" * 320 + "/3", f"x {'9' * 320}/3", f"1.{'0' * 320}k"),
        ]
    ),
    st.floats(0, 1e308).map(str),
)
sentences = st.sampled_from(
    [
        *("Raise MATRIX_LR to {}", "halve the LR from {} to {}", "MATRIX_LR x {}", "depth {}"),
        *("width from {} to {}", "the LR of {} doubled", "{} times the LR of {}", "lr {}% lower"),
        *("1 - beta2 = {}", "sqrt({})", "variance {}", "a third of {}", "start decay at {}"),
        *("warmup of {} seconds", "window of {}", "MLP {}x wider", "rope dims {}", "n_kv_head {}"),
        *("scale the batch by {} from {}", "aspect ratio {} and depth {}", "use {} tokens"),
        *("raise the LR from {} by {}", "revert commit {}", "{} as much LR", "{} ** 0.5"),
    ]
)
NOTHING_LEFT = starting_from(
    ["DEPTH = 0", "n_embd = 0", "HEAD_DIM = 0", "ASPECT_RATIO = 64", "MATRIX_LR = 0.04"],
    DEFAULT_VOCABULARY,
)
vocabularies = st.sampled_from([DEFAULT_VOCABULARY, REFERENCE_VOCABULARY, NOTHING_LEFT])


@st.composite
def hypotheses(draw):
    sentence = draw(sentences)
    return sentence.format(*[draw(numbers) for _ in range(sentence.count("{}"))])


@given(hypotheses(), hypotheses(), vocabularies)
@example("use 2 * 999999999**99 tokens", "depth 9", DEFAULT_VOCABULARY)
@example("a width of 512", "rope dims 64", NOTHING_LEFT)
@example("MLP 2048x wider", "MLP hidden size 2048", NOTHING_LEFT)
@example(f"{'9' * 320} as much LR", f"1.{'0' * 320} times as much LR", REFERENCE_VOCABULARY)
def test_what_was_read_of_a_number_is_read_back(text, other, vocabulary):
    parsed, neighbour = (parse_hypothesis(each, vocabulary) for each in (text, other))
    assert reading_from_json(reading_to_json(parsed)) == parsed
    assert parameters_key(parsed)
    assert values_key(parsed)
    decide(parsed, neighbour)
