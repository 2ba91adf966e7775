"""Settings: read in two modules, written down in three places, passed on by the containers."""

import ast
import re

import pytest
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from coordinator.settings import CoordinatorSettings
from tests.architecture.project import ROOT, python_files, text_of
from worker.settings import WorkerSettings

SETTINGS_MODULES = {"coordinator/settings.py", "worker/settings.py"}
# What Docker Compose itself reads; every other variable of the compose files is ours.
COMPOSE_OWN = frozenset({"COMPOSE_FILE"})
READERS = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})


def settings_of(model: type[BaseSettings]) -> dict[str, str]:
    """Each variable of a settings class with its default as one writes it, '' for none."""
    prefix = model.model_config.get("env_prefix", "")
    variables = {}
    for name, field in model.model_fields.items():
        variable = str(field.validation_alias or f"{prefix}{name}").upper()
        default = field.default
        variables[variable] = "" if default in (None, PydanticUndefined) else str(default)
    return variables


ALL_SETTINGS = settings_of(CoordinatorSettings) | settings_of(WorkerSettings)


def environment_reads(source: str) -> list[int]:
    """Lines that reach for the environment of the process."""
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr in READERS)
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(alias.name in READERS for alias in node.names)
        )
    )


def service(name: str) -> str:
    """The part of docker-compose.yml that describes this service."""
    services = text_of("docker-compose.yml").split("\nservices:\n")[1].split("\nnetworks:\n")[0]
    parts = re.split(r"^  ([\w-]+):$", services, flags=re.MULTILINE)
    described = dict(zip(parts[1::2], parts[2::2], strict=True))[name]
    return re.sub(r"^ *#.*$", "", described, flags=re.MULTILINE)


def test_only_the_settings_modules_read_the_environment():
    places = {
        str(path): lines
        for path in python_files("shared", "coordinator", "worker", "campaigns", "migrations")
        if str(path) not in SETTINGS_MODULES and (lines := environment_reads(text_of(path)))
    }
    assert places == {}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['HOME']",
        "import os\nos.getenv('HOME')",
        "from os import environ",
        "import os as system\nsystem.environ.get('HOME')",
    ],
)
def test_every_way_to_read_the_environment_is_recognised(source):
    assert environment_reads(source)


def test_both_sides_have_settings():
    assert {"DATABASE_URL", "SWARMLAB_COORDINATOR_URL"} <= ALL_SETTINGS.keys()


def test_the_example_holds_every_setting_at_its_default_and_no_other():
    example = dict(
        re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", text_of(".env.example"), flags=re.MULTILINE)
    )
    assert {name: example.get(name) for name in ALL_SETTINGS} == ALL_SETTINGS
    compose = set(re.findall(r"\$\{(\w+)", text_of("docker-compose.yml")))
    assert example.keys() == ALL_SETTINGS.keys() | compose | COMPOSE_OWN


def test_the_readme_has_a_row_for_every_setting_with_its_default():
    rows = dict(
        re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \| ([^|]*) \|", text_of("README.md"), re.MULTILINE)
    )
    written = {name: cell.strip().strip("`").removeprefix("unset") for name, cell in rows.items()}
    assert {name: written.get(name) for name in ALL_SETTINGS} == ALL_SETTINGS
    assert written.keys() == ALL_SETTINGS.keys()


@pytest.mark.parametrize(
    ("name", "model"), [("coordinator", CoordinatorSettings), ("worker", WorkerSettings)]
)
def test_the_containers_pass_every_setting_on(name, model):
    passed = set(re.findall(r"^      ([A-Z][A-Z0-9_]*):", service(name), flags=re.MULTILINE))
    assert passed == settings_of(model).keys()


def test_the_worker_container_starts_nothing_else():
    assert "depends_on" in service("coordinator")
    assert "depends_on" not in service("worker")
    assert "links" not in service("worker")


@pytest.mark.parametrize("name", ["Dockerfile.coordinator", "Dockerfile.worker"])
def test_an_image_runs_as_nobody_special_and_says_how_it_is(name):
    lines = text_of(name).splitlines()
    assert "USER swarmlab" in lines
    assert any(line.startswith("HEALTHCHECK ") for line in lines)


def test_both_images_stand_on_the_same_base():
    bases = {
        line
        for name in ("Dockerfile.coordinator", "Dockerfile.worker")
        for line in text_of(name).splitlines()
        if line.startswith("ARG BASE=")
    }
    assert len(bases) == 1


def test_only_what_is_installed_goes_into_an_image():
    ignored = text_of(".dockerignore").splitlines()
    assert "*" in ignored
    wanted = {line[1:] for line in ignored if line.startswith("!")}
    assert ".env" not in wanted
    assert all((ROOT / name).exists() for name in wanted)
