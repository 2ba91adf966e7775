"""How fast a part learns and how strongly it decays: `the tables should learn half as fast`."""

from shared.words.rewriting import compiled
from shared.words.shares import MANY, PART, SHARE, number, times

_OWNER = (
    r"(?=(?:of|for|on|in|off|from) (?:the |all |both |our |just |only )*"
    r"(?:block|matri|token|value|output|unembed|embed|lm_head|table|muon|scalar|per-layer"
    r"|vocab|word))"
)
_PARTS = (
    r"(?:token |embedding )?table|value embeddings|(?:output|block|embedding) matri(?:x|ces)"
    r"|lm_head|scalars|head"
)
_LEARN = r"(?:learn|train|move|step|be trained|be updated)s?"

PACES = compiled(
    # The decay of weights.
    ("shrinkage", r"\bshrinkage(?: coefficient)?\b", "weight decay"),
    ("zero", r"\b(?:pull(?:ed)?|force)\b[^.;,]{0,45}?\bto(?:wards?)? zero\b", "weight decay"),
    (
        "decayed",
        r"\b(?:not|no longer) (?:to )?be decayed(?: at all| any ?more)?",
        "without weight decay",
    ),
    (
        "decayed",
        (
            rf"\bbe decayed (?:with|at) ({MANY}) (?:of )?(?:the|its|their)"
            r"(?: present| current| usual)? strength(?: (?:that|with which|it|they) [^,.;]*)?"
        ),
        times("weight decay"),
    ),
    ("decayed", r"\bbe decayed\b(?: with)?", "weight decay"),
    (
        " strength",
        (
            rf"\b(?:(?:begin|start) )?with ({MANY}) of (?:the|its|their)"
            r"(?: present| current| usual) strength"
        ),
        times(""),
    ),
    (
        "decay ",
        (
            r"(?<!weight )(?<!weight-)(?<!lr )(?<!rate )(?<!ema )(?<!moment )"
            rf"\bdecay {_OWNER}(?![^,.;:]*\b(?:lrs?|rates?|momentum)\b)"
        ),
        "weight decay ",
    ),
    (
        "decay",
        (
            r"\b(wte|lm_head|unembedding|embeddings?|tables?|adamw?|matri(?:x|ces))(?:'s)? decay\b"
            r"(?=(?: both| all)?(?: off| x|,| to zero| by|$| \d| =))"
        ),
        r"\1 weight decay",
    ),
    (
        " decay",
        (
            rf"\b((?:{SHARE} (?:more|less)|(?:twice|half) the|halve the|drop the)) decay"
            r"(?= altogether| on |[,.;]|$| and )"
        ),
        r"\1 weight decay",
    ),
    # Learning rates.
    ("head lr", r"\bhead lr\b", "lm_head lr"),
    ("rate", rf"(?<!dropout )(?<!learning )(?<!decay )\brates? {_OWNER}", "lr "),
    (
        "rate",
        (
            r"\b(table|embeddings?|head|layer|scalars?|matri\w+|muon|adamw?)(?:'s?)? rates?\b"
            r"(?! of)"
        ),
        r"\1 lr",
    ),
    *(
        (
            f" {rate}",
            (
                rf"\b{_LEARN} (?:at|with) ({MANY}) (?:of )?"
                r"(?:the|its|their|today's|present|current)(?: (?:present|current|usual|old))*"
                rf" {rate}(?: (?:at which|that) [^,.;]*)?"
            ),
            times("lr"),
        )
        for rate in ("rate", "speed", "lr", "pace")
    ),
    ("half speed", rf"\b(?:{_LEARN}|goe?s?|run) at half speed\b", "lr x 0.5"),
    *(
        (
            f" {more} speed",
            rf"\b(?:give )?({SHARE}) {more} speed (?:for|to) ",
            rf"{raised} by \1 the lr of ",
        )
        for more, raised in (("more", "raise"), ("less", "lower"))
    ),
    *(
        (
            f"{slow} ",
            rf"\b{slow} ((?:the |all the |all )[\w ]{{3,30}}?)(?: up| down)? by (?=({SHARE}))",
            rf"{lowered} the lr of \1 by ",
        )
        for slow, lowered in (("speed", "raise"), ("slow", "lower"))
    ),
    ("half again", rf"\b{_LEARN} half again as (?:fast|quickly)\b", "lr x 1.5"),
    (
        " half again as fast",
        rf"\b({_PARTS})(?: learns?| goe?s?)? half again as fast",
        r"\1 lr x 1.5",
    ),
    (
        "half again as fast for",
        rf"\bhalf again as fast for (?=the (?:{_PARTS}))",
        "raise by half the lr of ",
    ),
    *(
        (
            quick,
            (
                rf"\b({_PARTS})(?: (?:could|should|must|would))?(?: go| move| learn| run)?"
                rf"(?: just)? (?=(?:an?|one|two|three) (?:{PART})s? {quick})"
            ),
            r"\1 lr ",
        )
        for quick in ("slower", "faster", "quicker")
    ),
    (
        " as fast",
        rf"\b({_PARTS})(?: (?:could|should|must|would))?(?: go| move| run) ({MANY}) as fast\b",
        lambda m: f"{m[1]} lr by a factor of {number(m[2]):.6g}",
    ),
    *(
        (
            f"{rate} ",
            (
                rf"\b{_LEARN} (?:at|with) (?:an? |the )?{rate}"
                r" (?:that (?:is|are)|of)(?: by)? "
            ),
            "lr ",
        )
        for rate in ("learning rate", "rate", "speed", "steps")
    ),
    *(
        (faster, rf"\b{_LEARN} (?=(?:an?|one|two|three) (?:{PART})s? {faster})", "lr ")
        for faster in ("faster", "slower", "higher", "lower", "larger", "smaller")
    ),
    (" as ", rf"\b{_LEARN} ({MANY}) as (?:fast|quickly)\b", times("lr")),
)
