"""Amounts told by what they are compared with: `a quarter more`, `20% off`, `half of today's`."""

import re

from shared.words.amounts import PLAIN, count_of
from shared.words.numbers import PARTS
from shared.words.rewriting import compiled

_COMPARED = (
    r"(?:(more|higher|larger|bigger|longer|wider|stronger|greater|faster|quicker|looser)"
    r"|less|lower|smaller|shorter|narrower|weaker|slower|fewer|tighter)"
)

_COUNTED = r"two|three|four|five|ten|twenty|fifty|\d+"
_KV = r"(?:k/?v|key[/ -]?value|key and value)"


def _beta_of(match: re.Match[str]) -> str:
    """An average over ten steps has a beta of 0.9."""
    name = "beta1" if match[1] == "first" else "beta2"
    return f" {name} {1 - 1 / (count_of(match[2]) or 1):.6g} "


RELATIVE = compiled(
    (
        "% off",
        r"\b(?:take |shave )?(\d+(?:\.\d+)?) ?% off (?:of )?",
        lambda m: f"x {1 - float(m[1]) / 100:.6g} ",
    ),
    (
        " off ",
        rf"\b(?:take |shave )?(?:an?|one) ({'|'.join(PARTS)}) off (?:of )?",
        lambda m: f"x {1 - PARTS[m[1]]:.6g} ",
    ),
    (
        "times the",
        (
            rf"\b({PLAIN}) times the (?:(?:present|current|default) )?({PLAIN})"
            r"(?: of (?:now|today))?\b"
        ),
        lambda m: f"{float(m[1]) * float(m[2]):.9g}",
    ),
    (
        " of ",
        (
            r"\b(?:at )?(\d) ?/ ?(\d) of (?:the )?(?:present|current|default|original|usual|old) "
            r"(?=[a-z])"
        ),
        lambda m: f"x {int(m[1]) / (int(m[2]) or 1):.6g} ",
    ),
    (
        "width",
        (
            r",? (?:at|with|keeping|while keeping) (?:the |an? |its )?"
            r"(?:same|constant|unchanged|fixed|present|current) (?:model |overall )?width\b(?! \d)"
        ),
        ", width x 1",
    ),
    (
        "logsumexp",
        r"\blogsumexp(?:\([^()]*(?:\([^()]*\))?[^()]*\))? ?(?:\*\*|\^) ?2\b",
        "logsumexp squared",
    ),
    (
        ", not ",
        rf"\ban? ({'|'.join(PARTS)}), not an? ({'|'.join(PARTS)})\b",
        lambda m: f"{PARTS[m[1]]:.6g} instead of {PARTS[m[2]]:.6g}",
    ),
    ("schedule: ", r"\b(?:lr )?schedule: (?=[\d.]+ ?%? (?:warmup|warmdown|cooldown))", ""),
    (
        "x what",
        (
            r"\b(?:be )?([\d.]+) ?x what (?:it|they) (?:is|are|was|were)(?: now| today)?"
            r"(?: \([^)]*\))?"
        ),
        r" x \1",
    ),
    ("times", r"\btimes (?:two|three|four|five|ten|\d+) \((\d[\d,.e]*)\)", r"= \1"),
    ("to a", rf"\bto an? (?:{'|'.join(PARTS)}) \((0?\.\d+)\)", r"to \1"),
    ("x of", r"\b(0?\.\d+) ?x of (?=(?:the )?peak)", r"\1 of "),
    (
        "make ",
        r"\b([\d.]*\d)((?: (?!to )\w+){0,2})[;,.] (?:and )?make (?:that|it) ([\d.]*\d)\b",
        r"\1 -> \3\2",
    ),
    ("muon", r"\bmuon (?:at|to) (?=0?\.0\d)", "muon lr "),
    ("muon", r"\b(?:the )?step(?: size)? of muon\b|\bmuon's step(?: size)?\b", "muon lr"),
    ("moment", r"\bfirst[- ]moment (?:coefficient|beta|decay(?: rate)?|constant)\b", "beta1"),
    ("moment", r"\bsecond[- ]moment (?:coefficient|beta|decay(?: rate)?|constant)\b", "beta2"),
    (
        "moment",
        (
            rf"\b(first|second)[- ]moment[a-z' ]{{0,30}}?\s+over\s+(?:about |roughly |some )?"
            rf"\s*({_COUNTED}) steps(?:,? (?:rather than|and not|not|instead of) \w+)?"
        ),
        _beta_of,
    ),
    (
        "heads",
        (
            rf"\b(?:each|every|one|a) {_KV}(?: head)? (?:is )?(?:shared by|for|per|serves) "
            rf"({_COUNTED}) query heads"
            rf"|\b({_COUNTED}) query heads (?:share|per|for|to) (?:each |every |one |a )*{_KV}"
            r"(?: head)?"
        ),
        lambda m: f"n_kv_head = n_head // {count_of(m[1] or m[2])}",
    ),
    (
        "heads share",
        (
            r"\ball (?:the |four )?(?:query |attention )?heads share (?:the same |one |a )*"
            r"(?:single )?(?:pair of )?(?:key|k)s?(?:/| and | ?& ?|-)(?:value|v)s?"
            r"(?: (?:head|projection|pair)s?)?"
        ),
        "1 kv head",
    ),
    (
        "window",
        (
            r"\b(?:long|full)(?: \((?:long|full)\))? windows? (?:in|for|on|at) "
            r"(?:all|every|each)(?: of the)? layers?"
        ),
        " patternlq ",
    ),
    (
        "tanh(",
        (
            r"\b(?:att|attn|scores?|s) = (\d+) ?\* ?(?:torch\.)?tanh"
            r"\((?:att|attn|scores?|s) ?/ ?\1\)"
        ),
        r"softcap \1 on the attention scores",
    ),
    ("half again", r"\bhalf again as \w+", "x 1.5"),
    (
        "cut ",
        r"\bcut (?:((?:the )?[\w' ]{2,30}?) )?in (?:half|two)\b",
        lambda m: f"halve {m[1]}" if m[1] else "halved",
    ),
    (
        " plus ",
        rf" plus (?:an?|one) ({'|'.join(PARTS)})\b(?! of)",
        lambda m: f" x {1 + PARTS[m[1]]:.6g}",
    ),
    (
        "one part in",
        r"\bone part in (\w+)\b",
        lambda m: f"{100 / (count_of(m[1]) or 1):.6g}%",
    ),
    ("th of", r"\ban? (\d+)th of\b", r"1/\1 of"),
    (
        " than ",
        (
            r"(?<=\d),? (?:one|two|three|\d+) (?:more|fewer|less) than "
            r"(?:now|before|today|present|(?:the )?default|at present)\b"
        ),
        "",
    ),
    (
        " than ",
        (
            r"\b(one|two|three|\d+) (lower|higher) than (?:its |the )?"
            r"(?:present|current|default) (\d+)\b"
        ),
        lambda m: str(int(m[3]) + count_of(m[1]) * (1 if m[2] == "higher" else -1)),
    ),
    (
        " than ",
        rf"\b({PLAIN}) ?(?:%|percent) (?:(more|higher)|less|lower) than ({PLAIN})\b",
        lambda m: f"{float(m[3]) * (1 + (1 if m[2] else -1) * float(m[1]) / 100):.9g}",
    ),
    (
        "sequences of",
        r"\b(\d+) sequences of (\d{3,5})(?: tokens)?\b",
        lambda m: f"{int(m[1]) * int(m[2])} tokens",
    ),
    ("exactly)", r"\b[\w.]+ tokens([\w ]*) \(([\d,]+) exactly\)", r"\2 tokens\1"),
    ("tokens (2", r"\b[\w.]+(?: million)? tokens \((2 ?\*\* ?\d+)\)", r"\1 tokens"),
    ("betas", r"\bbetas (0?\.\d+) ?/ ?(0?\.\d+)", r"betas (\1, \2)"),
    (
        "of",
        r"\b(?:one |an? )?(half|third|quarter) of (?:now|today's|today)\b",
        lambda m: f"x {PARTS[m[1]]:.6g}",
    ),
    (
        "aspect",
        (
            r"(aspect[_ ]ratio ?=? ?(?:of |to )?\d+),? \(?(?:i\.e\.|so|that is|giving|or) "
            r"(?:a width of )?\d+ ?(?:channels|wide|dims)\b\)?"
        ),
        r"\1",
    ),
    (" that, ", r"\bto [\d.]+ ?x (?:that|it), (?=\d)", "to "),
    (
        "keep",
        r"\bkeep(?:ing)? (each |every )?(\w+) with (?:an? )?prob\w* (?:of )?(0?\.\d+)",
        lambda m: f"drop {m[1] or ''}{m[2]} with probability {1 - float(m[3]):.6g}",
    ),
    (
        "again",
        r"\b(?:be )?(half|an? third|an? quarter) as \w+( \w+)? again(?: as| of)?\b",
        lambda m: f"x {1 + PARTS[m[1].split()[-1]]:.6g}{m[2] or ''}",
    ),
    (
        " than ",
        (
            rf"(?<=[\d.]),? (?:i\.e\. )?(?:an?|one|two|three) (?:{'|'.join(PARTS)})s? "
            rf"{_COMPARED} than (?:now|before|today|the (?:default|present)|at present)\b"
        ),
        "",
    ),
    (
        "",
        rf"\b(?:by |be )?(an?|one|two|three) ({'|'.join(PARTS)})s? {_COMPARED}\b",
        lambda m: f"x {1 + (1 if m[3] else -1) * count_of(m[1]) * PARTS[m[2]]:.6g}",
    ),
)
