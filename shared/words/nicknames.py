"""Parts of the model by what they are or do: `the table that turns tokens into vectors`."""

from shared.words.rewriting import compiled
from shared.words.shares import COUNT

NICKNAMES = compiled(
    (
        "blocks",
        r"\b(?:matrices|weights) (?:inside|within|of|in) the (?:transformer )?blocks\b",
        "block matrices",
    ),
    ("optimi", r"\bblock[- ]matri(?:x|ces) optimi[sz]er\b", "matrix optimizer"),
    (
        "optimi",
        r"\boptimi[sz]er (?:of|for) the (?:block |weight |hidden )?matri(?:x|ces)\b",
        "matrix optimizer",
    ),
    ("table", r"\b(?:value|v)[- ]tables?\b|\btables? of (?:the )?values\b", "value embeddings"),
    ("tables", r"\b(for|on) (?:the |all |both |five )*tables\b(?! of)", r"\1 embeddings"),
    (
        "score",
        r"\b(?:output|final|vocabulary|token) scores\b|\bscores (?:of|at) the output\b",
        "logits",
    ),
    (
        "the head",
        (
            r"\bthe head\b(?! dim| size)"
            r"(?=[^.;]{0,25}?\b(?:learn|rate|lr|decay|starts?|begins?|init|train))"
        ),
        "the lm_head",
    ),
    (
        "multipliers",
        r"\b(?:little|small|per-layer|small per-layer) multipliers\b",
        "per-layer scalars",
    ),
    (
        "matrix that ",
        r"\bmatrix that (?:predicts the words?|turns hidden states into (?:word |token )?scores)\b",
        "lm_head",
    ),
    ("lookup table", r"\b(?:token )?lookup table\b", "token embedding table"),
    ("lambdas", r"\b(?:per-layer|layer-wise) lambdas\b", "per-layer scalars"),
    (
        " stream",
        (
            r"\b(?:per-layer )?(?:factors?|weights?|scalars?|multipliers?) (?:on|of)"
            r" the (?:residual|running) stream\b"
        ),
        "resid lambda",
    ),
    ("updates", r"\bupdates of (?=[\d.,]+\w? tokens)", "batch of "),
    ("squ", r"\b(?:squeeze|squash)s? the logits\b(?: \w+){0,3},? (?:at|to|within) ", "softcap "),
    (
        "mixing",
        r"\bmixing[- ]in of the (?:original|first|input|initial) (?:token )?embedding\b",
        "x0 mixing",
    ),
    (
        "pair of query",
        (
            r"\b(?:each|every) pair of query heads shares? (?:an? |one )?(?:single )?"
            r"(?:set|pair) of keys and values"
        ),
        "n_kv_head = n_head // 2",
    ),
    (
        "single",
        (
            r"\b(?:an? |one )?single (?:set|pair|key and value head|kv head|key/value head)"
            r"(?: of keys and values)? (?:for|serves) all (?:the )?(?:\w+ )?(?:query )?heads"
        ),
        "1 kv head",
    ),
    (
        "orthogonali",
        (
            r"\borthogonali[sz]e\b([^.;,]{0,30}?) with (one|two) (more|fewer|less)"
            r" (?:iteration|step|round|pass)\w*(?: than [^.,;]*)?"
        ),
        r"\2 \3 ns steps",
    ),
    ("token vectors", r"\btoken vectors?\b", "token embedding"),
    (
        "layer",
        (
            r"\b(?:last|final|output|top) layer,? (?:the one )?(?:that|which)"
            r" (?:turns|maps|scores|predicts)(?: (?!should|learn|be\b)[\w-]+){1,8},?"
            r"|\blayer (?:that|which) scores (?:the )?\w+"
        ),
        "lm_head",
    ),
    (
        "table",
        r"\btable (?:that|which) (?:turns|maps) (?:the )?tokens? (?:in)?to vectors?",
        "token embedding table",
    ),
    *(
        (
            which,
            (
                r"\b(?:common |overall )?(?:scale|range|spread|std|size|bound) of (?:the |all )*"
                rf"(?:random )?{which} (?:weights|matrices)\b"
            ),
            "init scale",
        )
        for which in ("starting", "initial")
    ),
    ("starting", r"\b(?:random )?starting (?:scale|weights|spread|range)\b", "init scale"),
    ("feed", r"\bfeed-?forward (?:networks?|parts?|blocks?|layers?)\b", "mlp"),
    (
        "hidden",
        r"\bhidden (?:part|layer|size|width) of (?:each |the |every |its )*mlps?\b",
        "mlp hidden",
    ),
    (
        "hidden",
        (
            rf"\b(?:mlp|(?:mlp )?hidden)\b([^.;]{{0,30}}?)\b({COUNT}) times (?:as wide as |the )"
            r"(?:width of )?(?:the |its )?(?:residual )?(?:stream|model|width|input)\b"
        ),
        r"mlp ratio \2",
    ),
    (
        "rota",
        r"\bbase of the rot(?:ary|ation)\w*(?: (?:positions?|embeddings?|angles?))?",
        "rope base",
    ),
)
