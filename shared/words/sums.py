"""What has to be computed to be read: `1 - 1e-2`, `sqrt(2)`, `the decay begins at 35%`."""

import math
import re
from fractions import Fraction

from shared.words.numbers import PARTS
from shared.words.rewriting import Rewrite

_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?"
_SHARE = r"(?:\d+(?:\.\d+)?\s?%|0?\.\d+|half|third|quarter|fifth|tenth|three quarters|two thirds)"
_LAST = re.compile(
    rf"\b(?:decay|anneal|cool)\w*(?: down)?(?: linearly| only| the lr| the learning rate| lr)*"
    r"(?: down)?(?: to zero)?"
    rf" (?:over|during|in|across|for|to|into|on) (?:only |just )?the (?:last|final|remaining) "
    rf"(?=(?:an? )?{_SHARE})"
)
_SPAN = re.compile(
    r"\b(?:decay|cooldown|annealing)\b[\w ,]{0,20}\b(?:spans?|covers?|takes?(?: up)?|fills?) "
    rf"(?:only )?(?:the )?(?:last |final |remaining )?(?=(?:an? )?{_SHARE})"
)
_BEGIN = re.compile(
    r"\b(?:(?:start|begin|starting|beginning) (?:the |to )?(?:linear |lr |learning rate )*"
    r"(?:decay|cooldown|cool down|cooling(?: down)?|warmdown|annealing|anneal)(?:ing|s)?"
    r"(?: the)?(?: lr| learning rate)?"
    r"|(?:decay|cooldown|warmdown) (?:that )?(?:begin|start)s?)"
    rf" (?:only )?(?:at|after|from)(?: (?:the )?first)? ({_SHARE})"
    r"(?: of the way)?(?: in)?(?! tokens)"
)
_PLATEAU = re.compile(
    r"\b(?:leave|end|keep|hold)\w* the (?:peak )?(?:plateau|lr|learning rate)(?: \w+){0,5}?,?"
    rf" (?:at|for the first|until) ({_SHARE})(?: of)?"
)
_FLAT = re.compile(
    r"\b(?:lr|learning rate|rate) (?:is |stays )?(?:flat|constant|at (?:its |the )?peak)"
    rf"(?: for(?: only)?(?: the)?(?: first)?|(?: only)?(?: the)? first) ({_SHARE})"
    r"(?: of(?: the (?:run|training|budget|time)(?:, then (?:goe?s?|fall|decay)\w*[^.;]*)?)?)?"
)
_FLAT_FIRST = re.compile(
    rf"\b(?:constant|flat) (?:lr|learning rate) for (?:only )?the first ({_SHARE})(?: of [\w ]+)?"
    r"(?:, (?:then |and )?(?:a )?(?:linear )?(?:decay|cooldown|warmdown)[^.;]*)?"
)
_FROM_START = re.compile(
    r"(?<!cosine )\b(?:(?:start|begin) the )?(?:linear )?(?:lr )?(?:warmdown|decay|cooldown)"
    r" (?:at|from) (?:step (?:0|zero)|the (?:very )?(?:first step|start|beginning))\b"
    r"(?: instead of[^,.;]*)?"
)
_OF_WHAT = re.compile(
    rf"\b(?:to |at )?(?:an? |one )?({_SHARE}) of what (?:it|they|we) (?:is|are|was|were|have)\b"
)
_AS_WARMUP = re.compile(
    rf"\b(?:an? |one )?({_SHARE}) of (?:the )?(?:run|training|budget|time) (?:as|for) (?:the )?"
    r"(?:lr )?(warmup|warmdown|cooldown)\b"
)
_FOR = re.compile(
    rf"(?<!weight )(?<!wd )\b(?:decay|cool(?: down)?|anneal)(?:ing)? for (?={_SHARE})"
)
_COVERS = re.compile(
    rf"\bwarmdown so that it (?:covers|takes|spans) (?:only |just )?the (?:last|final) (?={_SHARE})"
)
_TAIL = re.compile(
    rf"\b(?:the )?last ({_SHARE}) of (?:the )?(?:run|budget|training|steps)(?: \w+)? "
    r"(?:(?:is|in|to|on) )?(?:all )?(?:lr |learning rate )?decay(?:s|ed)?\b"
)
_ONCE = re.compile(
    rf"\bonce (?:progress (?:passes|exceeds|reaches|is past) ({_SHARE})|({_SHARE}) of (?:the )?"
    r"(?:time |training )?(?:budget|run|time|training) is (?:gone|over|used))(?!\w)"
)
_LEFT = re.compile(
    rf"\b(?:when|with|once) (?:only )?(?:an? )?({_SHARE}) of (?:the )?(?:run|time|budget|training) "
    r"(?:is left|remains|is still left|to go)\b"
)
_SECOND = re.compile(
    r"\b(?:after the first half|(?:in|for|during|over) the second half) of "
    r"(?:the )?(?:training|run|budget|time)\b"
)
_INTO = re.compile(
    r"\b(?:start|begin)(?:s|ning|ing)? (?:to )?(?:the )?(?:lr |learning rate )?decay(?:ing)?"
    rf"(?: the)?(?: lr| learning rate)? (?:an? )?({_SHARE}) of the way into (?:the )?\w+"
)
_PART_OF = re.compile(
    r"\b(?:an? |one )?(half|third|quarter|fifth|tenth|two thirds|three quarters) of "
    r"(\d[\d,]*(?:\.\d+)?)(?=[\s.;)]|, |$)(?! tokens?.{0,9}context)"
)
_OF_IT = re.compile(
    rf"\b(?:to|at) (?:an? |one )?({_SHARE}) of (?:its|the|their) (?:(?:present|current"
    r"|default|original|old|usual|former)(?: (?:value|rate|size|setting|strength|level))?|value)"
    r"(?! [\d.])"
)
_LERP = re.compile(r"\.?lerp_?\(\s*[\w.]+,\s*(0?\.\d+)\s*\)")
_COMPLEMENT = re.compile(
    r"\b1 ?- ?(beta ?\d|mu|momentum|decay)\b(?: in \w+,?| of \w+,?)?(?: halved,?| doubled,?)?"
    r"( ?=| from| to|:)? ?(" + _NUMBER + r"(?: ?%)?)(?:( to | -> )(" + _NUMBER + r"(?: ?%)?))?"
)
_REST = re.compile(r"(?<![\w.)*/])1(?:\.0)? ?- ?(0?\.\d+|\d(?:\.\d+)?e-\d+|1 ?/ ?\d+)\b(?!\s?\*)")
_ROOT = re.compile(
    r"\b(?:the )?(?:square root of|sqrt of) (two|2|three|3|four|4)\b|\bsqrt\(([234]|0?\.\d+)\)"
)
_OVER_ROOT = re.compile(r"\b1(?:\.0)? ?/ ?sqrt ?\(? ?([234])\b\)?(?! ?\*)")
_MINUS_POWER = re.compile(r"\b2 ?(?:\*\*|\^) ?\(?-(0?\.\d+|1 ?/ ?2|1)\)?")
_ROOT_POWER = re.compile(r"(?<![\w.)])(\d{1,6}(?:\.\d{1,6})?) ?\*\* ?(0?\.\d{1,3})\b")
_VARIANCE = re.compile(rf"\bvariance (?:of )?({_NUMBER})|\b({_NUMBER}) variance\b")
_SECONDS = re.compile(
    rf"\b({_NUMBER}) ?(?:s|secs?|seconds?) of the ({_NUMBER})[- ]?(?:s|secs?|seconds?)\b"
)
_ROOTS = {"two": 2.0, "three": 3.0, "four": 4.0}
SHARES = {
    **PARTS, "three quarters": 3 / 4, "two thirds": 2 / 3,
    "two fifths": 2 / 5, "three fifths": 3 / 5, "four fifths": 4 / 5,
}  # fmt: skip
_POWER = r"\d{1,9}(?:\.\d{1,9})?(?:e-?\d{1,2}|\s?(?:\*\*|\^)\s?\d{1,2})?"
PRODUCT = re.compile(
    rf"(?<![\w.*^/])(?<!e-)({_POWER})((?:\s?\*\s?(?!\*){_POWER})+)(?![\w*^/]|\.\d)"
)
_LARGEST = 1e15


