"""The notebook: a git repository that a person enjoys reading in the morning.

One branch per worker, `swarmlab/<campaign>-<agent>`. Its tip is the program that the worker builds
on; its log is the list of improvements. Every other program tried stays inspectable as a ref.

```
write ──▶ running commit on the branch
            ├─ keep ─────────▶ the commit gets its metric, the branch has advanced
            ├─ discard/crash ▶ the commit gets its metric under refs/swarmlab/<outcome>/<id>,
            │                  the branch goes back
            └─ abandon ──────▶ the branch goes back
adopt ──▶ commit with somebody else's better program
```

What the worker has to find again stands in trailers of the commit messages, so that the repository
alone tells how far an experiment came. Commits are made from objects and refs are moved last: a
process killed in between leaves either the old state or the new one.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import git

from shared.sources import source_sha256
from shared.states import Outcome
from worker.errors import NotebookError
from worker.messages import TRAILER, commit_message, one_line, score_line

PROGRAM = "train.py"
RESULTS = "results.tsv"
RESULTS_HEADER = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A commit of the notebook.

    ``status`` is ``baseline`` (nothing measured yet), ``running``, ``keep``, ``discard``,
    ``crash`` or ``adopt``; ``val_bpb`` is what the program scored on this platform.
    """

    commit: str
    source: str
    status: str
    result_id: UUID | None
    val_bpb: float | None
    hypothesis: str

    @property
    def source_sha256(self) -> str:
        """Return the name of the program."""
        return source_sha256(self.source)


class _Git(git.Git):
    """Git in sessions of its own: a Ctrl-C in the terminal is for the worker, which needs git."""

    def execute(self, command: Any, **options: Any) -> Any:  # type: ignore[override]
        return super().execute(command, **options, start_new_session=True)


class _Repo(git.Repo):
    GitCommandWrapperType = _Git


