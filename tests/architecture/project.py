"""The project's own files, as git lists them: committed ones and ones that could be."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("shared", "coordinator", "worker")


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that git keeps or would keep, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = {Path(name) for name in listed.split("\0") if name}
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


def python_files(*folders: str) -> list[Path]:
    """The Python files under these folders."""
    return [p for p in project_files() if p.suffix == ".py" and p.parts[0] in folders]


def documents() -> list[Path]:
    """What people read: the top level's and the docs' Markdown."""
    return [
        p
        for p in project_files()
        if p.suffix == ".md" and (len(p.parts) == 1 or p.parts[0] == "docs")
    ]


def text_of(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
