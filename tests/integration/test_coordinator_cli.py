"""The operator's commands, as processes: what cannot go on says in one line what to mend."""

import os
import shutil
import socket
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from coordinator.cli import CAMPAIGNS_FOLDER, app
from coordinator.embedded import _exclusive
from coordinator.ports import PortTakenError, refuse_taken_port
from coordinator.settings import CoordinatorSettings
from tests.conftest import run_sql
from worker.settings import WorkerSettings

NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def swarmlab(home, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shared.cli", *arguments],
        env={"PATH": os.environ["PATH"], "SWARMLAB_HOME": str(home), **environment},
        check=False,
        capture_output=True,
        text=True,
    )


def line_of_failure(home, command: str, *arguments: str, **environment: str) -> str:
    """Run a command that cannot go on; return the one line that says why."""
    ended = swarmlab(home, *command.split(), *arguments, **environment)
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"swarmlab {command}: ")
    return line


@pytest.mark.parametrize(
    ("command", "environment", "says"),
    [
        ("coordinator", NOWHERE, "DATABASE_URL"),
        ("migrate", {**NOWHERE, "DATABASE_URL": "nowhere"}, "DATABASE_URL"),
        ("coordinator", {"SWARMLAB_LEASE_TTL_S": "abc"}, "SWARMLAB_LEASE_TTL_S"),
        ("up", {"SWARMLAB_LEASE_TTL_S": "0"}, "SWARMLAB_LEASE_TTL_S"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(tmp_path, command, environment, says):
    assert says in line_of_failure(tmp_path, command, **environment)


@pytest.mark.parametrize("command", ["coordinator", "up"])
@pytest.mark.parametrize("port", ["70000", "0", "-1"])
def test_a_port_that_cannot_be_is_refused(tmp_path, monkeypatch, command, port):
    # Without the bounds the command gets as far as this wrong setting, and no further.
    monkeypatch.setenv("SWARMLAB_LEASE_TTL_S", "0")
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path))
    result = CliRunner().invoke(app, [command, "--port", port])
    assert result.exit_code == 2
    assert "--port" in result.output


@pytest.mark.parametrize("command", ["coordinator", "migrate", "campaign create"])
def test_a_home_that_another_process_uses_is_named_in_one_line(tmp_path, command):
    with _exclusive(tmp_path):
        line = line_of_failure(tmp_path, command)
    assert line.startswith(f"swarmlab {command}: another swarmlab already runs")
    assert str(tmp_path) in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--profile", "nope"], "nope.toml"), (["{home}/none"], "none/cpu-demo.toml")],
)
def test_a_campaign_that_is_not_there_is_named_in_one_line(
    tmp_path, services, database_url, arguments, says
):
    line = line_of_failure(
        tmp_path,
        "campaign create",
        *(argument.format(home=tmp_path) for argument in arguments),
        DATABASE_URL=database_url,
        REDIS_URL=services.redis_url,
    )
    assert says in line


def test_a_profile_in_another_form_is_named_in_one_line(tmp_path, services, database_url):
    (tmp_path / "cpu-demo.toml").write_text('name = "a"\ntitle = "A"\ntime_budget_s = 0\n')
    line = line_of_failure(
        tmp_path,
        "campaign create",
        str(tmp_path),
        DATABASE_URL=database_url,
        REDIS_URL=services.redis_url,
    )
    assert "time_budget_s in the profile" in line


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("cpu-demo.toml", b'name = "a\n', "correct cpu-demo.toml: Illegal character"),
        ("cpu-demo.toml", b"\xff", "cpu-demo.toml is not UTF-8"),
        (
            "train.py",
            b"DEPTH = 1\n",
            "correct train.py or what the profile sets in it: The program",
        ),
        ("prepare.py", b"DATA = (\n", "correct prepare.py or what the profile sets in it: "),
    ],
)
def test_a_file_of_a_campaign_that_cannot_be_read_is_named_in_one_line(
    tmp_path, services, database_url, file, text, says
):
    folder = shutil.copytree(CAMPAIGNS_FOLDER / "nanochat", tmp_path / "campaign")
    (folder / file).write_bytes(text)
    line = line_of_failure(
        tmp_path,
        "campaign create",
        str(folder),
        DATABASE_URL=database_url,
        REDIS_URL=services.redis_url,
    )
    assert line.startswith(f"swarmlab campaign create: {says}")


def test_a_database_of_a_newer_release_is_named_in_one_line(tmp_path, services, database_url):
    run_sql(database_url, "UPDATE alembic_version SET version_num = '9999'")
    line = line_of_failure(
        tmp_path, "migrate", DATABASE_URL=database_url, REDIS_URL=services.redis_url
    )
    assert "of a newer swarmlab" in line
    assert "'9999'" in line


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "nowhere.invalid"])
def test_an_address_that_cannot_be_listened_on_is_refused(free_port, host):
    refuse_taken_port("127.0.0.1", free_port)
    with (
        socket.create_server(("127.0.0.1", free_port)),
        pytest.raises(PortTakenError, match=f"{host}:{free_port}.*--port"),
    ):
        refuse_taken_port(host, free_port)


def test_a_coordinator_on_a_taken_port_says_so_in_one_line(
    tmp_path, services, database_url, free_port
):
    with socket.create_server(("127.0.0.1", free_port)):
        line = line_of_failure(
            tmp_path,
            "coordinator",
            *("--port", str(free_port)),
            DATABASE_URL=database_url,
            REDIS_URL=services.redis_url,
        )
    assert "Address already in use" in line


def test_the_children_of_a_swarm_know_the_word_of_its_invitation(tmp_path, monkeypatch):
    monkeypatch.delenv("SWARMLAB_INVITE", raising=False)
    (tmp_path / ".env").write_text("SWARMLAB_INVITE=sesame\n")
    monkeypatch.chdir(tmp_path)
    environment = CoordinatorSettings().child_environment(database_url="a", redis_url="b")
    assert environment["SWARMLAB_INVITE"] == "sesame"


def test_what_stands_in_the_folders_env_file_holds_for_workers_too(tmp_path, monkeypatch):
    monkeypatch.delenv("SWARMLAB_COORDINATOR_URL", raising=False)
    (tmp_path / ".env").write_text(
        "SWARMLAB_COORDINATOR_URL=http://10.1.2.3:8745\nPOSTGRES_PASSWORD=a\n"
    )
    monkeypatch.chdir(tmp_path)
    assert WorkerSettings().coordinator_url == "http://10.1.2.3:8745"