def multiplied(match: re.Match[str]) -> str:
    """`5 * 2**16` is one number."""
    product = 1.0
    for factor in re.split(r"(?<!\*)\*(?!\*)", match[0].replace("^", "**")):
        base, _, exponent = factor.partition("**")
        try:
            product *= float(base) ** int(exponent or 1)
        except OverflowError:
            return match[0]
    return f"{product:.12g}" if product < _LARGEST else match[0]


def _share_of(text: str) -> float:
    if text in SHARES:
        return SHARES[text]
    number = text.removesuffix("percent").rstrip(" %")
    return float(number) / (1 if number == text else 100)


def begun(match: re.Match[str]) -> str:
    """What begins at 35% of the run takes the last 65% of it."""
    share = _share_of(match[1])
    return f" warmdown ratio {1 - share:.4g} " if share < 1 else match[0]


def _complement(match: re.Match[str]) -> str:
    """`1 - beta2 = 0.01` says that beta2 is 0.99."""
    first, then = 1 - _share_of(match[3]), match[5]
    end = f" -> {1 - _share_of(then):.6g}" if then else ""
    return f"{match[1]} {first:.6g}{end}"


def _rest(match: re.Match[str]) -> str:
    top, _, bottom = match[1].partition("/")
    return f"{1 - float(top) / (float(bottom or 1) or 1):.6g}"


