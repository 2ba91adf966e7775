"""Words of strangers on a person's terminal."""


def in_one_line(text: str) -> str:
    """Return the words on one line, without what would steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
