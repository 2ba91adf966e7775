"""One spelling for what is written in many: symbols, code, idioms."""

import re
import unicodedata

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
_REWRITES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (needle, re.compile(pattern), replacement)
    for needle, pattern, replacement in (
        ("_", r"(?<=\d)_(?=\d)", ""),
        (
            "n(0",
            r"\bn\(0(?:\.0)?,\s?([\d.]+(?:e-?\d+)?)\s?(?:\^|\*\*)\s?2\)",
            r" normal init std \1 ",
        ),
        ("per cent", r"\bper cent\b", "percent"),
        ("one percent", r"\bone percent\b", "1%"),
        ("fourth", r"\b(?:a|one) fourth\b", "quarter"),
        ("in a hundred", r"\b(\w+) in a hundred\b", r"\1 percent"),
        ("one time in ten", r"\bone time in ten\b", "10%"),
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
        ("one", r"\b(to|of)\s+one\b(?!\s+of)", r"\1 1"),
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
_POWER = r"\d{1,9}(?:\.\d{1,9})?(?:\s?(?:\*\*|\^)\s?\d{1,2})?"
_PRODUCT = re.compile(rf"(?<![\w.*^/])({_POWER})((?:\s?\*\s?(?!\*){_POWER})+)(?![\w*^/]|\.\d)")
_LARGEST = 1e15


def normalize(text: str) -> str:
    """The text in one spelling, in lower case."""
    text = unicodedata.normalize("NFKC", text.translate(_SYMBOLS)).translate(_SYMBOLS).lower()
    text = _PRODUCT.sub(_multiplied, text)
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