def _root(match: re.Match[str]) -> str:
    number = match[1] or match[2]
    return f"{math.sqrt(_ROOTS.get(number) or float(number)):.6g}"


def _over_root(match: re.Match[str]) -> str:
    """As a fraction, which others may round: 1 / sqrt(2) is also 0.707."""
    fraction = Fraction(1 / math.sqrt(float(match[1]))).limit_denominator(2000)
    return f"{fraction.numerator}/{fraction.denominator}"


def _seconds(match: re.Match[str]) -> str:
    """`6 s of the 300 s` are a fraction of the run."""
    return f"{float(match[1]) / (float(match[2]) or 1):.4g} "


def _variance(match: re.Match[str]) -> str:
    return f" std {math.sqrt(float(match[1] or match[2])):.6g} "


def _part_of(match: re.Match[str]) -> str:
    """A quarter of 524,288 is 131,072."""
    return f"{_share_of(match[1]) * float(match[2].replace(',', '')):.9g}"


def _once(match: re.Match[str]) -> str:
    """From 80% on is for the last 20%."""
    return f" for the last {100 * (1 - _share_of(match[1] or match[2])):.4g}% "


COMPUTED: tuple[Rewrite, ...] = (
    ("last", _TAIL, lambda match: f" warmdown ratio {_share_of(match[1]):.4g} "),
    ("once", _ONCE, _once),
    (" of ", _LEFT, lambda match: f" for the last {100 * _share_of(match[1]):.4g}% "),
    ("half", _SECOND, lambda _: " for the last 50% "),
    ("into", _INTO, begun),
    (" of ", _PART_OF, _part_of),
    (" of ", _OF_IT, lambda match: f" x {_share_of(match[1]):.6g} "),
    ("lerp", _LERP, lambda match: f" decay {1 - float(match[1]):.6g} "),
    ("", _BEGIN, begun),
    ("", _PLATEAU, begun),
    ("first", _FLAT, begun),
    (" for ", _FOR, lambda _: "warmdown ratio "),
    ("so that", _COVERS, lambda _: "warmdown to "),
    (" of ", _AS_WARMUP, lambda match: f" {match[2]} ratio {_share_of(match[1]):.6g} "),
    ("for", _FLAT_FIRST, begun),
    ("", _FROM_START, lambda _: " warmdown ratio 1.0 "),
    ("of what", _OF_WHAT, lambda match: f" by a factor of {_share_of(match[1]):.6g} "),
    ("", _LAST, lambda _: " warmdown ratio "),
    ("", _SPAN, lambda _: " warmdown ratio "),
    ("1", _COMPLEMENT, _complement),
    ("1", _REST, _rest),
    ("sqrt", _OVER_ROOT, _over_root),
    ("", _ROOT, _root),
    ("**", _ROOT_POWER, lambda match: f"{float(match[1]) ** float(match[2]):.6g}"),
    ("2", _MINUS_POWER, lambda match: f"{2 ** -(0.5 if '/' in match[1] else float(match[1])):.6g}"),
    ("variance", _VARIANCE, _variance),
    ("s of the", _SECONDS, _seconds),
)
