"""How much each piece of evidence counts; printed by `benchmarks/words.py`.

A weight is never of the other sign than its evidence. Fitted, by logistic regression, on labelled
pairs, and on neighbours and chance pairs from real logs as examples of what is not the same.
"""

from collections.abc import Mapping
from types import MappingProxyType

BIAS = 2.43
FOR: Mapping[str, float] = MappingProxyType(
    {
        "every change agrees": 1.23,
        "targets met": 0.37,
        "the same ratio": 0.09,
        "no numbers, the same things named": 0.11,
    }
)
AGAINST: Mapping[str, float] = MappingProxyType(
    {
        "a number of one only": -1.21,
        "no change agrees": -0.71,
        "no number agrees": -0.85,
        "numbers of both, all of one only": -0.90,
        "changes that contradict": -0.47,
        "no parameter in common": -0.78,
        "numbers of one only": -0.24,
        "other targets": -0.15,
        "opposite words": -1.32,
        "other parts": -0.63,
        "words not read": -0.04,
        "afterthoughts of one only": 0.00,
        "nothing in common": -1.61,
        "a long text not wholly alike": -3.71,
        "things named by each alone": -0.20,
        "fillings of a loose mould": -0.63,
        "fillings of a mould": -1.19,
        "other words in a mould": -3.21,
        "other words in a tight mould": -2.17,
        "additions to a mould": -1.38,
        "the same words swapped": -2.34,
        "one says the other and more": -3.45,
        "changes that the other never names": -0.19,
        "all read, changes of one only": -0.82,
    }
)

# What a second reader's log-odds count beside it all, by eight sets that neither was fitted on.
OPINION = 2.0
OPINION_BIAS = 0.5
