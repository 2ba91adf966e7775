"""How much is mixed in, let through or kept: the first embedding, the logits, Adam's averages."""

import re

from shared.words.rewriting import compiled
from shared.words.shares import COUNT, MANY, SHARE, times


def _beta(match: re.Match[str]) -> str:
    return "beta1" if match[1] == "first" else "beta2"


PORTIONS = compiled(
    (
        "embedding",
        (
            r"\b(?:share|amount|weight|fraction) of the (?:original|first|input|initial|normed)"
            r" (?:token )?embeddings?(?:,? (?:that is )?(?:mixed|added|fed|in|into)[^,.;]{0,25}?"
            r"(?:blocks?|layers?|stream))?"
        ),
        "x0 lambda",
    ),
    (
        "embedding",
        (
            r"\bmix(?:ing)?(?: of)? the (?:original|first|input|initial|normed) (?:token )?"
            r"embeddings?(?: back)? in(?:to)? (?:each|the|every|all) (?:block|layer)s?"
        ),
        "x0 mixing",
    ),
    (
        "as much of the",
        (
            rf"\b({MANY}) as much of the (?:original|first|input|initial) (?:token )?embedding"
            r"(?: as (?:it|they|now)[^,.;]*)?"
        ),
        times("x0 lambda"),
    ),
    (
        "logits",
        r"\b(?:bound|range|cap) (?:on|of|for|around) (?:the )?(?:output )?logits\b",
        "softcap",
    ),
    ("logits", r"\blogits (?:with)?in(?:side)? (?:an? |the )?(?:bound|range)\b", "softcap"),
    (
        "logits",
        (
            r"\blogits (?:should )?(?:be )?(?:kept )?(?:between|in|into|within|inside|to) "
            rf"\(?(?:minus |[-\u00b1])({COUNT})(?:,| and| to) (?:plus |\+)?\1\)?"
        ),
        r"softcap \1",
    ),
    (
        "moment",
        r"\b(first|second)[- ]moments?(?= (?:to |at |of |= ?|is |becomes )?0?\.\d)",
        _beta,
    ),
    (
        "moment",
        (
            r"\badamw?(?:'s)? (first|second)[- ]moment\b(?! (?:decay|beta|coef|horizon))"
            r"(?![a-z' ]{0,30} over )"
        ),
        _beta,
    ),
    (
        "keep",
        (
            rf"\bkeep ({SHARE}) of (?:its|the) (?:running |moving )?(?:mean|average) of (?:the )?"
            r"(gradient|square)[\w ]*(?: at (?:each|every) step)?"
        ),
        lambda m: f"{'beta1' if m[2] == 'gradient' else 'beta2'} = {m[1]}",
    ),
    (
        "squar",
        (
            r"\b(?:running |moving )?(?:average|mean) of (?:the |their |its )?"
            r"(?:squared gradients?|squares)\b"
        ),
        "beta2",
    ),
    ("mean of", r"\b(?:running |moving )(?:average|mean) of (?:the |its )?gradients?\b", "beta1"),
    ("of itself", rf"\b(?:should )?keep (?=(?:{COUNT}|[\d.]))", "= "),
    ("of itself", r" of itself(?: (?:at|in) (?:each|every) step| per step| each step)?", ""),
)
