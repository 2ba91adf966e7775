"""How much each piece of evidence counts; printed by `benchmarks/words.py`.

A weight is never of the other sign than its evidence. Fitted, by logistic regression, on labelled
pairs, and on neighbours and chance pairs from real logs as examples of what is not the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

BIAS = 0.83
FOR: Mapping[str, float] = MappingProxyType(
    {
        "every change agrees": 2.44,
        "targets met": 1.12,
        "the same ratio": 0.32,
        "few words, the same numbers": 0.00,
        "parameters in common": 0.00,
        "things named by both": 0.00,
        "words in common": 0.00,
        "no numbers, the same things named": 0.07,
    }
)
AGAINST: Mapping[str, float] = MappingProxyType(
    {
        "changes that contradict": -0.82,
        "no parameter in common": -0.49,
        "numbers of one only": -0.47,
        "other targets": -0.67,
        "opposite words": -1.67,
        "other parts": -0.74,
        "words not read": -0.10,
        "additions of one only": -1.21,
        "nothing in common": -1.73,
        "changes not read": 0.00,
        "a long text not wholly alike": -5.93,
        "things named by each alone": -0.03,
        "fillings of a loose mould": -0.88,
        "fillings of a mould": -1.32,
        "other words in a mould": -2.34,
        "other words in a tight mould": -2.06,
        "additions to a mould": -0.90,
        "the same words swapped": -3.39,
        "one says the other and more": -2.90,
        "changes that the other never names": -0.31,
        "all read, contradicting": -0.19,
        "all read, changes of one only": -1.32,
        "all read, no parameter in common": -0.27,
    }
)
