"""Manners of speaking: who would do it, what is not done, and how numbers are told."""

import re

from shared.words.rewriting import compiled
from shared.words.shares import COUNT, MANY, number, times

_POWERS = {
    "tenth": 10, "twelfth": 12, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "twenty": 20,
}  # fmt: skip
_PRESCRIBED = re.compile(
    r"(?:^|[,;.](?: (?:and|but|while))?|\b(?:and|but|while)) ?"
    r"((?:(?!\b(?:this|that|it|which|because|since|so)\b)[^,;.]){3,70}?)"
    r" should(?: now| then| only| just)?"
    r"(?! (?:help|improve|give|make|let|allow|work|speed|stabil|converge|not|hurt|win|matter|pay)) "
)
_NOT_OF_HEADS = r"(?<!each )(?<!head )(?<!heads )(?<!head be )(?<!heads be )"  # see SIZES
_AS_NOW = (
    r"(?: as (?:(?:it|they) (?:is|are|does|do|begins?|was)(?: now| today)?|now|today\S*"
    r"|the (?:present|current) (?:one|ones|value)|before|at present)|$|(?=[,.;]))"
)


def _plainly(match: re.Match[str]) -> str:
    """`The batch should double, and the depth should be 10` states two changes."""
    return _PRESCRIBED.sub(r"; \1 ", match[0])


MANNERS = compiled(
    (
        ", not the ",
        r"^(only .*?), not the [\w ]+?(?: and not the [\w ]+)?(?=\.?$)",
        r"\1",
    ),
    # Ways of beginning.
    *(
        (
            would,
            (
                rf"(?:\bfirst,? )?(?<!so )\b(?:i|we){would}"
                r"(?: also| then| now| only| just| simply| rather| like to| want to)* "
            ),
            "",
        )
        for would in (" would", "'d", "'ll", " will")
    ),
    ("should", r"^[^,;.]{3,80}? should .*$", _plainly),
    # What is not done.
    (
        "not ",
        (
            r",? (?:and |but )?not (?:the )?(?:up|down|faster|slower|more slowly|more|less|higher"
            r"|lower|larger|smaller|longer|shorter|wider|narrower|stronger|weaker)"
            r"(?:,|(?=[.;:]|$))"
        ),
        "",
    ),
    ("do not ", r", (?:do not|don't) \w+,(?= the)", ""),
    (
        "rather than ",
        (
            r" rather than (?:stretch|shrink|cut|rais|lower|lengthen|shorten|increas|decreas|widen"
            r"|narrow)(?:e|ing)?\b"
        ),
        "",
    ),
    # Numbers.
    ("half a percent", r"\bhalf a percent\b", "0.5%"),
    (
        "that ",
        (
            r"\b(rate|lr|decay|scale|bound|range|momentum|batch|one) that (?:is|are) "
            rf"(?={MANY}\b)"
        ),
        r"\1 ",
    ),
    ("d and ", rf"\b(hundred|thousand) and (?={COUNT}\b)", r"\1 "),
    ("nothing", r"(?<!attend )(?<!down )\b(at|to|from) nothing\b(?! else)", r"\1 zero"),
    ("drop", r"\bdrop(?:s|ped|ping)? (?=(?:by|to|from) [\w.])", "lower "),
    (" plus ", rf"(?<=[a-z]) plus (?=(?:[\d.]+|{COUNT})(?:[,.;)]|$))", " increased by "),
    (" minus ", rf"(?<=[a-z]) minus (?=(?:[\d.]+|{COUNT})(?:[,.;)]|$))", " decreased by "),
    ("more ", r"\bmore (slowly|weakly)\b", "lower"),
    ("more ", r"\bmore (quickly|strongly)\b", "higher"),
    ("times as ", rf"\b({COUNT}) times as (?:small|weak|short|narrow)(?:ly)?\b", r"x 1/\1"),
    *(
        (
            f" as {much}",
            rf"{_NOT_OF_HEADS}\b({MANY}) as {much}\b(?! again|, \d){_AS_NOW}",
            times(""),
        )
        for much in ("large", "big", "high", "wide", "long", "strong", "much", "strongly")
    ),
    ("because", r"(?:,| and|, and) because [^,.;]{3,60}? also ", ", "),
    ("whose", r"\bwhose ([\w -]{2,20}?) (?:is|are) ", r"with \1 "),
    (
        "two to the ",
        rf"\btwo to the (?:power of )?({'|'.join(_POWERS)})\b",
        lambda m: f"2**{_POWERS[m[1]]}",
    ),
    (
        "seconds",
        rf"\b({COUNT}) of the (?:300|five minutes'?|three hundred) seconds\b",
        lambda m: f"{number(m[1]) / 300:.4g}",
    ),
    (
        "->",
        (
            r" -> (?=(?:faster|saves?|better|cheaper|quieter|improves?|helps?|should"
            r"|smaller model)\b)"
        ),
        " because ",
    ),
)
