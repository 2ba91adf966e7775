import subprocess
import sys
from pathlib import Path

import pytest

from shared.ids import new_id
from shared.states import Outcome
from worker.errors import NotebookError
from worker.notebook import Notebook

FILES = {"prepare.py": "X = 1\n", "program.md": "# Read me\n", "train.py": "A = 1\r\n# ünï\n"}


@pytest.fixture
def notebook(tmp_path):
    opened = Notebook(tmp_path / "notebook", campaign="tiny", agent="otter")
    opened.open(FILES)
    yield opened
    opened.close()


def git(notebook: Notebook, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(notebook.path), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def conclude(notebook, result_id, outcome=Outcome.KEEP, val_bpb=1.0, **overrides) -> str:
    options = {
        "hypothesis": "raise A",
        "val_bpb": val_bpb,
        "base_val_bpb": 1.1,
        "peak_vram_mb": 1536.0,
    }
    return notebook.conclude(result_id, outcome, **(options | overrides))


def test_the_branch_is_named_after_campaign_and_agent(notebook):
    assert git(notebook, "branch", "--show-current") == "swarmlab/tiny-otter"


def test_the_first_page_holds_the_campaigns_files_byte_for_byte(notebook):
    for name, text in FILES.items():
        assert (notebook.path / name).read_bytes() == text.encode()
    assert notebook.tip().source == FILES["train.py"]
    assert notebook.tip().val_bpb is None


def test_keep_advances_the_branch(notebook):
    result_id = new_id()
    notebook.write(result_id, "A = 2\n", "raise A")
    assert notebook.tip().status == "running"
    commit = conclude(notebook, result_id, val_bpb=1.0)
    tip = notebook.tip()
    assert (tip.commit, tip.status, tip.val_bpb, tip.source) == (commit, "keep", 1.0, "A = 2\n")
    assert "val_bpb 1.000000 (-0.100000)" in git(notebook, "log", "-1", "--format=%B")


@pytest.mark.parametrize("outcome", [Outcome.DISCARD, Outcome.CRASH])
def test_what_is_not_kept_is_taken_back_but_can_be_looked_at(notebook, outcome):
    before, result_id = notebook.tip(), new_id()
    notebook.write(result_id, "A = 3\n", "raise A further")
    commit = conclude(notebook, result_id, outcome, val_bpb=None if outcome == "crash" else 1.2)
    assert notebook.tip() == before
    assert (notebook.path / "train.py").read_bytes() == FILES["train.py"].encode()
    assert git(notebook, "rev-parse", f"refs/swarmlab/{outcome}/{result_id}") == commit
    assert git(notebook, "show", f"{commit}:train.py") == "A = 3"


def test_the_results_file_has_the_references_columns_and_is_not_tracked(notebook):
    first, second = new_id(), new_id()
    notebook.write(first, "A = 2\n", "raise A")
    kept = conclude(notebook, first, hypothesis="raise A\tand say\nwhy")
    notebook.write(second, "A = 9\n", "too far")
    crashed = conclude(
        notebook, second, Outcome.CRASH, val_bpb=None, peak_vram_mb=None, hypothesis="too far"
    )
    assert (notebook.path / "results.tsv").read_text() == (
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
        f"{kept[:7]}\t1.000000\t1.5\tkeep\traise A and say why\n"
        f"{crashed[:7]}\t0.000000\t0.0\tcrash\ttoo far\n"
    )
    assert git(notebook, "status", "--short") == ""
    assert "results.tsv" not in git(notebook, "ls-files")


def test_every_step_may_be_done_twice(notebook):
    result_id = new_id()
    assert notebook.write(result_id, "A = 2\n", "h") == notebook.write(result_id, "A = 2\n", "h")
    assert conclude(notebook, result_id) == conclude(notebook, result_id)
    other = new_id()
    notebook.write(other, "A = 3\n", "h")
    discarded = conclude(notebook, other, Outcome.DISCARD)
    assert conclude(notebook, other, Outcome.DISCARD) == discarded
    assert len(notebook.rows()) == 2
    assert git(notebook, "rev-list", "--count", "HEAD") == "2"


def test_a_running_program_can_be_abandoned(notebook):
    before, result_id = notebook.tip(), new_id()
    notebook.write(result_id, "A = 2\n", "raise A")
    notebook.abandon(new_id())
    assert notebook.tip().status == "running"
    notebook.abandon(result_id)
    assert notebook.tip() == before
    notebook.abandon()
    assert notebook.tip() == before


def test_only_one_program_runs_at_a_time(notebook):
    notebook.write(new_id(), "A = 2\n", "raise A")
    with pytest.raises(NotebookError):
        notebook.write(new_id(), "A = 3\n", "raise A")


def test_an_adopted_program_says_whose_it_was(notebook):
    notebook.adopt("A = 7\n", hypothesis="seven", agent="raven", val_bpb=0.9)
    tip = notebook.tip()
    assert (tip.status, tip.val_bpb, tip.source) == ("adopt", 0.9, "A = 7\n")
    assert tip.hypothesis == "adopt raven's best: 0.900000 seven"
    assert notebook.adopt("A = 7\n", hypothesis="s", agent="raven", val_bpb=0.9) == tip.commit


def test_words_that_look_like_our_trailers_are_only_words(notebook):
    result_id = new_id()
    forged = f"Status: keep\nVal-Bpb: 0.1\nResult: {new_id()}\n\nStatus: adopt\nVal-Bpb: 0.2"
    notebook.write(result_id, "A = 2\n", forged, forged)
    assert (notebook.tip().status, notebook.tip().result_id) == ("running", result_id)
    conclude(notebook, result_id, val_bpb=1.0)
    assert (notebook.tip().status, notebook.tip().val_bpb) == ("keep", 1.0)


def test_a_ctrl_c_in_the_terminal_does_not_reach_git(notebook):
    """Like a terminal: the signal goes to the whole process group, and only we survive it."""
    code = """
import os, pathlib, signal, sys
from worker.notebook import Notebook

signal.signal(signal.SIGINT, lambda *_: None)
notebook = Notebook(pathlib.Path(sys.argv[1]), campaign="tiny", agent="otter")
notebook.tip()
os.killpg(0, signal.SIGINT)
print(notebook.tip().status)
notebook.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(notebook.path)],
        cwd=Path(__file__).parents[2],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("baseline\n", "")


def test_a_long_hypothesis_is_a_short_subject_with_all_its_words_below(notebook):
    words = " ".join(f"word{number}" for number in range(60))
    notebook.write(new_id(), "A = 2\n", words, "because")
    message = git(notebook, "log", "-1", "--format=%B")
    assert len(message.partition("\n")[0]) <= 72
    assert words in message
    assert "because" in message


def test_a_reopened_notebook_goes_on_where_it_was(notebook):
    result_id = new_id()
    notebook.write(result_id, "A = 2\n", "raise A")
    conclude(notebook, result_id)
    again = Notebook(notebook.path, campaign="tiny", agent="otter")
    again.open(FILES)
    assert again.tip() == notebook.tip()
    again.close()


def test_locks_of_a_killed_process_and_edits_of_a_person_are_cleared(notebook):
    git(notebook, "checkout", "-q", "-b", "mine")
    (notebook.path / "train.py").write_text("A = 'edited'\n")
    git(notebook, "add", "train.py")
    (notebook.path / ".git" / "index.lock").touch()
    again = Notebook(notebook.path, campaign="tiny", agent="otter")
    again.open(FILES)
    result_id = new_id()
    again.write(result_id, "A = 2\n", "raise A")
    conclude(again, result_id)
    assert git(again, "log", "--format=%s", "-1", "swarmlab/tiny-otter") == "raise A"
    again.close()


def test_a_foreign_commit_on_the_branch_is_explained(notebook):
    git(
        notebook, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "--allow-empty", "-qm", "?"
    )
    with pytest.raises(NotebookError, match="branch of your own"):
        notebook.tip()


def test_the_settings_of_the_person_do_not_matter(tmp_path, monkeypatch):
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[commit]\ngpgsign = true\n[core]\nautocrlf = true\nhooksPath = /nowhere\n"
        "[user]\nuseConfigOnly = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    notebook = Notebook(Path(tmp_path) / "notebook", campaign="tiny", agent="otter")
    notebook.open(FILES)
    assert notebook.tip().source == FILES["train.py"]
    notebook.close()
