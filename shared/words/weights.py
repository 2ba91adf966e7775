"""How much each piece of evidence counts; printed by `benchmarks/words.py`.

A weight is never of the other sign than its evidence. Fitted, by logistic regression, on labelled
pairs, and on neighbours and chance pairs from real logs as examples of what is not the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

BIAS = 2.08
FOR: Mapping[str, float] = MappingProxyType(
    {
        "every change agrees": 2.05,
        "targets met": 0.40,
        "the same ratio": 0.15,
        "no numbers, the same things named": 0.18,
    }
)
AGAINST: Mapping[str, float] = MappingProxyType(
    {
        "a number of one only": -1.10,
        "no change agrees": -0.41,
        "no number agrees": -0.91,
        "numbers of both, all of one only": -0.56,
        "changes that contradict": -0.53,
        "no parameter in common": -0.62,
        "numbers of one only": -0.25,
        "other targets": -0.64,
        "opposite words": -1.32,
        "other parts": -0.62,
        "words not read": -0.08,
        "afterthoughts of one only": 0.00,
        "nothing in common": -1.78,
        "a long text not wholly alike": -3.93,
        "things named by each alone": -0.14,
        "fillings of a loose mould": -0.78,
        "fillings of a mould": -0.97,
        "other words in a mould": -2.44,
        "other words in a tight mould": -2.03,
        "additions to a mould": -1.25,
        "the same words swapped": -3.07,
        "one says the other and more": -3.81,
        "changes that the other never names": -0.06,
        "all read, changes of one only": -1.19,
    }
)
