"""One spelling for what is written in many: symbols, code, idioms."""

import math
import re
import unicodedata
from collections.abc import Callable

# Symbols are written by code point where they look like a letter or another mark.
_SYMBOLS = str.maketrans(
    {
        "→": " -> ", "⇒": " -> ", "➔": " -> ", "⟶": " -> ", "\u00d7": " x", "\u2212": "-",
        "\u2013": " ; ", "\u2014": " ; ", "β": " beta", "ε": " eps ", "ϵ": " eps ",
        "\u03b1": " alpha ", "λ": " lambda ", "\u03c3": " std ", "μ": " mu ", "θ": " theta ",
        "\u03b3": " gamma ", "√": " sqrt ", "`": " ", "\u2019": "'", "\u201c": '"',
        "\u201d": '"', "≈": " ", "~": " ", "\u2044": "/",
    }
)  # fmt: skip
_NOW = r"(?:now|today|currently|at present|presently|at the moment)"
# What a text must hold for a pattern to be tried, the pattern, and what it becomes. Applied in this
# order: the later ones rely on the earlier ones.
_Replacement = str | Callable[[re.Match[str]], str]
_REWRITES: tuple[tuple[str, re.Pattern[str], _Replacement], ...] = tuple(
    (needle, re.compile(pattern), replacement)
    for needle, pattern, replacement in (
        ("_", r"(?<=\d)_(?=\d)", ""),
        (
            "n(0",
            r"\bn\(0(?:\.0)?,\s?(\d*\.?\d+(?:e-?\d+)?)\s?(?:\^|\*\*)\s?2\)",
            r" normal init std \1 ",
        ),
        ("per cent", r"\bper cent\b", "percent"),
        ("one percent", r"\bone percent\b", "1%"),
        ("fourth", r"\b(?:a|one) fourth\b", "quarter"),
        ("in a hundred", r"\b(\w+) in a hundred\b", r"\1 percent"),
        ("one time in ten", r"\bone time in ten\b", "10%"),
        ("i.", r",?\s*\bi\.\s?e\.,?\s+(?=[\d.])", " to "),
        ("i.", r"\bi\.\s?e\.,?", "ie"),
        (
            "",
            (
                r"\b(twice|double|half|[\d.]+ ?%|[\w.]+ times) (?:of )?(?:its|the|their) "
                r"(?:present|current|default|original|usual)(?: values?)?(?: of)? (?=[\d.])"
            ),
            r"\1 from ",
        ),
        (
            "% of",
            (
                r"(?<!by )\b(?:(?:at|to|down to) )?([\d.]+) ?% of (?:its|the|their|our|today) "
                r"(?:present|current|default|original|old|previous|usual|baseline|starting)"
                r"(?: (?:value|rate|setting|size|lr|step size))?\b"
            ),
            r" x \1/100 ",
        ),
        ("of what", r"\bof what (?:it|they|we) (?:is|was|are|were|have)(?: now| today)?", " "),
        (
            "all ",
            r"\ball (?:two|three|four|five|six|\d) (?=(?:\w+ ){0,2}(?:learning|lr|group))",
            "all ",
        ),
        (
            "lm_head.weight",
            r"\blm_head\.weight (?:=|and|is) [\w.]*wte\.weight\b",
            " tie embedding ",
        ),
        ("wte.weight", r"\bwte\.weight (?:=|and|is) [\w.]*lm_head\.weight\b", " tie embedding "),
        (
            "attn",
            r"\bx (?:\+|plus) attn\(norm\(x\)\) (?:\+|plus) mlp\(norm\(x\)\)",
            " parallel attention and mlp ",
        ),
        ("lambda", r"(?<=[a-z])_lambdas?\b", " lambda"),
        (
            "",
            (
                r"\b(?:do not|don't|not|instead of|rather than) (?:decay|anneal|go)\w*"
                r"(?: linearly)? all the way (?:down )?to (?:zero|0)\b"
            ),
            " ",
        ),
        (
            "rate",
            r"\b(muon|embedding|unembedding|lm_head|head|scalar|matrix|adamw?|wte)(?:'s)? rates?\b",
            r"\1 lr",
        ),
        ("decay", r"\bmuon(?:'s)? decay\b", "muon weight decay"),
        (
            "layers",
            (
                r"\b(?:s|short|local|short-window|sliding-window|sliding) layers? (?:should |could )?"
                r"(?:just |only )?(?:see|look|attend|cover)s?\b(?: just| only| back| over| the last)*"
            ),
            " window ",
        ),
        (
            "head",
            r"\b(?:a )?(?:single|one) (?:shared )?(?:kv|k/v|key/value|key-value) head\b",
            " 1 kv head ",
        ),
        (
            "take ",
            r"\btak(?:e|ing) ((?:[\w-]+ ){1,6})(?:out|away)\b(?! of the optim)",
            r"remove \1",
        ),
        (
            "weight",
            r"\b(matrix|embedding|unembedding|block|hidden|head)[ _]weight[ _]decay\b",
            r"\1 wd",
        ),
        (
            "heads of",
            r"\b(?:\w+ )?heads of (?:size )?(\d+)\b(?: channels?| dims?| dimensions?)?",
            r" head dim \1 ",
        ),
        (
            "than ",
            r"\bthan (?:the |its |our )?(?:current|present|existing|usual)\b(?: \w+)?",
            " ",
        ),
        (
            "to the ",
            r"\bto the (?:present |current |existing )?\w+ (?:we have|there are)(?: now)?\b",
            " ",
        ),
        ("of the ", r"\bof the (?:present |current )?\w+ (?=(?:layer|block)s\b)", " "),
        (
            "head",
            (
                r"\b(?:(two|2)|(three|3)|(four|4)) (?:query |q )?heads? "
                r"(?:share|to|per|for|serving|on)s? (?:each|every|one|a|an|1)? ?"
                r"(?:kv|k/v|key/value|key-value|key and value)(?: |-)heads?"
            ),
            lambda m: f" n_kv_head {0.5 if m[1] else 1 / 3 if m[2] else 0.25:.4g} ",
        ),
        ("gqa ", r"\bgqa (\d):1\b", r"n_kv_head 1/\1"),
        ("x", r"\bat (\d*\.?\d+) ?x\b", r"x\1"),
        ("take", r"\btak(?:e|ing) ([\d.]*\d) off (?:of )?", r"reduce by \1 "),
        ("it ", r",? so (?:that )?it (?:is|becomes) (?=[\d.])", " to "),
        ("betas[", r"\b(?:adam_)?betas\[0\]", "beta1"),
        ("betas[", r"\b(?:adam_)?betas\[1\]", "beta2"),
        (
            "betas",
            r"\bbetas\b( =| of| to| at)? ?\(?(0?\.\d+)\s?/\s?(0?\.\d+)\)?",
            r"betas\1 \2, \3",
        ),
        ("sigmoid", r"\bx ?\* ?sigmoid\(x\)", " silu "),
        ("seq_len", r"(?<=window)([^.;]{0,14})\bseq_len ?//? ?(\d+)", r"\1 1/\2"),
        ("seq_len", r"(?<=1/\d)( -> )seq_len ?//? ?(\d+)", r"\1 1/\2"),
        ("'d", r"'d\b", " would"),
        ("'ll", r"'ll\b", " will"),
        ("..", r"\.{2,}", " "),
        (".", r"\b(?:(?:torch|nn|f|functional|utils|optim|self|np|math)\.)+(?=[a-z_])", ""),
        ("model.parameters", r"\bmodel\.parameters\(\)", " "),
        ("(", r"(?<=[a-z_])(?<!sqrt)\((?:x|t)?(?:,\s)?([^()]*)\)", r" \1 "),
        ("_", r"(?<=[a-z])_(?=\W|$)", " "),
        ("relu", r"\brelu\b\s*\.?\s*(?:square|pow\s*2)\b", "relu2"),
        ("relu", r"\brelu\s*(?:\*\*|\^)\s?(\d)", r"relu\1"),
        ("leaky", r"\bleaky[ _]?relu\s+([\d.]+)\s*\.?\s*square", r"leakyrelu2 \1"),
        ("*", r"(?<=\d)\s?\*\s?(?:n_embd|d_model|model_dim|dim|d|width)\b", "x"),
        ("/", r"(?<=\d/\d)\s(?:d|n_embd|d_model)\b", ""),
        ("//", r"(?<=\w\s)//\s?(?=\d)", "/"),
        (">", r"[-=]+>", " -> "),
        ("=", r"\b([a-z][\w ]{1,24}?) ?([-+])= ?(?=\d)", r"\1 \2"),
        ("not ", r"(?:,\s*)?\bnot (?:to|at|from)? ?(?=(?:\d|zero\b))", " instead of "),
        ("", rf"[,(;]\s*(?:it )?(?:is |are |was |were )?{_NOW}:?\s+(?:at )?(?=[\d.])", " from "),
        (
            "",
            (
                r"[,(;]\s*(?:(?:std|it|which) )?(?:is |are |at )?"
                rf"(?=[\d.][\d.e+*/-]*\s{_NOW}\b)"
            ),
            " from ",
        ),
        ("tanh", r"(\d+)\s?\*\s?tanh\s?\(?\s?\w+\s?/\s?\1\s?\)?", r" softcap \1 "),
        ("^", r"(?<=[a-z])\s?\^\s?2\b", "2"),
        ("sqrt", r"\b1\s?-\s?sqrt\b", "oneminussqrt"),
        ("sqrt", r"\b1\s?/\s?sqrt\b\s?(?:\([^)]*\))?", " invsqrt "),
        ("x", r"\bx_?0(?![.\d])", "xzero"),
        ("s", r"'s\b|s'(?=\s)", ""),
        ("n't", r"\bn't\b", " not"),
        (
            "is",
            r"(initial|normal|penal|random|optim|regular|quant|parametr|stabil|orthogonal)is",
            r"\1iz",
        ),
        ("_", r"(?<=[a-z])_(?=[a-z0-9])|(?<=[0-9])_(?=[a-z])", " "),
        ("exp", r"\b(?:on top of )?exp[_ ]?\d+\b", " "),
        ("another", r"\banother\b", "1 more"),
        ("linears", r"\blinears\b", "linear layers"),
        ("", r"\b(gpt|gemma|llama|qwen|olmo|phi|bert|t)[- ]?\d(?:\.\d)?(?=[\s,.;:)]|-s|$)", " "),
        ("+", r"\b(depth|layers?|n layer|heads?|n head)\s?\+\s?(\d+)\b", r"\2 more \1"),
        ("-", r"\b(depth|layers?|n layer|heads?|n head)\s?-\s?(\d+)\b", r"\2 fewer \1"),
        ("+", r"(?<![\w.)])\+(\d+)\s+(layers?|heads?|blocks?)\b", r"\1 more \2"),
        ("-", r"(?<![\w.)])-(\d+)\s+(layers?|heads?|blocks?)\b", r"\1 fewer \2"),
        ("", r"\b(?:one|an?)\s+(more|extra|additional|fewer|less)\b", r"1 \1"),
        ("half", r"\b(?:in|to)\s+half\b(?!\s+(?:of|a)\b)", "halved"),
        ("one", r"\b(to|of|at)\s+one\b(?!\s+of)", r"\1 1"),
        ("one", r"\bone\s+(layer|block|head|expert|step|token|kv)", r"1 \1"),
        ("arxiv", r"\barxiv:\S+", " "),
        ("2", r"\b2[- ]?d\b", " "),
        (
            "(",
            (
                r"\((?:currently|now|today|was|were|previously|before|default)?:?\s?"
                r"(?:none|off|disabled|absent|unset)(?: now| today| currently)?\)"
            ),
            " ",
        ),
        (
            "",
            (
                r"\b(?:start|begin)(?:s|ing|ed)? ((?:[\w-]+ ){1,6})"
                r"(?:from|at|out at|off at) (?:zero|0)\b(?![.])"
            ),
            r"zero init \1",
        ),
        ("sin", r"\bcos(?:ine)?\s?(?:/|and|&)\s?sin(?:e)?\b(?: table| cache)?", "rope table"),
        ("half the", r"\bof half the (?:size|dim\w*|width)\b", " "),
        (
            "instead of",
            r"\binstead of (?:alternating|alternate|every other|every second)\b(?: layers?| one)?",
            " ",
        ),
        (
            "",
            (
                r"\b(?:decay|anneal)(?:s|ing)? (?:the )?(?:lr|learning rate)(?: linearly)? "
                r"(?:over|across|throughout|for) (?:the )?(?:entire|whole|full|all of the|all of) ?"
                r"(?:run|training|budget)?"
            ),
            "warmdown ratio 1.0",
        ),
        (
            "",
            (
                r",?\s?(?:with )?(?:no|without an?y?) (?:constant|flat|plateau|stable) ?"
                r"(?:phase|part|lr)?\b"
            ),
            " ",
        ),
        ("million", r"\bhalf a million\b", "0.5m"),
        ("million", r"\ba? ?quarter of a million\b|\bquarter[- ]million\b", "0.25m"),
        ("magnitude", r"\b(?:an )?order of magnitude\b", "10x"),
        ("ten", r"\bten[- ]?fold\b", "10x"),
        ("", r"\b(?:one|an?)[ -](half|third|quarter|fifth|sixth|eighth|tenth|sixteenth)\b", r"\1"),
        ("", r"\b(\d+)(?:st|nd|rd|th)s?\b(?=\s|$|[,.;)])", r"\1"),
        (" off", r"\b(?:shave|knock|take|trim|cut) ([\d.]+ ?%) off\b", r"reduce by \1"),
        ("", r"\b(?:is|are|gets?|be|being|been) (halved|doubled|tripled|quartered)\b", r"\1"),
    )
)
_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?"
_SHARE = r"(?:\d+(?:\.\d+)?\s?%|0?\.\d+|half|third|quarter|fifth|tenth|three quarters|two thirds)"
_LAST = re.compile(
    rf"\b(?:decay|anneal|cool)\w*(?: down)?(?: linearly| only| the lr| the learning rate| lr)*"
    rf" (?:over|during|in|across|for|to|into|on) (?:only |just )?the (?:last|final|remaining) "
    rf"(?=(?:an? )?{_SHARE})"
)
_SPAN = re.compile(
    r"\b(?:decay|cooldown|annealing)\b[\w ,]{0,20}\b(?:spans?|covers?|takes?(?: up)?|fills?) "
    rf"(?:only )?(?:the )?(?:last |final |remaining )?(?=(?:an? )?{_SHARE})"
)
_BEGIN = re.compile(
    r"\b(?:(?:start|begin|starting|beginning) (?:the |to )?(?:linear |lr |learning rate )*"
    r"(?:decay|cooldown|cool down|warmdown|annealing|anneal)(?:ing|s)?"
    r"|(?:decay|cooldown|warmdown) (?:that )?(?:begin|start)s?)"
    rf" (?:only )?(?:at|after|from) ({_SHARE})(?: of the way)?(?: in)?(?! tokens)"
)
_PLATEAU = re.compile(
    r"\b(?:leave|end|keep|hold)\w* the (?:plateau|lr|learning rate)(?: \w+){0,5}?,?"
    rf" (?:at|for the first|until) ({_SHARE})(?: of)?"
)
_COMPLEMENT = re.compile(
    r"\b1 ?- ?(beta ?\d|mu|momentum|decay)\b(?: in \w+,?| of \w+,?)?( ?=| from| to|:)? "
    r"?(" + _NUMBER + r")(?:( to | -> )(" + _NUMBER + r"))?"
)
_REST = re.compile(r"(?<![\w.)*/])1(?:\.0)? ?- ?(0?\.\d+|\d(?:\.\d+)?e-\d+|1 ?/ ?\d+)\b(?!\s?\*)")
_ROOT = re.compile(
    r"\b(?:the )?(?:square root of|sqrt of) (two|2|three|3|four|4)\b|\bsqrt\(([234])\)"
)
_MINUS_POWER = re.compile(r"\b2 ?\*\* ?\(?-(0?\.\d+|1)\)?")
_VARIANCE = re.compile(rf"\bvariance (?:of )?({_NUMBER})|\b({_NUMBER}) variance\b")
_SECONDS = re.compile(
    rf"\b({_NUMBER}) ?(?:s|secs?|seconds?) of the ({_NUMBER})[- ]?(?:s|secs?|seconds?)\b"
)
_ROOTS = {"two": 2.0, "three": 3.0, "four": 4.0}
_SHARES = {
    "half": 0.5, "third": 1 / 3, "quarter": 0.25, "fifth": 0.2, "tenth": 0.1,
    "three quarters": 0.75, "two thirds": 2 / 3,
}  # fmt: skip
_POWER = r"\d{1,9}(?:\.\d{1,9})?(?:\s?(?:\*\*|\^)\s?\d{1,2})?"
_PRODUCT = re.compile(rf"(?<![\w.*^/])({_POWER})((?:\s?\*\s?(?!\*){_POWER})+)(?![\w*^/]|\.\d)")
_LARGEST = 1e15


