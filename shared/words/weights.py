"""How much each piece of evidence counts; printed by `benchmarks/words.py`.

A weight is never of the other sign than its evidence. Fitted, by logistic regression, on labelled
pairs, and on neighbours and chance pairs from real logs as examples of what is not the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

BIAS = 2.17
FOR: Mapping[str, float] = MappingProxyType(
    {
        "every change agrees": 1.20,
        "targets met": 0.44,
        "the same ratio": 0.02,
        "no numbers, the same things named": 0.25,
    }
)
AGAINST: Mapping[str, float] = MappingProxyType(
    {
        "a number of one only": -1.25,
        "no change agrees": -0.62,
        "no number agrees": -0.83,
        "numbers of both, all of one only": -0.67,
        "changes that contradict": -0.61,
        "no parameter in common": -0.55,
        "numbers of one only": -0.21,
        "other targets": -0.58,
        "opposite words": -1.33,
        "other parts": -0.41,
        "words not read": -0.05,
        "afterthoughts of one only": 0.00,
        "nothing in common": -1.73,
        "a long text not wholly alike": -4.00,
        "things named by each alone": -0.20,
        "fillings of a loose mould": -0.74,
        "fillings of a mould": -1.12,
        "other words in a mould": -3.04,
        "other words in a tight mould": -3.50,
        "additions to a mould": -1.80,
        "the same words swapped": -3.05,
        "one says the other and more": -4.21,
        "changes that the other never names": -0.11,
        "all read, changes of one only": -1.14,
    }
)
