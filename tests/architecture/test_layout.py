"""What may lie where: names, sizes, and what no file may hold."""

import re

import pytest

from tests.architecture.project import PACKAGES, ROOT, project_files, python_files, text_of

VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager"})
MAX_LINES = 300
MAX_README_LINES = 150

# In pieces, so that this file does not hold what it forbids.
OWN_FOLDERS = re.compile(r"(?<![\w.$}-])/(?:home|root|Users|wo" + r"rk)/[\w.]")
PACKAGE_HOSTS = re.compile(
    r"\b(?:"
    + "|".join(
        rf"{name}\.{domain}"
        for name, domain in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("download.pytorch", "org"),
            ("deb.debian", "org"),
            ("npmjs", "(?:org|com)"),
        )
    )
    + ")"
)

PROMISES = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")


def unwanted(text: str) -> list[str]:
    """Paths of one machine, hosts that packages come from, promises to do it later."""
    kinds = (OWN_FOLDERS, PACKAGE_HOSTS, PROMISES)
    return [found[0] for kind in kinds for found in kind.finditer(text)]


def test_no_file_has_a_name_that_says_nothing():
    assert [p for p in project_files() if p.stem.lower() in VAGUE_NAMES] == []


def test_no_folder_has_a_name_that_says_nothing():
    folders = {parent for path in project_files() for parent in path.parents}
    assert [folder for folder in folders if folder.name in VAGUE_NAMES] == []


def test_no_module_nears_what_nobody_reads_at_once():
    sizes = {str(p): len(text_of(p).splitlines()) for p in python_files(*PACKAGES)}
    assert sizes
    assert {path: lines for path, lines in sizes.items() if lines >= MAX_LINES} == {}


def test_the_readme_fits_on_a_few_screens():
    assert len(text_of("README.md").splitlines()) <= MAX_README_LINES


def test_no_file_holds_a_path_of_one_machine_a_package_host_or_a_promise():
    found = {}
    for path in project_files():
        try:
            text = text_of(path)
        except UnicodeDecodeError:
            continue  # a picture or other binary
        if places := unwanted(text):
            found[str(path)] = places
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "/ho" + "me/me/x",
        "see /ro" + "ot/.cache",
        "https://py" + "pi.org/simple",
        "# TO" + "DO: later",
    ],
)
def test_what_no_file_may_hold_is_recognised(text):
    assert unwanted(text)


def test_the_top_level_is_what_the_readme_draws():
    folders = {path.parts[0] for path in project_files() if len(path.parts) > 1}
    drawn = set(re.findall(r"^([\w.]+)/ ", text_of("README.md"), flags=re.MULTILINE))
    assert folders - drawn - {".ci"} == set()
    assert {name for name in drawn if not (ROOT / name).is_dir()} == set()