def normalize(text: str) -> str:
    """The text in one spelling, in lower case."""
    text = unicodedata.normalize("NFKC", text.translate(_SYMBOLS)).translate(_SYMBOLS).lower()
    text = _PRODUCT.sub(_multiplied, text)
    for needle, computed, value_of in _COMPUTED:
        if needle in text:
            text = computed.sub(value_of, text)
    for needle, pattern, replacement in _REWRITES:
        if needle in text:
            text = pattern.sub(replacement, text)
    return text


def _multiplied(match: re.Match[str]) -> str:
    """`5 * 2**16` is one number."""
    product = 1.0
    for factor in re.split(r"(?<!\*)\*(?!\*)", match[0].replace("^", "**")):
        base, _, exponent = factor.partition("**")
        product *= float(base) ** int(exponent or 1)
    return f"{product:.12g}" if product < _LARGEST else match[0]


def _share_of(text: str) -> float:
    if text in _SHARES:
        return _SHARES[text]
    return float(text.rstrip(" %")) / (100 if text.endswith("%") else 1)


def _begun(match: re.Match[str]) -> str:
    """What begins at 35% of the run takes the last 65% of it."""
    share = _share_of(match[1])
    return f" warmdown ratio {1 - share:.4g} " if share < 1 else match[0]


