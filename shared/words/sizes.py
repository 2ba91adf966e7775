"""Sizes told by what they do: `each update should see twice as many tokens`."""

from shared.words.rewriting import compiled
from shared.words.shares import COUNT, MANY, SHARE, SHOULD, number, times

_LESS = r"(?:short|limited|local|narrow)"
_ROUNDS = r"(?:rounds?|pass(?:es)?|iterations?|steps?)"

SIZES = compiled(
    (
        "the card",
        (
            rf"\b({MANY}) (?:as many |the )sequences (?:go )?(?:on|through) the card"
            r"(?: at once| in one go)?"
        ),
        times("device batch"),
    ),
    (
        "the card take",
        rf"\blet the card take ({MANY}) as many sequences(?: at once)?",
        times("device batch"),
    ),
    ("half again as wide", r"\bhalf again as wide\b", "width x 1.5"),
    # Heads, layers and the batch.
    (
        "head",
        (
            rf"\bheads? (?:(?:should |to )?be )?({MANY}) as (?:wide|large|big|many channels wide)"
            r"(?: as (?:it is|they are|now|today))?(?:,? (?:with|and) (?:fewer|more) of them)?"
        ),
        times("head dim"),
    ),
    ("deeper", rf"\b(?:be )?({COUNT}|one) (?:layers?|blocks?) deeper\b", r"add \1 more layers"),
    ("shallower", rf"\b(?:be )?({COUNT}|one) (?:layers?|blocks?) shallower\b", r"\1 fewer layers"),
    (
        "as many tokens",
        (
            rf"\b({MANY}) as many tokens (?:before|per|for|in|from|into|to) "
            r"(?:each |every |an? |the |one )*(?:single )?(?:weight )?"
            r"(?:update|step|optimi[sz]er step|gradient step)(?: of the \w+)?"
        ),
        times("batch"),
    ),
    (
        "tokens",
        (
            r"\b(?:let )?(?:each|every|an?) (?:single )?(?:weight )?"
            r"(?:update|step|optimi[sz]er step)(?: of the (?:optimi[sz]er|weights))?"
            r"(?:,? (?:should|be|is|gets?|must|to))* (?:made|computed|seen?|use|take|eat|"
            r"consume|look at|digest|average|collect|cover|built)s? (?:from |on |out of |over )?"
            rf"(?:({MANY}) as many tokens|([\w., *-]{{1,24}} tokens))"
        ),
        lambda m: f"batch x {number(m[1]):.6g}" if m[1] else f"batch {m[2]}",
    ),
    (
        "tokens",
        (
            r"\bstep (?:of the optimi[sz]er )?(?:only )?(?:after|every) (?:every )?"
            r"(?=[\d,.]+\w* tokens)"
        ),
        "batch ",
    ),
    # Windows.
    (
        "a short way",
        r"\blayers? (?:that|which) (?:only )?(?:look|see)s?(?: back)? a short way(?: back)?\b",
        "short layers",
    ),
    *(
        (
            f"{layers} with ",
            rf"\b{layers} with (?:a |the )?{_LESS} (?:view|window|reach)\b",
            "short layers",
        )
        for layers in ("layer", "layers")
    ),
    ("short-sighted", r"\bshort-sighted layers?\b", "short layers"),
    (
        "attention layer",
        rf"(?<!off the )(?<!remove the )\b{_LESS} attention layers?\b",
        "short layers",
    ),
    ("view", rf"\b{_LESS} views?\b", "window"),
    (
        "layers",
        (
            r"\b(?:s|short|local|sliding|short-window|sliding-window) layers? ?"
            rf"{SHOULD} (?:be allowed to |get to |be able to )?"
            r"(?:see|look back|look|reach|attend|cover|get|have)"
            r"(?: back)?(?: over| only| just| to| the last)*(?= )"
        ),
        "window",
    ),
    (
        "layer",
        (
            r"\bgive (?:each |every |the |all |all the )?(?:s|short|local|sliding) layers? "
            rf"({SHARE}) of the (context|sequence)(?: to (?:look at|see|attend to|work with))?"
        ),
        r"window \1 of the \2",
    ),
    (
        "window",
        rf"\b(window\w*\b[^.;,]{{0,30}}?\b{SHARE}) the (context|sequence)\b",
        r"\1 of the \2",
    ),
    (
        "window",
        r"\b(window\w*\b[^.;,]{0,20}? (\d/\d+)) ctx( ->| to) (\d/\d+) ctx",
        r"\1\3 \4 of the context",
    ),
    # Rounds, channels and the MLP.
    ("hidden ", r"\bmlp hidden (?:channels|units|neurons)\b", "mlp hidden"),
    ("orthogonali", rf"\b{_ROUNDS} of (?:the )?orthogonali[sz]ation\b", "ns steps"),
    (
        "orthogonali",
        (
            rf"\borthogonali[sz]ation\b([^.;]{{0,25}}?)\b(one|two|1|2) {_ROUNDS} "
            r"(fewer|less|more)\b(?: than [^.,;]*)?"
        ),
        r"\2 \3 ns steps",
    ),
    (
        "channels",
        rf"\bgates?\b([^.;]{{0,50}}?)\b({MANY}) as many (?:input )?channels(?: of the \w+)?",
        times("gate channels", 2),
    ),
    (
        "heads",
        (
            r"\bheads (?:of (?:a|each) layer |in (?:a|each) layer )?(?:should )?share"
            r" (?:an? |one |the same )(?:single )?(?:set|pair) of (?:keys and values|k/?v)"
        ),
        "1 kv head",
    ),
    (
        "times the",
        (
            rf"\bmlp\b([^.;]{{0,12}}?)\b({COUNT}) times the (?:model |stream )?width"
            rf"(?: rather than ({COUNT}))?"
        ),
        lambda m: f"mlp ratio {m[2]}" + (f" instead of {m[3]}" if m[3] else ""),
    ),
)
