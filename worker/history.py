"""What the swarm has measured on this platform, as last seen, and what this worker has.

The list and the programs are kept on disk: alone, the worker goes on from what was known last.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from pydantic import TypeAdapter

from shared.fingerprints import program_fingerprint
from shared.sources import SourceError, source_sha256
from shared.wire.experiments import ExperimentRead
from worker.client import Client
from worker.outbox import Outbox
from worker.proposers import Measured
from worker.workbench import write_durably

# The newest experiments that proposers look at, and how many unknown programs one look fetches.
WINDOW = 300
MAX_FETCHES = 50

_Experiments = TypeAdapter(list[ExperimentRead])


class History:
    """The measured experiments of one campaign on one platform."""

    def __init__(self, directory: Path, *, campaign: str, agent: str, platform: str) -> None:
        self._list_path = directory / "history.json"
        self._programs = directory / "programs"
        self._programs.mkdir(parents=True, exist_ok=True)
        self._campaign = campaign
        self._agent = agent
        self._platform = platform
        self._fingerprints: dict[str, str] = {}
        self._swarm: list[ExperimentRead] = []
        if self._list_path.exists():
            self._swarm = _Experiments.validate_json(self._list_path.read_bytes())

    def refresh(self, client: Client) -> None:
        """Look at the newest experiments of the swarm.

        Raises:
            CoordinatorUnreachableError: what was known before is still known.
        """
        found = client.experiments(self._campaign, platform=self._platform, status="done")
        swarm = list(islice(found, WINDOW))
        fetches = 0
        for experiment in swarm:
            sha256 = experiment.source_sha256
            if sha256 is None or fetches == MAX_FETCHES or self._path(sha256).exists():
                continue
            source = client.experiment_source(experiment.experiment_id, sha256)
            self.keep_program(sha256, source)
            fetches += 1
        if swarm != self._swarm:
            self._swarm = swarm
            write_durably(self._list_path, _Experiments.dump_json(swarm))

    def keep_program(self, sha256: str, source: str) -> None:
        """Store a program under its name."""
        write_durably(self._path(sha256), source.encode())

    def program(self, sha256: str) -> str | None:
        """Return a program that was seen before."""
        try:
            return self._path(sha256).read_bytes().decode()
        except FileNotFoundError:
            return None

    def measured(self, outbox: Outbox) -> list[Measured]:
        """Return what is known: the swarm's experiments and those it has not seen yet."""
        return [*self._of_swarm(), *self._not_sent(outbox)]

    def is_repeat(self, source: str, tried: Iterable[str]) -> bool:
        """Return whether one of the programs behaves exactly like ``source``."""
        fingerprint = self._fingerprint(source)
        return any(self._fingerprint(each) == fingerprint for each in tried)

    def _of_swarm(self) -> Iterator[Measured]:
        for experiment in self._swarm:
            if experiment.source_sha256 is None or experiment.outcome is None:
                continue
            metrics = experiment.metrics
            yield Measured(
                experiment_id=experiment.experiment_id,
                agent=experiment.agent,
                hypothesis=experiment.hypothesis,
                outcome=experiment.outcome,
                source_sha256=experiment.source_sha256,
                source=self.program(experiment.source_sha256),
                base_sha256=experiment.base_sha256,
                val_bpb=metrics.val_bpb if metrics else None,
                base_val_bpb=experiment.base_val_bpb,
                crash_reason=experiment.crash_reason,
                completed_at=experiment.completed_at,
            )

    def _not_sent(self, outbox: Outbox) -> Iterator[Measured]:
        seen = {experiment.experiment_id for experiment in self._swarm}
        for entry in outbox.recent(WINDOW):
            if entry.answer is not None and entry.answer.experiment_id in seen:
                continue
            result = entry.result
            yield Measured(
                experiment_id=entry.answer.experiment_id if entry.answer else entry.result_id,
                agent=self._agent,
                hypothesis=result.hypothesis,
                outcome=entry.outcome,
                source_sha256=source_sha256(result.source),
                source=result.source,
                base_sha256=result.base,
                val_bpb=result.metrics.val_bpb if result.metrics else None,
                base_val_bpb=entry.base_val_bpb,
                crash_reason=result.crash_reason,
                completed_at=result.finished_at,
            )

    def _fingerprint(self, source: str) -> str:
        sha256 = source_sha256(source)
        if sha256 not in self._fingerprints:
            try:
                self._fingerprints[sha256] = program_fingerprint(source)
            except SourceError:
                self._fingerprints[sha256] = sha256  # unreadable programs equal only themselves
        return self._fingerprints[sha256]

    def _path(self, sha256: str) -> Path:
        return self._programs / f"{sha256}.py"
