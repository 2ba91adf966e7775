"""Program texts: the gate that every `train.py` passes before anything else looks at it.

A program comes from a stranger, so reading it must cost bounded time and memory whatever it holds.
`parse_source` either returns a syntax tree that recursive code can walk safely, or raises
`SourceError`. Nothing is ever executed or folded here.

| reason | what is refused |
| --- | --- |
| `empty` | nothing but white space |
| `too-large` | more than `MAX_SOURCE_BYTES` of UTF-8 |
| `nul-byte` | a NUL character |
| `not-unicode` | lone surrogates, which no UTF-8 file can hold |
| `encoding` | a coding cookie other than UTF-8: the file would not mean what the text says |
| `syntax` | what this Python cannot parse |
| `too-deep` | nesting beyond `MAX_DEPTH` |
| `too-complex` | more than `MAX_NODES` syntax nodes |
"""

import ast
import hashlib
import re
import threading
import warnings

MAX_SOURCE_BYTES = 256 * 1024
MAX_DEPTH = 200  # levels of syntax tree; a GPT training script needs about 20
MAX_NODES = 100_000  # a 26 KB training script has about 6,000

_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
_UTF8_NAMES = frozenset({"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii"})

# `warnings.catch_warnings` swaps process-wide state: one parse at a time.
_parsing = threading.Lock()


class SourceError(ValueError):
    """The text is not a program that the swarm can read.

    Attributes:
        reason: stable slug, one of the table in the module docstring.
        message: one sentence that says what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def source_sha256(text: str) -> str:
    """The name under which this exact text is stored: hex SHA-256 of its UTF-8 bytes.

    Raises:
        SourceError: `not-unicode` when the text has no UTF-8 form.
    """
    return hashlib.sha256(_encode(text)).hexdigest()


def parse_source(text: str) -> ast.Module:
    """A syntax tree no deeper than `MAX_DEPTH` and no larger than `MAX_NODES`.

    Raises:
        SourceError: the text is refused; the reasons are in the module docstring.
    """
    _check_text(text)
    tree = _parse(text)
    _check_size(tree)
    return tree


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(
            "not-unicode",
            f"The program holds a lone surrogate at character {error.start}: "
            "read the file as strict UTF-8 and send it again.",
        ) from error


def _check_text(text: str) -> None:
    if len(text) > MAX_SOURCE_BYTES or len(_encode(text)) > MAX_SOURCE_BYTES:
        raise SourceError(
            "too-large",
            f"The program is larger than {MAX_SOURCE_BYTES // 1024} KiB: "
            "move data out of it and send only the code.",
        )
    if not text.strip():
        raise SourceError("empty", "The program is empty: send the full text of train.py.")
    if "\0" in text:
        raise SourceError(
            "nul-byte",
            f"The program holds a NUL byte at character {text.index(chr(0))}: "
            "send the plain text of train.py.",
        )
    for line in text.split("\n", 2)[:2]:
        cookie = _COOKIE.match(line)
        if cookie and cookie.group(1).lower().replace("_", "-") not in _UTF8_NAMES:
            raise SourceError(
                "encoding",
                f"The program declares the encoding {cookie.group(1)!r}: "
                "save it as UTF-8 and drop the coding comment.",
            )


def _parse(text: str) -> ast.Module:
    try:
        with _parsing, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "invalid escape sequence" is the author's business
            return ast.parse(text)
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        if "too many" in (error.msg or ""):  # "nested parentheses", "levels of indentation"
            raise _too_deep() from error
        raise SourceError(
            "syntax",
            f"The program is not valid Python: {error.msg}{where}. Fix it and send it again.",
        ) from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep() from error
    except (ValueError, OverflowError) as error:
        raise SourceError(
            "syntax", f"The program is not valid Python: {error}. Fix it and send it again."
        ) from error


def _check_size(tree: ast.Module) -> None:
    """Walks breadth first, so that the walk itself needs no stack."""
    level: list[ast.AST] = [tree]
    count = 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_NODES:
            raise SourceError(
                "too-complex",
                f"The program has more than {MAX_NODES:,} syntax nodes: "
                "move tables and data out of it.",
            )
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> SourceError:
    return SourceError(
        "too-deep",
        f"The program nests deeper than {MAX_DEPTH} levels: "
        "split the long expression or flatten the blocks.",
    )
