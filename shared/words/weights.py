"""How much each piece of evidence counts; printed by `benchmarks/words.py`.

A weight is never of the other sign than its evidence. Fitted, by logistic regression, on labelled
pairs, and on neighbours and chance pairs from real logs as examples of what is not the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

BIAS = 2.25
FOR: Mapping[str, float] = MappingProxyType(
    {
        "every change agrees": 1.22,
        "targets met": 0.42,
        "the same ratio": 0.02,
        "no numbers, the same things named": 0.25,
    }
)
AGAINST: Mapping[str, float] = MappingProxyType(
    {
        "a number of one only": -1.23,
        "no change agrees": -0.64,
        "no number agrees": -0.90,
        "numbers of both, all of one only": -0.70,
        "changes that contradict": -0.62,
        "no parameter in common": -0.53,
        "numbers of one only": -0.17,
        "other targets": -0.62,
        "opposite words": -1.40,
        "other parts": -0.46,
        "words not read": -0.06,
        "afterthoughts of one only": 0.00,
        "nothing in common": -1.88,
        "a long text not wholly alike": -4.14,
        "things named by each alone": -0.19,
        "fillings of a loose mould": -0.73,
        "fillings of a mould": -1.18,
        "other words in a mould": -3.30,
        "other words in a tight mould": -3.37,
        "additions to a mould": -2.07,
        "the same words swapped": -3.22,
        "one says the other and more": -3.95,
        "changes that the other never names": -0.11,
        "all read, changes of one only": -1.09,
    }
)
