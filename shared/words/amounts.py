"""Amounts and steps that are told: `one layer fewer`, `a quarter of the present 0.2`."""

from shared.words.numbers import WORDS
from shared.words.rewriting import compiled


def count_of(word: str) -> int:
    """The number that a word names; an article is one."""
    return int(word) if word.isdigit() else int(WORDS.get(word, 1))


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
            r"\b(?:begin|start)s? (?:at|with) ([\d.e+-]+)(?: and|, then|,)? "
            r"(?:(?:is|then|gets?) )?(?:\w+ )?(?:up |down )?to ([\d.e+-]+)\b"
        ),
        r" from \1 to \2",
    ),
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
            r"\b((?:two|three|four) (?:third|quarter|fifth)s|half"
            r"|an? (?:third|quarter|fifth|tenth)) of (?:the|its|their) "
            r"(?:present|current|default|original|usual) (?=[\d.])"
        ),
        r"\1 from ",
    ),
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
            r"\b(?:drop|remove|cut) (one|two|three) of (?:the |its |\w+'s )?(?:\w+ )?"
            r"(?=(?:newton|orthog|ns|layers?|blocks?)\b)"
        ),
        r"\1 fewer ",
    ),
    (
        "widen",
        r"\bwiden(?:s|ing)? the (?:model|trunk|network)\b(?= (?:from|to|by) )",
        "increase the model width",
    ),
    ("at depth", r" at depth (?=\d)", ", depth "),
    ("d", r"\b(\d+)\s?d\s?/\s?(\d+)\b", r"\1/\2"),
)
