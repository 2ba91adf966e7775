import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.words.lexer import tokens
from shared.words.numbers import QUANTITY, Quantity, read_quantity
from shared.words.targets import Pool


def quantity(text):
    (found,) = [token.quantity for token in tokens(text) if token.quantity]
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("262144", 262144),
        ("262,144", 262144),
        ("262_144", 262144),
        ("2**18", 262144),
        ("2^18", 262144),
        ("1 << 18", 262144),
        ("4e-2", 0.04),
        (".5", 0.5),
        ("5%", 0.05),
        ("5 percent", 0.05),
        ("1/8", 0.125),
        ("1.5M", 1.5e6),
        ("two hundred thousand", 200_000),
        ("three quarters", 0.75),
        ("a third", 1 / 3),
        ("= -0.5", -0.5),
        ("2**99999", 0),
    ],
)
def test_a_number_has_one_value_in_all_its_spellings(text, value):
    if text == "2**99999":  # nothing large is computed to find out that it is large
        assert [token.quantity.value for token in tokens(text) if token.quantity]
    else:
        assert quantity(text).value == pytest.approx(value)
        assert quantity(text).kind == "value"


@pytest.mark.parametrize(
    ("text", "factor"),
    [("x0.8", 0.8), ("0.8x", 0.8), ("\u00d72", 2), ("*= 0.8", 0.8), ("/2", 0.5), ("+10%", 1.1)],
)
def test_a_factor_is_not_a_value(text, factor):
    assert quantity(f"lr {text}").kind == "factor"
    assert quantity(f"lr {text}").value == pytest.approx(factor)


@pytest.mark.parametrize("other", ["524K", "512K", "2**19", "0.5M", "524,288"])
def test_a_suffix_may_be_decimal_or_binary(other):
    assert quantity(other).equals(quantity("524288"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("512K", "500K"),
        ("524K", "262K"),
        ("0.7", "0.75"),
        ("200K", "100K"),
        ("5", "5%"),
        ("262K", "261000"),
        ("2x", "2"),
    ],
)
def test_different_numbers_stay_different(one, other):
    assert not quantity(one).equals(quantity(other))


def test_infinity_equals_nothing_by_accident():
    assert not Quantity(value=float("inf")).equals(Quantity(value=1.0))


@pytest.mark.parametrize(
    "text", ["1e999", "9<<999", "999999999<<999", "999999999**999", "1e307b", "9" * 320 + "/3"]
)
def test_the_largest_number_is_finite(text):
    assert quantity(text).value <= sys.float_info.max


def test_a_large_power_is_what_it_is():
    assert quantity("10**90").value == 1e90


SAID = ["2", "0.02", "2%", "512K", "524288", "524K", "1/3", "0.33", "0.333", "x1.5", "1.5", "+1"]
quantities = st.one_of(
    st.sampled_from([read_quantity(match) for text in SAID for match in QUANTITY.finditer(text)]),
    st.builds(
        Quantity,
        value=st.one_of(st.integers(-3, 3).map(float), st.floats(allow_nan=False)),
        kind=st.sampled_from(["value", "factor", "delta"]),
        suffix=st.sampled_from(["", "", "k", "m", "%", "/"]),
        slack=st.sampled_from([0.0, 0.005, 0.5]),
    ),
)


@given(quantities, st.lists(quantities, max_size=8), st.lists(st.floats(-2, 2), max_size=3))
def test_a_pool_has_what_one_of_its_numbers_can_be(number, others, products):
    everything = [*others, *(Quantity(value=product) for product in products)]
    assert Pool(others, products).has(number) == any(
        (each.kind == "delta") == (number.kind == "delta") and number.reads_as(each)
        for each in everything
    )
