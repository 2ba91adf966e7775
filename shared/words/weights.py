"""How much each piece of evidence counts; printed by `benchmarks/words.py`.

A weight is never of the other sign than its evidence. Fitted, by logistic regression, on labelled
pairs, and on neighbours and chance pairs from real logs as examples of what is not the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

BIAS = 0.87
FOR: Mapping[str, float] = MappingProxyType(
    {
        "every change agrees": 2.20,
        "targets met": 1.14,
        "the same ratio": 0.36,
        "few words, the same numbers": 0.00,
        "parameters in common": 0.00,
        "things named by both": 0.04,
        "words in common": 0.00,
        "no numbers, the same things named": 0.03,
    }
)
AGAINST: Mapping[str, float] = MappingProxyType(
    {
        "changes that contradict": -0.90,
        "no parameter in common": -0.52,
        "numbers of one only": -0.47,
        "other targets": -0.68,
        "opposite words": -1.59,
        "other parts": -0.68,
        "words not read": -0.10,
        "additions of one only": -1.21,
        "nothing in common": -1.76,
        "changes not read": 0.00,
        "a long text not wholly alike": -6.18,
        "things named by each alone": -0.08,
        "fillings of a loose mould": -0.93,
        "fillings of a mould": -1.43,
        "other words in a mould": -2.11,
        "other words in a tight mould": -2.12,
        "additions to a mould": -1.23,
        "the same words swapped": -2.79,
        "one says the other and more": -3.80,
        "changes that the other never names": -0.25,
        "all read, contradicting": -0.14,
        "all read, changes of one only": -1.34,
        "all read, no parameter in common": -0.28,
    }
)
