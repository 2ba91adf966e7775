"""Hypotheses in words: what they change, and whether two of them change the same."""

from shared.words.deciding import Verdict, decide, reconsider
from shared.words.hypotheses import REFERENCE_VOCABULARY, ParsedHypothesis, parse_hypothesis
from shared.words.vocabulary import DEFAULT_VOCABULARY, Vocabulary

__all__ = [
    "DEFAULT_VOCABULARY",
    "REFERENCE_VOCABULARY",
    "ParsedHypothesis",
    "Verdict",
    "Vocabulary",
    "decide",
    "parse_hypothesis",
    "reconsider",
]
