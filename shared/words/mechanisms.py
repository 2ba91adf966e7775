"""Mechanisms that are told rather than named, each with its name."""

import re

from shared.words.rewriting import compiled


def _only_the_other(match: re.Match[str]) -> str:
    """A block without its MLP is attention only."""
    rest = f"{match[2]} layer " if match.re.groups > 1 else ""
    return f" {'mlponly' if match[1] == 'attention' else 'attentiononly'} {rest}"


_TABLE = r"(?:wte|(?:token |input |output )?embeddings?|lm_head|unembedding|output head)"
_SHORTER = (
    r"(?: (?:that (?:have|has|are|is)|of|with))? ?\(?"
    r"(?:shorter than|under|below|fewer than|less than|<) ?(\d+) (token|char)\w*\)?"
)
_SINK = " add attention sink logit per head in the softmax denominator "
MECHANISMS = compiled(
    (
        " of ",
        r"\b(\d+) of (?:the |each head'?s? )?(\d+) (?=(?:head )?(?:dim|channel))",
        lambda m: f"{100 * int(m[1]) / (int(m[2]) or 1):.5g}% of the ",
    ),
    (
        "norm",
        (
            r"(?:\b(?:in addition to|besides|on top of|keep) the (?:existing )?pre-?norms?"
            r",? ?(?:and )?(?:apply )?)?(?:\b(?:put|add|also|and|an?|extra|second) )*"
            r"\b(?:rms[- ]?)?(?:layer)?norm(?:ali[sz]e)?\b[^.;:]*"
            r"\b(?:sub-?layers?|attn|attention|branch(?:es)?|blocks?)\b[^.;:]*"
            r"\b(?:output|produce)[^.;:]*\b(?:before|ahead of)\b"
            r"[^.;:]*\b(?:added|adding|joins?|residual add|residual addition)\b"
            r"(?: (?:back )?(?:in|on)?(?:to )?the (?:residual )?stream)?"
        ),
        " sandwich norm ",
    ),
    (
        "output",
        (
            r"\b(?:rms[- ]?)?norm(?:ali[sz]e)? (?:also )?(?:on )?(?:each|every|the|all) "
            r"sub-?layers?(?:'s|s')? outputs?(?: too| as well)?,?"
            r"(?: (?:just )?(?:before|ahead of) [^.;,]*)?"
        ),
        " sandwich norm ",
    ),
    (
        "",
        (
            r"\b(?:averag(?:e|ing)|(?:take )?(?:the |a )?(?:plain |uniform )?"
            r"(?:mean|average) of) (?:the )?(?:model )?(?:weights|parameters|iterates)\b"
            r"(?= (?:over|across|from|during|in) (?:the )?(?:last|final))"
        ),
        " swa ",
    ),
    (
        "nothing",
        r"[^.;:]*\b(?:attend to|attention (?:mass |weight )?on) nothing\b[^.;]*",
        _SINK,
    ),
    (
        "softmax",
        (
            r"\b(?:one |a |1 )?(?:learn\w+|train\w+) (?:scalar|logit)s? "
            r"(?:per|for (?:each|every)) head (?:\w+ ){1,6}softmax(?: denominator)?"
        ),
        _SINK,
    ),
    (
        "distance",
        (
            r"\b(?:position\w* )?(?:linear )?(?:bias|penalty)\b[^.;]*"
            r"\b(?:grow|increase|rise)s?(?: linearly)? with (?:the )?distance\b[^.;]*"
        ),
        " alibi ",
    ),
    (
        "distance",
        (
            r"\b(?:an? )?(?:per-head )?(?:fixed )?linear distance (?:penalt(?:y|ies)|bias(?:es)?)"
            r"(?: (?:on|to|in) (?:the )?attention (?:logits|scores))?"
        ),
        " alibi ",
    ),
    (
        "",
        (
            r"\b(?:remove|drop|no|turn off|disable|delete|skip|without|eliminate)(?: the)? "
            r"(mlp|feed-forward|ffn|attention)(?: sub-?layer)? (?:from|of|in) (?:the )?"
            r"(?=(?:first|last|final|top|bottom) (?:block|layer))"
        ),
        _only_the_other,
    ),
    (
        "turn",
        (
            r"\bturn (?:the )?(mlp|ffn|attention) of the (last|final|first) "
            r"(?:block|layer) off\b"
        ),
        _only_the_other,
    ),
    (
        "only",
        r"\b(?:(?:block|layer) (0) )?(?:becomes?|is|to|made|has) (attention|mlp)[- ]only\b",
        lambda m: f" {'first layer' if m[1] else ''} {m[2]}only ",
    ),
    ("sign", r"\bsign[- ]momentum\b(?: optimi[sz]er| updates?)?", " lion "),
    ("sign", r"\bsign[- ]of[- ](?:the[- ])?interpolated[- ]momentum\b", " lion "),
    ("gate", r"\b(silu|gelu)[- ]gate\b(?=[^.;]*\bmlp\b)", r" \1 gated "),
    ("gate", r"\bgelu[- ]gated\b(?: mlp)?", " geglu "),
    ("label", r"\bsmooth(?:ing)? the (?:training )?(?:label|target)s\b", "label smoothing"),
    ("pow", r"\brelu(?:\(x\))?\s?\.\s?pow\(\s?3\s?\)", " relu3 "),
    (
        "x0",
        (
            r"\b(lr|learning rates?|rates?)(?: (?:of|on|for))?(?: the)? resid(?:ual)?"
            r"(?:[ _]lambdas?| scalars?)? ?(?:and|/|&|\+) ?(?:the )?x0"
            r"(?:[ _]lambdas?| scalars?)?"
        ),
        r"\1 of the scalars",
    ),
    (
        "",
        (
            r"\b(?:stop|no longer) (?:updat|train)(?:e|ing) "
            r"(?=(?:the )?(?:wte|lm_head|token|embed|unembed))"
        ),
        "freeze ",
    ),
    ("relu", r"\bleaky_?relu\(([\d.]+)\)\s?\^\s?2", r" leakyrelu2 \1 "),
    ("embeds", r"\bvalue embeds\b", "value embeddings"),
    (
        "stop",
        (
            r"\bstop(?:ping)? (?:the )?(?:lr|learning rate)?(?: ?decay(?:ing)?)?"
            r"(?: the lr| the learning rate)? at ([\w./%]+(?: \w+)?) of (?:the |its )?peak"
            r"(?: lr| learning rate)?(?:,? rather than \w+ to \w+)?"
        ),
        r" final lr \1 ",
    ),
    ("no more", r"\bno more (\w+) updates\b", r"freeze \1"),
    (
        "",
        (
            r"\b(?:rotate|apply (?:rotary|rope) to|(?:rope|rotary) on) (?:only )?"
            r"((?:an? |one |the first )*(?:half|third|quarter|eighth|three quarters"
            r"|[\d.]+ ?%|\d/\d)) (?:of )?(?:each |every |the |all )*(?:heads?'?s? )?"
            r"(?:head )?(?:dim(?:ension)?s?|channels?)\b"
        ),
        r" rope dim \1 ",
    ),
    ("rotary", r"\brotary_(?:pct|percent(?:age)?|frac(?:tion)?)\b", "rope dim"),
    (
        "",
        (
            r"\b(?:filter(?:ing)? out|leave out|skip|drop|throw away|discard|exclude|remove)"
            r"(?:,? in the train\w* stream,?)? (?:(?:any|all|every|the|training) )*"
            rf"(?:doc(?:ument)?|text|page)s?{_SHORTER}"
            r"(?: (?:from|in) the (?:training |train )?(?:stream|loader|data|set))?"
        ),
        r" mindoc = \1 \2 ",
    ),
    (
        "attend",
        (
            r"\b(?:so )?(?:that )?tokens? (?:should |can |may |must )?"
            r"(?:not|cannot|never)\b[^.;:]*\battend[^.;:]*\bdoc(?:ument)?s?\b[^.;:]*"
        ),
        " document mask ",
    ),
    (
        "attention",
        (
            r"\bno attention from one doc(?:ument)? (?:in)?to another\b"
            r"|\battention (?:is )?blocked across doc(?:ument)? boundaries\b"
        ),
        " document mask ",
    ),
    ("ahead", r"\btwo(?: positions| tokens| steps)?[- ]ahead\b", "token after next"),
    (
        "share",
        (
            r"\bshare (?:the )?(?:k/v|kv|keys? and values?|k and v) "
            r"(?:across|among|between) all (?:query )?heads\b"
        ),
        " 1 kv head ",
    ),
    ("slow", r"\bslow (?:the )?(\w+) down\b,?(?!.*(?:\blr\b|_lr\b))", r"\1 lr "),
    (
        "lu",
        r"\b(silu|gelu)(?:\(x\))?\s?(?:(?:\*\*|\^)\s?2|\.\s?square\(\))",
        r" \1 squared ",
    ),
    (
        "output",
        (
            r"\b(?:keep the pre-?norms?,? (?:and|but) )?(?:also )?(?:rms[- ]?)?"
            r"norm(?:ali[sz]e)? the outputs? of (?:the )?(?:attention|attn|each sub-?layer)"
            r"[^.;:]*\b(?:before|ahead of)[^.;:]*\b(?:added|residual add\w*)\b"
        ),
        " sandwich norm ",
    ),
    (
        "only",
        (
            r"\b(?:filter|keep|use|train|select)[^.;]*\bonly (?:the )?doc(?:ument)?s? "
            r"(?:of|with|that have|having) (?:at least|>=|more than|over) (\d+) (token|char)\w*"
            r"(?: (?:remain|survive|are kept|stay)\w*)?"
        ),
        r" mindoc = \1 \2 ",
    ),
    (
        "share",
        (
            r"\bshare (?:the )?(?:weights?|one matrix|a matrix)? ?(?:between|for|across|of) "
            rf"(?:the )?{_TABLE} and (?:the )?{_TABLE}"
            r"(?: so (?:that )?there[^.;]*)?"
        ),
        " tie embedding ",
    ),
    (
        "output",
        (
            r"\b(?:put )?(?:an? )?(?:rms)?norm(?:ali[sz]e)?(?: also)?(?: on)? the outputs? of "
            r"(?:each |the |both )*(?:attention|attn|sub-?layer|branch)[^.;:]*"
            r"\b(?:before|ahead of)\b[^.;:,]*\b(?:added|adding|joins?|residual)\b[^.;:]*"
        ),
        " sandwich norm ",
    ),
    (
        "tanh",
        r"\bno tanh on the (?:lm_head|logits?|final|output)(?: outputs?| logits?)?\b",
        " remove softcap ",
    ),
    (
        "",
        (
            r"\b(?:shuffl\w*|permute|randomi[sz]e) (?:the )?(?:order (?:of|in which) )?(?:the )?"
            r"(?:training |data |parquet )*shards?(?: order| are (?:read|visited))?\b"
            r"|\b(?:visit|read|sample|iterate over) (?:the )?(?:training |data |parquet )*"
            r"(?:shard|file)s? in (?:an? )?(?:random|shuffled) (?:permutation|order)\b"
        ),
        " shuffleshards ",
    ),
    ("diagonal", r"\bblock[- ]diagonal(?: causal)?(?: attention)? masks?\b", " document mask "),
    (
        "agree",
        (
            r"\b(?:zero|mask|drop|skip|ignore)\w*(?: out)?[^.;:]*\b(?:update|entr|component|"
            r"coordinate)[^.;:]*\bsigns?\b[^.;:]*\b(?:disagree|differ|opposite|not agree)[^.;,]*"
        ),
        " cautious update ",
    ),
    (
        "point",
        (
            r"\bmask\w*(?: out)?[^.;:]*\b(?:update)[^.;:]*\bpoint[^.;:]*"
            r"\b(?:other way|opposite|against)[^.;,]*"
        ),
        " cautious update ",
    ),
    ("off", r"\bsoftmax[- ](?:off[- ]by[- ]one|1)\b|\boff[- ]by[- ]one softmax\b", _SINK),
    (
        "silu",
        (
            r"\b(?:down|c_proj|w\d)?\(?silu\((?:self\.)?(?:w\d|gate|c_gate|w_gate)\w*\(x\)\)"
            r" ?\* ?(?:self\.)?(?:w\d|up|c_fc|w_up)\w*\(x\)\)?"
        ),
        " swiglu ",
    ),
    ("gated", r"\bgated (gelu|silu|relu) (?:mlp|ffn|feed-forward)\b", r"\1-gated mlp"),
    ("x = x", r"\bx = x \+ ([\d.]+) ?\* ?(attn|mlp)\(norm\(x\)\)", r" \2 branch scaled by \1 "),
    ("x = ", r"\bx = ([\d.]+) ?\* ?x \+ (attn|mlp)\(", r" residual before \2 scaled by \1 ("),
    (
        "all but",
        (
            r"\b(?:remove|drop|delete) ((?:[\w-]+ ){1,4})(?:from|in) (?:all|every|each)"
            r"(?: layers?)? (?:but|except)(?: for)? the (last|first|final) (?:one|layer|block)\b"
        ),
        r"put \1in just the \2 layer",
    ),
    (
        "normaliz",
        (
            r"\b(?:stop |no longer |don't |do not )?(normalizing|normalize) (?:the )?"
            r"(?:quer(?:y|ies)|q) (?:and|&|/) (?:keys?|k)\b"
        ),
        lambda m: " remove qk norm " if " " in m[0].split(m[1])[0] else " qk norm ",
    ),
    ("the initial", r"\bthe initial ((?:[\w,]+ ){1,6})(?:weights|values)\b", r"the init of \1"),
)