def _complement(match: re.Match[str]) -> str:
    """`1 - beta2 = 0.01` says that beta2 is 0.99."""
    first, then = 1 - float(match[3]), match[5]
    end = f" -> {1 - float(then):.6g}" if then else ""
    return f"{match[1]} {first:.6g}{end}"


def _rest(match: re.Match[str]) -> str:
    top, _, bottom = match[1].partition("/")
    return f"{1 - float(top) / (float(bottom or 1) or 1):.6g}"


def _root(match: re.Match[str]) -> str:
    number = match[1] or match[2]
    return f"{math.sqrt(_ROOTS.get(number) or float(number)):.6g}"


def _seconds(match: re.Match[str]) -> str:
    """`6 s of the 300 s` are a fraction of the run."""
    return f"{float(match[1]) / (float(match[2]) or 1):.4g} "


def _variance(match: re.Match[str]) -> str:
    return f" std {math.sqrt(float(match[1] or match[2])):.6g} "


_COMPUTED: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("", _BEGIN, _begun),
    ("", _PLATEAU, _begun),
    ("", _LAST, lambda _: " warmdown ratio "),
    ("", _SPAN, lambda _: " warmdown ratio "),
    ("1", _COMPLEMENT, _complement),
    ("1", _REST, _rest),
    ("", _ROOT, _root),
    ("2", _MINUS_POWER, lambda match: f"{2 ** -float(match[1]):.6g}"),
    ("variance", _VARIANCE, _variance),
    ("s of the", _SECONDS, _seconds),
)
