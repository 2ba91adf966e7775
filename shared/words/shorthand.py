"""How those who keep a log abbreviate: `d8 w640`, `head decay`, `beats #41`."""

from shared.words.rewriting import compiled

_PART = (
    r"(?:value|token|word)[- ]embeddings?|embeddings?|embeds?|wte|ve|lm_head|unembedding|head|muon"
)

SHORTHAND = compiled(
    # Which experiment, not how much.
    ("#", r"(?:\b(?:of|in|than|to|as|from|after|since|like|with|on|over|beats|vs)\s+)?#\d+\b", ""),
    ("other way", r"\b(?:the )?other way a?round\b[:,]?\s*", ""),
    ("d", r"\bd(?:epth)?(\d{1,2})\b", r"depth \1"),
    ("w", r"\bw(?:idth)?(\d{3,4})\b", r"width \1"),
    ("ar", r"\bar\s?=?\s?(\d{2,3})\b", r"aspect ratio \1"),
    (
        "decay",
        rf"\b({_PART})(?:'s|s')? decay\b(?! (?:rate|schedule|shape|curve|start|phase|over|begin))",
        r"\1 weight decay",
    ),
    ("decay of", r"(?<!weight )\bdecay of (?=0?\.0\d)", "weight decay of "),
    ("weight decay", r"\bhead weight decay\b", "lm_head weight decay"),
)
