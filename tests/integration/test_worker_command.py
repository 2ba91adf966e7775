"""A real command as researcher."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from shared.sources import source_sha256
from tests.conftest import until
from worker.errors import NoProposalError
from worker.notebook import Notebook
from worker.proposers import Briefing
from worker.proposers.command import CommandProposer

BASE = "RATE = 0.04\n\nprint(RATE)\n"
EDIT = "p = pathlib.Path('train.py'); p.write_text(p.read_text().replace('0.04', '0.05'))"


class Nothing:
    def propose(self, _briefing):
        raise NoProposalError("nothing")


@pytest.fixture
def notebook(tmp_path):
    notebook = Notebook(tmp_path / "notebook", campaign="tiny", agent="otter")
    notebook.open({"program.md": "# Guide\n", "train.py": BASE})
    yield notebook
    notebook.close()


def propose(notebook, tmp_path, code: str, *, timeout_s: float = 30.0):
    script = tmp_path / "agent.py"
    script.write_text(f"import pathlib, subprocess, sys, time\n{code}\n")
    proposer = CommandProposer(
        f"{sys.executable} {script}",
        notebook=notebook.path,
        workspace=tmp_path / "proposal",
        stand_in=Nothing(),
        timeout_s=timeout_s,
    )
    return proposer.propose(make_briefing())


def make_briefing() -> Briefing:
    return Briefing(
        campaign="tiny",
        program_md="",
        base_source=BASE,
        base_sha256=source_sha256(BASE),
        base_val_bpb=1.5,
    )


def is_gone(pid: str) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_the_command_leaves_is_the_proposal(notebook, tmp_path):
    code = f"{EDIT}\npathlib.Path('HYPOTHESIS.md').write_text('# Raise RATE\\n\\nIt is low.\\n')"
    proposal = propose(notebook, tmp_path, code)
    assert proposal.source == BASE.replace("0.04", "0.05")
    assert (proposal.hypothesis, proposal.rationale) == ("Raise RATE", "It is low.")
    assert [(each.name, each.new) for each in proposal.changes] == [("RATE", "0.05")]


def test_without_words_the_changes_are_the_hypothesis(notebook, tmp_path):
    assert propose(notebook, tmp_path, EDIT).hypothesis == "RATE 0.04 -> 0.05"


def test_the_command_reads_the_task_the_guide_and_the_history(notebook, tmp_path):
    code = f"""
task = pathlib.Path('TASK.md').read_text()
assert '1.500000' in task and pathlib.Path('program.md').exists()
assert 'Open the notebook' in subprocess.check_output(['git', 'log'], text=True)
{EDIT}"""
    assert propose(notebook, tmp_path, code).changes


def test_what_cannot_run_is_repaired_with_the_error_shown(notebook, tmp_path):
    code = f"""
task = pathlib.Path('TASK.md').read_text()
if 'behaves exactly like its base' in task:
    {EDIT}"""
    assert propose(notebook, tmp_path, code).changes


def test_nothing_that_the_command_does_reaches_the_notebook(notebook, tmp_path):
    before = notebook.tip()
    code = f"{EDIT}\nsubprocess.run(['git', '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit',"
    code += " '-qam', 'mine'], check=True)\nsubprocess.run(['git', 'push', '-q'])"
    propose(notebook, tmp_path, code)
    assert notebook.tip() == before
    assert not (tmp_path / "proposal").exists()


@pytest.mark.parametrize("code", ["sys.exit(3)", "pathlib.Path('train.py').unlink()", "pass"])
def test_a_command_that_does_not_manage_leaves_it_to_the_stand_in(notebook, tmp_path, code):
    with pytest.raises(NoProposalError):
        propose(notebook, tmp_path, code)


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(notebook, tmp_path):
    pid_file = tmp_path / "pid"
    code = f"""
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))
time.sleep(60)"""
    with pytest.raises(NoProposalError):
        propose(notebook, tmp_path, code, timeout_s=1.5)
    assert is_gone(pid_file.read_text())


def test_a_worker_that_ends_takes_the_command_with_it(notebook, tmp_path):
    pid_file = tmp_path / "pid"
    script = tmp_path / "agent.py"
    script.write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    )
    proposer = CommandProposer(
        f"{sys.executable} {script}",
        notebook=notebook.path,
        workspace=tmp_path / "proposal",
        stand_in=Nothing(),
    )
    ended = []

    def think() -> None:
        with pytest.raises(NoProposalError):
            proposer.propose(make_briefing())
        ended.append(True)

    thread = threading.Thread(target=think)
    thread.start()
    while not (pid_file.exists() and pid_file.read_text()):
        thread.join(0.02)
        assert thread.is_alive()
    proposer.close()
    thread.join(20)
    assert ended
    assert is_gone(pid_file.read_text())


def test_a_worker_that_is_killed_takes_the_command_with_it(notebook, tmp_path):
    pid_file = tmp_path / "pids"
    script = tmp_path / "agent.py"
    script.write_text(
        "import os, pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(f'{{os.getpid()}} {{child.pid}}.')\n"
        "time.sleep(60)\n"
    )
    code = f"""
from pathlib import Path
from tests.integration.test_worker_command import CommandProposer, Nothing, make_briefing

CommandProposer(
    "{sys.executable} {script}",
    notebook=Path({str(notebook.path)!r}),
    workspace=Path({str(tmp_path / "proposal")!r}),
    stand_in=Nothing(),
).propose(make_briefing())
"""
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    until(lambda: pid_file.exists() and pid_file.read_text().endswith("."))
    worker.kill()
    worker.wait()
    pids = pid_file.read_text().rstrip(".").split()
    try:
        until(lambda: all(is_gone(pid) for pid in pids))
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def test_a_command_that_is_not_there_is_no_disaster(notebook, tmp_path):
    proposer = CommandProposer(
        "/nowhere/agent --now",
        notebook=notebook.path,
        workspace=tmp_path / "proposal",
        stand_in=Nothing(),
    )
    with pytest.raises(NoProposalError):
        proposer.propose(make_briefing())
