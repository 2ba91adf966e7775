"""How much each piece of evidence counts; printed by `benchmarks/words.py`.

A weight is never of the other sign than its evidence. Fitted, by logistic regression, on labelled
pairs, and on neighbours and chance pairs from real logs as examples of what is not the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

BIAS = 0.88
FOR: Mapping[str, float] = MappingProxyType(
    {
        "every change agrees": 2.34,
        "targets met": 1.01,
        "the same ratio": 0.69,
        "few words, the same numbers": 0.00,
        "parameters in common": 0.23,
        "things named by both": 0.08,
        "words in common": 0.34,
        "no numbers, the same things named": 0.13,
    }
)
AGAINST: Mapping[str, float] = MappingProxyType(
    {
        "changes that contradict": -0.77,
        "no parameter in common": -0.43,
        "numbers of one only": -0.72,
        "other targets": -0.07,
        "opposite words": -0.97,
        "other parts": -0.46,
        "words not read": -0.24,
        "changes not read": -0.45,
        "a long text not wholly alike": -4.22,
        "things named by each alone": 0.00,
        "fillings of a loose mould": -1.03,
        "fillings of a mould": -1.68,
        "other words in a mould": -1.65,
        "other words in a tight mould": -1.86,
        "additions to a mould": -0.87,
        "the same words swapped": -3.17,
        "one says the other and more": -2.46,
        "changes that the other never names": -0.57,
        "all read, contradicting": -0.57,
        "all read, changes of one only": -1.72,
        "all read, no parameter in common": -0.88,
    }
)
