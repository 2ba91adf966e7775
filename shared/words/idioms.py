"""Ways of saying something, each with the spelling that the reader knows."""

from shared.words.rewriting import compiled

_NOW = r"(?:now|today|currently|at present|presently|at the moment)"
# Applied in this order: the later ones rely on the earlier ones.
REWRITES = compiled(
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
    ("already", r" \(already[^()]*\)", ""),
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
        "all the way ",
        (
            r",?\s*\b(?:do not|don't|not|instead of|rather than)(?: (?:decay|anneal|go)\w*)?"
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
            r"\b(?:s|short|local|short-window|sliding-window|sliding) layers? "
            r"(?:should |could )?(?:just |only )?(?:see|look|attend|cover)s?\b"
            r"(?: just| only| back| over| the last)*"
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
    ("heads", r"\b(\d+)[- ](?:wide|dimensional|dim) heads\b", r" head dim \1 "),
    (
        "value head",
        r"\b(?:an? |one )?(?:single )?key head and (?:an? |one )?(?:single )?value head\b",
        " 1 kv head ",
    ),
    ("t", r"\bt ?\+ ?2\b", " token after next "),
    (
        "heads of",
        r"\b(?:\w+ )?heads of (?:size )?(\d+)\b(?: channels?| dims?| dimensions?)?",
        r" head dim \1 ",
    ),
    (
        "% ",
        (
            r"([\d.]+ ?%) (higher|larger|bigger|more|lower|smaller|less) than "
            r"(?:the |its )?(?:current |present |default )?(?=[\d.])"
        ),
        r"\1 \2 from ",
    ),
    ("add ", r"\badd ([\d.]+ ?%) to (?:the )?", r"increase by \1 "),
    ("bit", r"\b8[- ]bit(?: floats?| floating[- ]point)?\b,?(?: \(?e4m3\)?)?", " fp8 "),
    ("bit", r"\b32[- ]bit(?: floats?| floating[- ]point| precision)?\b", " fp32 "),
    (
        "than ",
        r"\bthan (?:the |its |our )?(?:current|present|existing|usual)\b(?: [a-z]+)?",
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
    ("seq", r"(?<=window)([^.;]{0,14})\bseq(?:_len)? ?//? ?(\d+)", r"\1 1/\2"),
    ("seq", r"(?<=1/\d)(\s*->\s*)seq(?:_len)? ?//? ?(\d+)", r"\1 1/\2"),
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
    (
        "not ",
        (
            r"(?:,\s*)?\bnot (?:to |at |from )?"
            r"(?=(?:\d|(?:zero|one|two|three|four|five|six|seven|eight|ten|twelve)\b))"
        ),
        " instead of ",
    ),
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
    (
        "one",
        r"\b(to|of|at)\s+one\b(?!\s+(?:of|half|third|quarter|fifth|sixth|eighth|tw|te|hund|thous|fift))",
        r"\1 1",
    ),
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
    (
        "",
        (
            r"\b(?:one|an?)[ -](half|third|quarter|fifth|sixth|eighth|tenth|twelfth|sixteenth"
            r"|twentieth|fiftieth|hundredth)\b"
        ),
        r"\1",
    ),
    ("", r"\b(\d+)(?:st|nd|rd|th)s?\b(?=\s|$|[,.;)])", r"\1"),
    (" off", r"\b(?:shave|knock|take|trim|cut) ([\d.]+ ?%) off\b", r"reduce by \1"),
    ("", r"\b(?:is|are|gets?|be|being|been) (halved|doubled|tripled|quartered)\b", r"\1"),
)
