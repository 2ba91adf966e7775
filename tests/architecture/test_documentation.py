"""Documentation is a contract: what the code has is written down, what is written down exists."""

import asyncio
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import typer

from coordinator import errors
from coordinator.app import create_app
from coordinator.embedded import Services
from coordinator.settings import CoordinatorSettings
from tests.architecture.project import ROOT, documents, python_files, text_of


def error_classes() -> list[type[errors.SwarmlabError]]:
    return [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, errors.SwarmlabError) and each is not errors.SwarmlabError
    ]


def documented_errors() -> dict[str, int]:
    """Each section of docs/errors.md with the status of the group that it stands in; 5xx is 500."""
    sections = {}
    status = 0
    for line in text_of("docs/errors.md").splitlines():
        if found := re.match(r"## (\d)(\d\d|xx)\b", line):
            status = int(found[1] + found[2].replace("xx", "00"))
        elif line.startswith("### "):
            sections[line.removeprefix("### ")] = status
    return sections


def code_in(text: str) -> Iterator[str]:
    """The fenced blocks and the inline code of a Markdown text."""
    yield from re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", prose)


def commands() -> set[str]:
    """Every command of ``swarmlab``, as one types it."""
    app = typer.Typer()
    for entry_point in entry_points(group="swarmlab.commands"):
        app.add_typer(entry_point.load())

    def walk(command: object, words: tuple[str, ...]) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield " ".join(words)
        else:
            for name, each in inner.items():
                yield from walk(each, (*words, name))

    return set(walk(typer.main.get_command(app), ("swarmlab",)))


def endpoints() -> set[str]:
    app = create_app(
        CoordinatorSettings(_env_file=None),
        Services(database_url="postgresql://nowhere", redis_url="redis://nowhere"),
    )
    return {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }


def test_every_error_has_a_section_under_its_status_and_no_section_is_stale():
    wanted = {each.slug: each.status for each in error_classes()}
    assert {slug: min(500, status) for slug, status in wanted.items()} == documented_errors()


def test_no_two_errors_share_a_name():
    slugs = [each.slug for each in error_classes()]
    assert sorted(slugs) == sorted(set(slugs))


def test_every_error_says_what_to_do():
    for each in error_classes():
        assert each.__doc__, each
        assert each().detail.endswith("."), each


def test_the_tree_of_errors_is_drawn_as_it_is():
    drawn = re.findall(r"── (\w+) +(\d{3})(?: +([a-z-]+))?$", errors.__doc__ or "", re.MULTILINE)
    found = {each.__name__: (each.status, each.slug) for each in error_classes()}
    assert sorted(name for name, _, _ in drawn) == sorted(found)
    for name, status, slug in drawn:
        # A parent that is never raised by name stands there without its slug.
        assert (int(status), slug or found[name][1]) == found[name], name


def test_every_command_is_documented_and_no_documented_command_is_stale():
    found = commands()
    assert "swarmlab worker" in found
    code = "\n".join(piece for path in documents() for piece in code_in(text_of(path)))
    assert {command for command in found if not re.search(rf"\b{command}\b", code)} == set()
    written = set(re.findall(r"\bswarmlab (?:[a-z]+)(?: [a-z]+)?", code))
    assert {
        each
        for each in written
        if each not in found and each.rpartition(" ")[0] not in found  # its argument
    } == set()


def test_every_endpoint_is_documented_and_no_documented_endpoint_is_stale():
    written = set(
        re.findall(r"^\| `([A-Z]+ /[^`]+)` \|", text_of("docs/protocol.md"), flags=re.MULTILINE)
    )
    assert written == endpoints()


def test_every_host_that_a_page_of_the_coordinator_loads_from_is_documented():
    async def pages() -> str:
        app = create_app(
            CoordinatorSettings(_env_file=None),
            Services(database_url="postgresql://nowhere", redis_url="redis://nowhere"),
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://coordinator"
        ) as client:
            return "".join([(await client.get(path)).text for path in ("/docs", "/redoc")])

    hosts = set(re.findall(r'(?:src|href)="https?://([^/"]+)', asyncio.run(pages())))
    written = text_of("docs/operations.md")
    assert {host for host in hosts if f"`{host}`" not in written} == set()


def test_every_test_that_a_document_names_exists():
    code = "\n".join(text_of(path) for path in python_files("tests"))
    existing = set(re.findall(r"def (test_\w+)\(", code))
    existing |= {path.stem for path in python_files("tests")}
    named = {
        (str(path), name)
        for path in documents()
        for name in re.findall(r"\btest_\w+", text_of(path))
    }
    assert named
    assert {(path, name) for path, name in named if name not in existing} == set()


def test_every_file_that_a_document_links_to_exists():
    broken = [
        (str(path), target)
        for path in documents()
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(path))
        if not (ROOT / path.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_has_its_number_and_status():
    decisions = sorted(Path(ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {int(path.name[:4])}. "), path
        assert lines[2].startswith("Status: "), path
