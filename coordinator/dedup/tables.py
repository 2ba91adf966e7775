"""Tables as people and agents leave them: tabs or commas, quoted or not, fields of any length."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path


class TableError(ValueError):
    """The file is not a table that can be read; the message says what is missing."""


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table with a header line; column names in lower case.

    A log may hold a stray quotation mark, which would swallow every line up to the next one. So the
    table is read both ways, and the reading with fewer rows of the wrong length wins.

    Raises:
        TableError: the file cannot be read as UTF-8 or has no header.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path} cannot be read: {error}.") from error
    header = text.partition("\n")[0]
    if not header.strip():
        raise TableError(f"{path} has no header line: name the columns in the first line.")
    delimiter = "\t" if "\t" in header else ","
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    quoted = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    plain = [
        [_unquoted(field) for field in line.split(delimiter)]
        for line in text.splitlines()
        if line.strip()
    ]
    rows = min((quoted, plain), key=_misfits)
    names = [name.strip().lower() for name in rows[0]]
    return [dict(zip(names, row, strict=False)) for row in rows[1:] if any(row)]


def find_column(rows: Sequence[dict[str, str]], *names: str) -> str | None:
    """The first of these columns that the table has."""
    columns = rows[0].keys() if rows else ()
    return next((name for name in names if name in columns), None)


def _misfits(rows: list[list[str]]) -> int:
    width = len(rows[0])
    return sum(len(row) > width or any("\n" in field for field in row) for row in rows)


def _unquoted(field: str) -> str:
    match = re.fullmatch(r'"(.*)"', field.strip())
    return match[1].replace('""', '"') if match else field
