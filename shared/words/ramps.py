"""Schedules that are told: `flat for 70%, then down to zero` is a warmdown of 30%."""

import re

from shared.words.rewriting import Rewrite
from shared.words.sums import SHARES, begun

_OF_RUN = (
    r"(?: (?:of|into|through) (?:the |all |its )?(?:whole |entire |total |time )?"
    r"(?:run|training|time|budget|steps|schedule)(?: time| budget| steps)?)?"
)
_SHARE = (
    r"(?:an? |one )?(\d+(?:\.\d+)? ?(?:%|percent)|0?\.\d+"
    rf"|{'|'.join(sorted(SHARES, key=len, reverse=True))})(?!\w)"
    rf"(?! of (?:the |its )?(?:peak|lr|rate|present|max)){_OF_RUN}"
)
_RATE = r"(?:peak |full |base )?(?:lrs?|learning rates?|rates?|peak)"
_UNTIL = (
    r"(?:for|until|till|up to|during|over|to)(?: only| just| a mere)?(?: about)?(?: the)?"
    r"(?: first)?"
)
_FLAT = (
    r"(?:flat|constant|fixed|at (?:its |the |their )?(?:peak|maximum|full)(?: value| lr| rate)?)"
)
FALL = (
    r"(?:(?:,|;|:)?(?: and| but)?(?: only)?(?: then| afterwards| before it)*"
    r"(?: goe?s?| go| let it| comes?)?(?: an?| the)?(?: straight)?"
    r" (?:linear(?:ly)? )?(?:decay|descend|warmdown|cooldown|fall|drop|down|descen|cool|anneal)\w*"
    r"(?: down)?(?: linearly)?(?: (?:straight )?to (?:zero|0\b(?!\.)))?"
    r"(?: (?:over|in|during|for|as) (?:the )?(?:rest|remainder|remaining time|before"
    r"|(?:last |other |remaining |final )*\d+ ?%))?)?"
)
_HELD = re.compile(
    rf"\b(?:hold|keep|leave|holding|keeping|leaving)(?: the)? {_RATE}(?: \w+){{0,2}}?"
    rf"(?: {_FLAT})?(?: for longer,| longer,| {_UNTIL}) {_SHARE}{FALL}"
)
_STAYS = re.compile(
    rf"\b{_RATE} (?:stays?|remains?|is|are|holds?|stay|remain)(?: kept| held)? {_FLAT} "
    rf"{_UNTIL} {_SHARE}{FALL}"
)
_IS_FLAT = re.compile(rf"\b{_FLAT} {_RATE} {_UNTIL} {_SHARE}{FALL}")
_FLAT_FOR = re.compile(rf"\b{_RATE} {_FLAT} {_UNTIL} {_SHARE}{FALL}")
_PLATEAU = re.compile(
    r"\b(?:the )?(?:constant(?:[- ](?:lr|rate))?(?: phase| plateau)|plateau)"
    r"(?: at (?:the )?peak lr)?"
    r"(?: should| to| will)?(?: last| end| be|lasts|ends)?(?: only| just| a mere)?"
    rf" (?:at|to|of|for|until|up to|until)?(?: only| just| a mere)? ?(?:the )?(?:first )?{_SHARE}"
    r"(?:,? (?:and|then) (?:the )?(?:linear )?(?:decay|slope|descent|rest)[^.;]*)?"
)
_LATER = re.compile(
    rf"\b(?:let (?:the )?)?{_RATE} (?:begins?|starts?) to (?:fall|drop|decay|descend|come down) "
    rf"(?:at|after|from)(?: only)? {_SHARE}"
)
_COOLING = re.compile(
    rf"\b(?:begin|start) (?:cooling|decaying|annealing|lowering) (?:the )?{_RATE}(?: linearly)? "
    rf"(?:at|after|from|once) {_SHARE}"
)
_WHOLE = re.compile(
    r"\b(?:no (?:constant )?plateau(?: whatsoever| at all)?|(?:get rid of|drop|remove|skip) the "
    r"(?:constant phase|plateau))[,:;.]? [^.;]{0,30}?\b(?:decay|fall|drop|linear|descen)\w*"
    r"[^.;]{0,60}?\b(?:first|start|one|beginning)\b[^.;]{0,40}"
)
_TRAPEZOID = re.compile(
    r"(?:\btrapezoid(?:al)?(?: schedule)?: )?"
    r"\b(\d+(?:\.\d+)?) ?% up, (?:\d+(?:\.\d+)?) ?% flat,? (?:and )?(\d+(?:\.\d+)?) ?% down\b"
)
_COSINE = re.compile(
    r"\b0?\.5 ?\* ?\( ?1(?:\.0)? ?\+ ?(?:math\.|torch\.)?cos"
    r"\( ?(?:math\.|torch\.)?pi ?\* ?\w+ ?\) ?\)"
)
_SQRT = re.compile(r"\b1(?:\.0)? ?- ?(?:\w+ ?\*\* ?0?\.5\b|(?:math\.)?sqrt\( ?[a-z]+ ?\))")

RAMPS: tuple[Rewrite, ...] = (
    ("cos(", _COSINE, " cosine "),
    ("1", _SQRT, " 1-sqrt "),
    ("% up", _TRAPEZOID, r" warmup ratio \1%, warmdown ratio \2% "),
    ("", _HELD, begun),
    ("", _STAYS, begun),
    ("", _IS_FLAT, begun),
    ("", _FLAT_FOR, begun),
    ("p", _PLATEAU, begun),
    (" to ", _LATER, begun),
    ("ing ", _COOLING, begun),
    ("", _WHOLE, " warmdown ratio 1.0 "),
)
