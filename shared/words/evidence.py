"""What speaks for and against two hypotheses being the same experiment.

Each piece is a number, 0 where there is none; `shared.words.weights` says how much it counts.
The similarity of the embeddings is not among them: its fitted weight was zero.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import inf

from shared.words.atoms import Atom
from shared.words.comparing import compare
from shared.words.hypotheses import ParsedHypothesis
from shared.words.likeness import (
    contradiction,
    each_group,
    each_part,
    families_of,
    family_of,
    may_be_one,
    opposite,
)
from shared.words.moulds import Mould, mould_of
from shared.words.targets import ratios, reachable, said, targets, unmet
from shared.words.weights import AGAINST, BIAS, FOR

Evidence = Mapping[str, float]

_WEIGHTS = {**FOR, **AGAINST}
_CHOSEN = frozenset({"window_pattern", "activation", "attention_type"})
_SAME = 0.006  # ratios of rounded numbers


_MET_AT_MOST = 3  # more of the same says no more
_NUMBERS_AT_BEST = (
    _MET_AT_MOST * (FOR["targets met"] + FOR["no numbers, the same things named"])
    + FOR["the same ratio"]
)


def score(evidence: Evidence) -> float:
    """How much more speaks for than against; the same experiment where it is positive."""
    return BIAS + sum([_WEIGHTS[name] * value for name, value in evidence.items()])


def weight_of(name: str) -> float:
    """The weight of a piece of evidence; negative where it speaks against."""
    return _WEIGHTS[name]


def evidence_of_content(
    a: ParsedHypothesis, b: ParsedHypothesis, *, needed: float = -inf
) -> Evidence:
    """What is changed, to which numbers, in which words.

    Not all of it where the rest, of which only numbers speak for, cannot bring the score to what
    is `needed`.
    """
    evidence: dict[str, float] = {}
    for evidence_of in (_of_atoms, _of_words, _of_numbers):
        evidence |= evidence_of(a, b)
        if score(evidence) + _NUMBERS_AT_BEST < needed:
            break
    return evidence


@lru_cache(maxsize=64)  # asked for up to five times for a pair
def agreement(a: ParsedHypothesis, b: ParsedHypothesis) -> tuple[int, int, int]:
    """How many changes agree, how many contradict, and how many the longer list has."""
    one = [part for atom in a.atoms for part in each_part(atom)]
    rest = [part for atom in b.atoms for part in each_part(atom)]
    one, rest = (
        [part for atom in one for part in each_group(atom, rest)],
        [part for atom in rest for part in each_group(atom, one)],
    )
    size = max(len(one), len(rest))
    agreeing = contradicting = 0
    for atom in one:
        partners = [each for each in rest if may_be_one(atom, each)]
        verdicts = [compare(atom, each) for each in partners]
        if "same" in verdicts:
            agreeing += 1
            rest.remove(partners[verdicts.index("same")])
        else:
            contradicting += "other" in verdicts
    return agreeing, contradicting, size


def agrees(a: ParsedHypothesis, b: ParsedHypothesis) -> bool:
    """Whether each change of one is a change of the other."""
    agreeing, _, size = agreement(a, b)
    return size > 0 and agreeing == size


def _only_names(a: ParsedHypothesis, b: ParsedHypothesis) -> bool:
    """Both name a parameter, and say of it in numbers that were not read what becomes of it."""
    is_named = all(atom.is_idle for atom in (*a.atoms, *b.atoms))
    return is_named and bool(a.quantities and b.quantities)


def _of_atoms(a: ParsedHypothesis, b: ParsedHypothesis) -> Evidence:
    agreeing, contradicting, size = agreement(a, b)
    families = {family_of(each) for each in a.atoms}, {family_of(each) for each in b.atoms}
    is_known = is_read(a) and is_read(b)
    agreeing = 0 if _only_names(a, b) else agreeing
    every = size > 0 and agreeing == size
    longest = max(len(a.said), len(b.said), 20)
    return {
        "every change agrees": every,
        "no change agrees": not agreeing,
        "changes that contradict": contradicting,
        "changes that the other never names": sum(_is_never_named(x, b) for x in a.atoms)
        + sum(_is_never_named(x, a) for x in b.atoms),
        "all read, changes of one only": is_known and not every,
        "a number of one only": sets_more(a, b),
        "nothing in common": not (a.words & b.words or families[0] & families[1]),
        "no parameter in common": bool(all(families) and not families[0] & families[1]),
        "a long text not wholly alike": 0.0 if agrees(a, b) else min(longest / 20 - 1, 3.0),
    }


def _of_numbers(a: ParsedHypothesis, b: ParsedHypothesis) -> Evidence:
    missing = [unmet(a.quantities, said(b)), unmet(b.quantities, said(a))]
    mine, others = targets(a), targets(b)
    met = [len(mine) - unmet(mine, reachable(b)), len(others) - unmet(others, reachable(a))]
    if not (a.named & b.named - {"test_time"} or set(a.parameters) & set(b.parameters)):
        met = [0, 0]  # the same number of another thing is no agreement
    is_ratio = any(
        abs(x - y) <= _SAME * max(abs(x), abs(y)) for x in ratios(a) for y in ratios(b) if x != 1
    )
    is_met = any(met) or is_ratio
    is_missed = bool(mine and others) and met[0] < len(mine) and met[1] < len(others)
    named = len(a.named & b.named)
    has_none = not (a.quantities or b.quantities)
    return {
        "numbers of one only": min(max(missing), 4),
        "targets met": min(max(met), _MET_AT_MOST),
        "the same ratio": is_ratio,
        "no number agrees": not is_met,
        "numbers of both, all of one only": bool(a.quantities and b.quantities)
        and missing == [len(a.quantities), len(b.quantities)],
        "other targets": is_missed and not is_ratio,
        "no numbers, the same things named": min(named, _MET_AT_MOST) if has_none else 0,
    }


def _of_words(a: ParsedHypothesis, b: ParsedHypothesis) -> Evidence:
    only = a.words_said - b.words_said, b.words_said - a.words_said
    return {
        "things named by each alone": min(len(a.named - b.named), len(b.named - a.named), 4),
        "afterthoughts of one only": min(abs(a.afterthoughts - b.afterthoughts), 3),
        "words not read": min(len(a.unknown ^ b.unknown), 12),
        "opposite words": bool(opposite(*only)),
        "other parts": bool(contradiction(a.words, b.words)),
    }


def evidence_of_moulds(a: ParsedHypothesis, b: ParsedHypothesis) -> Evidence:
    """How the texts fit into each other: all of it speaks against, and takes longest to find."""
    meanings, words = mould_of(a.meanings, b.meanings), mould_of(a.said, b.said)
    if is_exact(a) and is_exact(b) and agrees(a, b):
        return dict.fromkeys(_OF_MOULDS, 0)  # all is said that there is to say
    is_told = is_read(a) and is_read(b) and agrees(a, b)
    return {
        "fillings of a loose mould": meanings.fillings if meanings.likeness >= 0.4 else 0,
        "fillings of a mould": meanings.fillings if meanings.likeness >= 0.6 else 0,
        "other words in a mould": words.fillings if words.likeness >= 0.6 else 0,
        "other words in a tight mould": words.fillings if words.likeness >= 0.75 else 0,
        "additions to a mould": min(words.additions, 5) if words.likeness >= 0.75 else 0,
        "the same words swapped": is_swapped(a, b),
        "one says the other and more": not is_told and _says_more(a, b, words),
    }


_OF_MOULDS = (
    *("fillings of a loose mould", "fillings of a mould", "other words in a mould"),
    *("other words in a tight mould", "additions to a mould", "the same words swapped"),
    "one says the other and more",
)


def is_exact(parsed: ParsedHypothesis) -> bool:
    """Whether all of it was read, and says exactly what becomes of what."""
    return is_read(parsed) and not any(atom.is_vague for atom in parsed.atoms)


def is_read(parsed: ParsedHypothesis) -> bool:
    """Whether the vocabulary knew every word of it."""
    return bool(parsed.atoms) and not parsed.unknown and not parsed.unread


def is_swapped(a: ParsedHypothesis, b: ParsedHypothesis) -> bool:
    """The same words in other parts: `wide first, narrow last` and `narrow first, wide last`."""
    if a.said == b.said or sorted(a.said) != sorted(b.said):
        return False
    return sorted(map(sorted, a.parts)) != sorted(map(sorted, b.parts)) or a.said[::-1] == b.said


def _says_more(a: ParsedHypothesis, b: ParsedHypothesis, words: Mould) -> bool:
    shorter, longer = sorted((a, b), key=lambda each: len(each.said))
    kept = words.likeness * (len(a.said) + len(b.said)) / 2
    is_contained = kept >= 0.85 * len(shorter.said) and len(shorter.said) >= 1
    added = longer.words_said - shorter.words_said
    return is_contained and len(added) >= 2


def sets_more(a: ParsedHypothesis, b: ParsedHypothesis) -> bool:
    """Whether only one sets a parameter, to a number that the other does not say."""
    return bool(agreement(a, b)[0]) and any(
        (atom.new or (atom.value and atom.parameter in _CHOSEN))
        and unmet(atom.new, reachable(other)) == len(atom.new)
        and _is_never_named(atom, other)
        for one, other in ((a, b), (b, a))
        for atom in one.atoms
    )


def _is_never_named(atom: Atom, other: ParsedHypothesis) -> bool:
    if atom.is_idle:
        return False
    about = {family_of(atom), atom.parameter, *atom.scope}
    known = {family_of(each) for each in other.atoms} | other.named | families_of(other.named)
    known |= {each.parameter for each in other.atoms}
    return not about & known and f"{atom.parameter}.{atom.value}" not in known