class Notebook:
    """The git repository of one worker in one campaign."""

    def __init__(self, path: Path, *, campaign: str, agent: str) -> None:
        self.path = path
        self.campaign = campaign
        self.branch = f"swarmlab/{campaign}-{agent}"
        self._agent = agent
        if (path / ".git").is_dir():
            self._repo: git.Repo = _Repo(path)
        else:
            path.mkdir(parents=True, exist_ok=True)
            self._repo = _Repo.init(path, initial_branch=self.branch)
        identity = {f"GIT_{who}_NAME": agent for who in ("AUTHOR", "COMMITTER")}
        identity |= {f"GIT_{who}_EMAIL": f"{agent}@swarmlab" for who in ("AUTHOR", "COMMITTER")}
        # The volunteer's own git settings (hooks, signing, line endings) must not matter here; a
        # notebook on a mounted volume may belong to another user.
        self._repo.git.update_environment(
            **identity,
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0="safe.directory",
            GIT_CONFIG_VALUE_0="*",
        )

    def close(self) -> None:
        """Let go of git's helper processes."""
        self._repo.close()

    @property
    def is_open(self) -> bool:
        """Whether the first page is written."""
        return self.branch in self._repo.heads

    def open(self, files: Mapping[str, str]) -> None:
        """Have a first page: the campaign's files, its baseline as ``train.py`` among them.

        A checkout that a killed process or a curious person left behind is put in order.
        """
        _remove_stale_locks(self.path)
        self._repo.git.symbolic_ref("HEAD", f"refs/heads/{self.branch}")
        if self.is_open:
            self._repo.git.reset("--hard", "--quiet")
            return
        (self.path / ".git" / "info").mkdir(exist_ok=True)
        (self.path / ".git" / "info" / "exclude").write_text(f"{RESULTS}\n")
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        results = self.path / RESULTS
        if not results.exists():
            results.write_text(RESULTS_HEADER)
        self._repo.git.add("--force", "--", *files)
        message = commit_message(f"Open the notebook of {self.campaign}", {"Status": "baseline"})
        self._commit(message, parents=[])

    def tip(self) -> Page:
        """Return the page that the branch ends with."""
        return self._page(self._repo.heads[self.branch].commit)

    def base(self) -> Page:
        """Return the page that experiments start from: the tip, or what is before a running one."""
        tip = self.tip()
        return (
            self._page(self._repo.heads[self.branch].commit.parents[0])
            if tip.status == "running"
            else tip
        )

    def write(self, result_id: UUID, source: str, hypothesis: str, rationale: str = "") -> str:
        """Commit a program that is about to run; writing it again changes nothing.

        Raises:
            NotebookError: another experiment is still running in this notebook.
        """
        tip = self.tip()
        if tip.status == "running":
            if tip.result_id != result_id:
                raise NotebookError(f"{self.path} still has {tip.result_id} running.")
            return tip.commit
        (self.path / PROGRAM).write_bytes(source.encode())
        self._repo.git.add("--", PROGRAM)
        trailers = {"Result": str(result_id), "Status": "running"}
        return self._commit(commit_message(hypothesis, trailers, rationale), parents=[tip.commit])

    def conclude(
        self,
        result_id: UUID,
        outcome: Outcome,
        *,
        hypothesis: str,
        val_bpb: float | None,
        base_val_bpb: float | None,
        peak_vram_mb: float | None,
        detail: str = "",
    ) -> str:
        """Advance the branch or set it back; concluding again changes nothing.

        Returns:
            The commit that holds the program.
        """
        tip = self.tip()
        ref = f"refs/swarmlab/{outcome}/{result_id}"
        if tip.result_id == result_id and tip.status == "running":
            score = score_line(val_bpb, base_val_bpb) or detail or "no score"
            tip = self._conclude(outcome, val_bpb, score, ref)
        elif tip.result_id != result_id:
            tip = self._page(self._repo.commit(ref))
        memory_gb = (peak_vram_mb or 0.0) / 1024
        description = one_line(hypothesis)
        self._record(
            tip.commit[:7], f"{val_bpb or 0.0:.6f}", f"{memory_gb:.1f}", outcome, description
        )
        return tip.commit

    def abandon(self, result_id: UUID | None = None) -> None:
        """Take back a program that did not finish its run; without one, whichever is running."""
        tip = self.tip()
        if tip.status == "running" and result_id in {None, tip.result_id}:
            self._repo.git.reset("--hard", "--quiet", "HEAD~1")

    def adopt(self, source: str, *, hypothesis: str, agent: str, val_bpb: float) -> str:
        """Build on somebody else's better program from now on."""
        tip = self.tip()
        if tip.source == source and tip.status == "adopt":
            return tip.commit
        (self.path / PROGRAM).write_bytes(source.encode())
        self._repo.git.add("--", PROGRAM)
        subject = f"adopt {agent}'s best: {val_bpb:.6f} {one_line(hypothesis)}"
        trailers = {"Status": "adopt", "Val-Bpb": repr(val_bpb), "From": agent}
        return self._commit(commit_message(subject, trailers), parents=[tip.commit])

    def rows(self) -> list[list[str]]:
        """Return ``results.tsv`` without its header."""
        results = self.path / RESULTS
        if not results.exists():
            return []
        return [line.split("\t") for line in results.read_text().splitlines()[1:]]

    def log(self) -> Iterator[Page]:
        """Yield the pages of the branch, newest first."""
        for commit in self._repo.iter_commits(self.branch):
            yield self._page(commit)

    def _conclude(self, outcome: Outcome, val_bpb: float | None, score: str, ref: str) -> Page:
        """Give the running commit its score and move the refs."""
        running = self._repo.heads[self.branch].commit
        trailers = dict(TRAILER.findall(str(running.message))) | {"Status": str(outcome)}
        if val_bpb is not None:
            trailers["Val-Bpb"] = repr(val_bpb)
        text = str(running.message).rpartition("\n\n")[0]
        message = commit_message(f"{text}\n\n{score}", trailers)
        parent = running.parents[0].hexsha
        final = self._write_commit(running.tree.hexsha, message, [parent])
        if outcome is Outcome.KEEP:
            self._repo.git.update_ref(f"refs/heads/{self.branch}", final)
        else:
            self._repo.git.update_ref(ref, final)
            self._repo.git.reset("--hard", "--quiet", parent)
        return self._page(self._repo.commit(final))

    def _record(self, *columns: str) -> None:
        """Append the row to ``results.tsv`` unless its commit is there."""
        results = self.path / RESULTS
        text = results.read_text() if results.exists() else RESULTS_HEADER
        if any(line.startswith(f"{columns[0]}\t") for line in text.splitlines()):
            return
        # Replaced whole: a half-written row would be read as a wrong one.
        partial = results.with_suffix(".partial")
        row = "\t".join(columns)
        partial.write_text(f"{text}{row}\n")
        partial.replace(results)

    def _commit(self, message: str, *, parents: list[str]) -> str:
        commit = self._write_commit(self._repo.git.write_tree(), message, parents)
        self._repo.git.update_ref(f"refs/heads/{self.branch}", commit)
        return commit

    def _write_commit(self, tree: str, message: str, parents: list[str]) -> str:
        links = [argument for parent in parents for argument in ("-p", parent)]
        return str(self._repo.git.commit_tree(tree, *links, "-m", message))

    def _page(self, commit: git.Commit) -> Page:
        message = str(commit.message)
        trailers = dict(TRAILER.findall(message))
        status = trailers.get("Status", "")
        if not status:
            raise NotebookError(
                f"The commit {commit.hexsha[:7]} on {self.branch} in {self.path} is not the "
                "worker's: move it to a branch of your own."
            )
        blob = commit.tree / PROGRAM
        return Page(
            commit=commit.hexsha,
            source=blob.data_stream.read().decode(),
            status=status,
            result_id=UUID(trailers["Result"]) if "Result" in trailers else None,
            val_bpb=float(trailers["Val-Bpb"]) if "Val-Bpb" in trailers else None,
            hypothesis=message.partition("\n")[0],
        )


def _remove_stale_locks(path: Path) -> None:
    """Remove what a killed process left; the worker's own lock keeps others out."""
    for lock in (path / ".git").rglob("*.lock"):
        lock.unlink(missing_ok=True)
