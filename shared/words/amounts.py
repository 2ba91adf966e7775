"""Amounts and steps that are told: `one layer fewer`, `a quarter of the present 0.2`."""

import re

from shared.words.numbers import PARTS, WORDS
from shared.words.rewriting import compiled

PLAIN = r"\d+(?:\.\d+)?(?:e-?\d+)?"


def count_of(word: str) -> int:
    """The number that a word names; an article is one."""
    return int(word) if word.isdigit() else int(WORDS.get(word, 1))


def _part_of_now(match: re.Match[str]) -> str:
    """Three quarters of the present 0.2 are 0.15."""
    share = count_of(match[1] or "one") * PARTS[match[2]]
    return f"{match[3]} -> {share * float(match[3]):.9g}"


AMOUNTS = compiled(
    ("fill_", r"\.fill_\(([^()]*)\)", r" = \1 "),
    (
        "now",
        r"\bwhere ((?:[\w.()+^*-]+ ){1,4})(?:is|are)(?: used)? (?:now|today|currently)\b",
        r" instead of \1",
    ),
    (
        "",
        (
            r"\b(?:that |which )?(?:begin|start)s? (?:at|with|from) ([\d.e+-]+|zero)"
            r"((?: (?!and|then)[\w-]+){0,4})(?: and|, then|,)? "
            r"(?:(?:is|then|gets?) )?(?:\w+ )?(?:linearly )?(?:up |down )?to ([\d.e+-]+|zero)\b"
        ),
        r"\2 from \1 to \3",
    ),
    (
        "end",
        r"\b((?:warmdown|decay|cooldown)\b(?:[^.;:]|\.\d)*?) (?:that|which|and) ends? at (?=[\d.])",
        r"\1, final lr ",
    ),
    ("top-", r"\b(\w+) experts?,? top-(\d)\b", r"\1 experts, top-k \2"),
    (
        "",
        (
            r"\b(one|1|two|2|three|3) ((?:[a-z-]+ ){0,2}"
            r"(?:layers?|blocks?|iterations?|steps?|heads?) )(fewer|less)\b"
            r"(?: than [^.,;]*)?"
        ),
        r"\1 \3 \2",
    ),
    (
        "",
        (
            r"\b(add|run|insert|use) (?:an? |one )?(?:third|fourth|fifth|sixth|seventh"
            r"|eighth|ninth|tenth|eleventh) (?=(?:newton|ns|layer|block|iteration))"
        ),
        r"\1 1 more ",
    ),
    ("x", r"\b(\d+(?:\.\d+)?) ?x (expansion|ratio)\b", r"\2 \1"),
    (
        " of ",
        (
            r"(?<!\()\b(?:to |at )?(?:(two|three|four|an?|one) )?"
            r"(half|third|quarter|fifth|tenth)s? of (?:the|its|their) "
            rf"(?:present|current|default|original|usual|old) ({PLAIN})(?![\d^*])"
        ),
        _part_of_now,
    ),
    (
        " of ",
        (
            r"\b((?:two|three|four) (?:third|quarter|fifth)s|half"
            r"|an? (?:third|quarter|fifth|tenth)) of (?:the|its|their) "
            r"(?:present|current|default|original|usual) (?=[\d.])"
        ),
        r"\1 from ",
    ),
    (
        "on top of",
        rf"\+ ?({PLAIN}) on top of (?:the )?(?:present |current |old |existing )?({PLAIN})",
        lambda m: f"{m[2]} -> {float(m[1]) + float(m[2]):.9g}",
    ),
    ("+ ", r"(?<=[a-z)]) \+ (?=[\d.]+ ?%(?:[,;.]|$| from))", " +"),
    ("10^-", r"\b(\d+(?:\.\d+)?)\s?[·*x]\s?10\^-(\d+)", r"\1e-\2"),
    ("t/", r"\bt\s?/\s?(\d)\b", r"seq_len/\1"),
    ("(", r"\b(steps?|layers?|heads?|iterations?|experts?) \((\d+)\)", r"\1 to \2"),
    (
        "",
        (
            r"\b(?:drop|remove|cut|lose) (one|two|three|1|2|3) "
            r"(?=(?:newton|ns|layer|block|iteration))"
        ),
        r"\1 fewer ",
    ),
    ("=", r"[-+]= ?[\d.]+,? (?:so|giving|that is|i\.e\.) (?=[\d.])", " to "),
    ("one ", r",? \bone (?:to|for) one\b", " "),
    (
        " and a half",
        r"\b(one|two|three|four) and a half\b",
        lambda m: f"{count_of(m[1]) + 0.5:g}",
    ),
    (
        " of ",
        (
            r"\b(?:drop|remove|cut) (one|two|three) of (?:the |its |\w+(?:'s)? )?(?:\w+ )?"
            r"(?=(?:newton|orthog\w*|ns|layers?|blocks?)\b)"
        ),
        r"\1 fewer ",
    ),
    (
        "widen",
        r"\bwiden(?:s|ing)? the (?:model|trunk|network)\b(?= (?:from|to|by) )",
        "increase the model width",
    ),
    ("at depth", r" at depth (?=\d)", ", depth "),
    (
        "layers",
        (
            r"\blayers (?:at|with)(?: an?)?(?: unchanged)?"
            r" (n_embd|model[_ ]dim|width|d_model|dim)(?: of)? (?=\d)"
        ),
        r"layers, \1 ",
    ),
    (
        "ing",
        (
            r" by (?=(?:raising|lowering|increasing|decreasing|reducing|multiplying|setting"
            r"|changing|doubling|halving)\b)"
        ),
        ", ",
    ),
    (
        "first ",
        r"(\b(?:warm|ramp)[^.;]*\bfirst) (third|quarter|fifth|sixth|eighth|tenth|twentieth)\b",
        lambda m: f"{m[1]} {100 * PARTS[m[2]]:.5g}%",
    ),
    (
        "one in",
        r"\bone in (?:every )?(five|ten|twenty|fifty)\b",
        lambda m: f"{1 / WORDS[m[1]]:.4g}",
    ),
    ("try ", rf"({PLAIN})[;,.] (?:i'd |let's )?try ({PLAIN})(?: instead)?\b", r"\1 -> \2"),
    ("total", r" \(\w+ (?:in total|altogether)\)", ""),
    ("constant", r"\b(softcap\w*|capping|cap|base) constant\b", r"\1"),
    ("same time", r"\bat the same time\b", "and"),
    ("in the same", r"\bin the same (?:edit|commit|run|change|go)\b", ""),
    ("lambda", r"\b(?:learned |learnable )?lambdas?(?:'s)? (?=lr\b|learning rate)", "scalar "),
    ("er ", r"\bfewer ([\w -]{1,25}): (\d+)\b", r"\1 = \2"),
    (
        "off",
        r"\btake (one|two|1|2) (?:iteration|step)s? off (?:of )?(?:the )?(newton|ns|muon)",
        r"\1 fewer \2",
    ),
    (
        "rate",
        r"\bthe rate (?=(?:for|of) the (?:muon|adam|embed|matri|token|unembed|scalar|head))",
        "the lr ",
    ),
    (
        " as ",
        r"\b(half|an? third|an? quarter) as (?:large|big|long|high|wide|strong)\b(?! as| again)",
        lambda m: f"x {PARTS[m[1].split()[-1]]:.6g}",
    ),
    ("heads", r"\b(?:fewer,? (?:but )?wider|more,? (?:but )?(?:smaller|narrower)) heads", "heads"),
    (
        "the",
        r",? (?:so |and )?(?:halving|doubling) the (?:number of heads|head count)\b",
        "",
    ),
    ("", r"\b(down|up) (an?|one) (half|third|quarter|fifth|tenth)\b", r"\1 by \2 \3"),
    (
        "times",
        (
            r"\b(?:mlp )?hidden (?:size|dim\w*|width) (?:of )?(\w+) times (?:the )?(?:model )?"
            r"(?:width|dim\w*|n_embd)\b"
        ),
        r"mlp ratio \1",
    ),
    ("packed", r"\bin (?:the )?packed (?:sequence|row)s?\b", ""),
    ("zeroing", r"\bzeroing (?:the )?([\w ]{3,25}?) at init\b", r"zero init \1"),
    ("end", r"\bend(?:s|ing)? the (?:lr )?decay at (?=[\d.])", "final lr "),
    ("floor", r" with a floor of ([\d.]+ ?%)(?: of (?:the )?peak)?", r", final lr \1"),
    (
        "the",
        (
            r"[,;]? (?:and )?(?:spend|spending|use|using|put|putting) the (?:saved |freed )?"
            r"(?:time|param\w*|flops|compute|memory|vram)(?: saved| freed)? (?:on|for|in|into) "
        ),
        ", ",
    ),
    (
        "freed",
        r"[,;]? (?:and )?the freed (?:param\w*|time|flops|memory) goe?s? (?:in)?to ",
        ", ",
    ),
    ("at ", r" at (\d{3,5}) (?:wide|channels)\b", r", width \1"),
    (
        "start with",
        (
            r"\bstart with ([\w ]{2,25}?) at ([\d.]+) and let it (?:fall|rise|decay|grow)"
            r"(?: linearly)? to ([\d.]+)"
        ),
        r"\1 from \2 to \3",
    ),
    ("dozen", r"\ba dozen\b", "12"),
    ("million", r"\b(?:a|one) million\b", "1000000"),
    ("thousand", r"\b(?:a|one) thousand\b", "1000"),
    ("t", r"(?<![\w-])t ?(?:= ?(?=\d)|(?=\d{3,}))", "sequence length "),
    ("minutes", r"\b(?:5|five)[- ]minutes?\b", "300 seconds"),
    ("300 seconds", r"\b(?:the )?(?:whole|entire|full) 300 seconds\b", "the whole run"),
    ("d", r"\b(\d+)\s?d\s?/\s?(\d+)\b", r"\1/\2"),
)
