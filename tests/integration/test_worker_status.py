from typer.testing import CliRunner

from tests.integration.worker_bench import make_runner, researcher_at
from worker.cli import app
from worker.loop import work
from worker.outbox import Outbox
from worker.status import read_desks, status_lines


def read(home) -> str:
    [desk] = read_desks(home)
    return "\n".join(status_lines(desk))


def test_the_status_explains_the_state_in_five_lines(coordinator_url, tmp_path):
    seen = []
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        researcher.runner = make_runner(before=lambda _request: seen.append(read(tmp_path)))
        work(researcher, experiments=2)
    [during] = seen
    assert len(during.splitlines()) == 5
    assert "otter in tiny" in during
    assert "at work" in during
    assert "running, claimed: " in during
    assert "finished 1 experiments: 1 keep, 0 discard, 0 crash" in during
    after = read(tmp_path)
    assert "not running" in after
    assert "nothing at hand" in after
    assert "outbox   0 waiting" in after


def test_only_the_campaign_that_is_worked_in_is_at_work(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        older = researcher.notebook.path.parent.with_name("older")
        Outbox(older / "outbox.sqlite").close()
        at_work = {desk.campaign: desk.is_running for desk in read_desks(tmp_path)}
    assert at_work == {"older": False, "tiny": True}


def test_looking_changes_nothing_in_a_notebook_that_is_at_work(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        lock = researcher.notebook.path / ".git" / "index.lock"

        def look(_request) -> None:
            lock.touch()
            read(tmp_path)
            assert lock.exists()
            lock.unlink()

        researcher.runner = make_runner(before=look)
        work(researcher, experiments=2)


def test_both_commands_say_so_where_nothing_was_started(tmp_path, monkeypatch):
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path))
    for command in ("status", "night"):
        result = CliRunner().invoke(app, [command])
        assert result.exit_code == 0
        assert "No worker has been started here yet" in result.output


def test_the_night_can_be_asked_for_on_the_command_line(coordinator_url, tmp_path, monkeypatch):
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path))
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=3)
    result = CliRunner().invoke(app, ["night"])
    assert result.exit_code == 0
    assert "experiments 3: " in result.output


def test_both_commands_name_those_who_are_here_in_place_of_nobody(
    coordinator_url, tmp_path, monkeypatch
):
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path))
    for name in ("otter", "newt"):
        with researcher_at(coordinator_url, tmp_path, name=name):
            pass
    (tmp_path / "workers" / "newt" / "tiny" / "outbox.sqlite").unlink()
    for command in ("status", "night"):
        nobody = CliRunner().invoke(app, [command, "--name", "nobody"])
        assert nobody.output == "No worker named nobody here; there are: newt, otter.\n"
        early = CliRunner().invoke(app, [command, "--name", "newt"])
        assert early.output == "newt: started here, but has not begun to work yet.\n"
