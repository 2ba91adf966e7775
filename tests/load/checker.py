"""Is a recorded history one that correct leases could have produced?

Each rule needs nothing but the history and the rows, so that it runs long after the load. Times of
two kinds are never compared with each other: the observer's clock orders requests, the database's
clock orders leases. A client's own clock is not used at all.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.load.history import Operation, Tables

Key = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule that the history breaks, and where."""

    rule: str
    detail: str


class Evidence:
    """History and rows, arranged by what the rules ask for."""

    def __init__(self, operations: Sequence[Operation], tables: Tables) -> None:
        self.operations = operations
        self.tables = tables

    def acknowledged(self, kind: str) -> Iterator[Operation]:
        return (each for each in self.operations if each.kind == kind and each.is_acknowledged)

    @cached_property
    def experiments(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.tables.experiments}

    @cached_property
    def leases(self) -> dict[Key, list[dict[str, Any]]]:
        leases = defaultdict(list)
        for row in self.tables.leases:
            leases[row["experiment_id"], row["epoch"]].append(row)
        return leases

    @cached_property
    def events(self) -> dict[str, Counter[Key]]:
        events: dict[str, Counter[Key]] = defaultdict(Counter)
        for row in self.tables.events:
            events[row["kind"]][row["experiment_id"], row["epoch"]] += 1
        return events

    @cached_property
    def completions(self) -> dict[str, list[Operation]]:
        """The results that were answered with the very experiment that they had claimed."""
        found = defaultdict(list)
        for each in self.acknowledged("result"):
            assert each.answer is not None
            if each.experiment_id and each.answer["experiment_id"] == each.experiment_id:
                found[each.experiment_id].append(each)
        return found


def no_epoch_is_given_twice(evidence: Evidence) -> Iterator[str]:
    for key, rows in evidence.leases.items():
        if len(rows) > 1:
            yield f"{key} has {len(rows)} leases"
    holders = defaultdict(set)
    for claim in evidence.acknowledged("claim"):
        holders[claim.experiment_id, claim.epoch].add((claim.agent_id, claim.claim_key))
    for key, claims in holders.items():
        if len(claims) > 1:
            yield f"{key} was granted to {len(claims)} claims"


def every_granted_claim_is_stored(evidence: Evidence) -> Iterator[str]:
    for claim in evidence.acknowledged("claim"):
        rows = evidence.leases.get((claim.experiment_id or "", claim.epoch or 0), [])
        held = {(row["agent_id"], row["claim_key"]) for row in rows}
        if (claim.agent_id, claim.claim_key) not in held:
            yield f"{claim.experiment_id} epoch {claim.epoch} of {claim.agent_id} is not stored"


def epochs_count_up_without_a_gap(evidence: Evidence) -> Iterator[str]:
    granted = defaultdict(list)
    for row in evidence.tables.leases:
        granted[row["experiment_id"]].append((row["granted_at"], row["epoch"]))
    for experiment_id, row in evidence.experiments.items():
        epochs = [epoch for _, epoch in sorted(granted[experiment_id])]
        if epochs != list(range(1, row["epoch"] + 1)):
            yield f"{experiment_id} at epoch {row['epoch']} was granted {epochs}"


def no_lease_begins_before_the_last_one_ended(evidence: Evidence) -> Iterator[str]:
    """By database time: what was promised until X is not given to another before X."""
    promised: dict[Key, float] = {}
    for each in evidence.operations:
        if each.is_acknowledged and each.lease_expires_at is not None:
            key = (each.experiment_id or "", each.epoch or 0)
            promised[key] = max(promised.get(key, 0.0), each.lease_expires_at)
    for (experiment_id, epoch), until in promised.items():
        if evidence.events["released"][experiment_id, epoch]:
            continue
        for row in evidence.leases.get((experiment_id, epoch + 1), []):
            if row["granted_at"] < until:
                early = until - row["granted_at"]
                yield f"{experiment_id} epoch {epoch + 1} began {early:.3f} s before {epoch} ended"


def an_old_epoch_is_told_that_it_is_lost(evidence: Evidence) -> Iterator[str]:
    """By the observer's clock: once a later epoch is answered, the earlier one keeps nothing."""
    answered = defaultdict(list)
    for claim in evidence.acknowledged("claim"):
        answered[claim.experiment_id].append((claim.epoch or 0, claim.responded_s or 0.0))
    for kind in ("heartbeat", "release"):
        for each in evidence.acknowledged(kind):
            for epoch, responded_s in answered[each.experiment_id]:
                if epoch > (each.epoch or 0) and responded_s < each.invoked_s:
                    yield f"{kind} of {each.experiment_id} epoch {each.epoch} passed after {epoch}"


def only_the_current_epoch_completes(evidence: Evidence) -> Iterator[str]:
    for experiment_id, results in evidence.completions.items():
        current = evidence.experiments.get(experiment_id, {}).get("epoch")
        for each in results:
            if each.epoch != current:
                yield f"{experiment_id} at epoch {current} was completed by {each.epoch}"


def an_experiment_is_completed_once(evidence: Evidence) -> Iterator[str]:
    for experiment_id, results in evidence.completions.items():
        if len({each.result_id for each in results}) > 1:
            yield f"{experiment_id} was completed by {len(results)} results"
        status = evidence.experiments.get(experiment_id, {}).get("status")
        if status != "done":
            yield f"{experiment_id} was completed and is {status}"


def every_acknowledged_result_is_stored_once_as_answered(evidence: Evidence) -> Iterator[str]:
    rows = defaultdict(list)
    for row in evidence.tables.results:
        rows[row["id"]].append(row)
    for each in evidence.acknowledged("result"):
        stored = rows[each.result_id]
        if len(stored) != 1:
            yield f"result {each.result_id} is stored {len(stored)} times"
            continue
        assert each.answer is not None
        sent = (each.agent_id, each.val_bpb, each.answer["experiment_id"], each.answer["late"])
        row = stored[0]
        kept = (row["agent_id"], row["val_bpb"], row["experiment_id"], row["is_late"])
        if kept != sent:
            yield f"result {each.result_id} is stored as {kept}, acknowledged as {sent}"


def a_replay_gets_the_first_answer(evidence: Evidence) -> Iterator[str]:
    answers, created = defaultdict(set), Counter[str | None]()
    for each in evidence.acknowledged("result"):
        answers[each.result_id].add(tuple(sorted((each.answer or {}).items())))
        created[each.result_id] += each.status == 201
    for result_id, different in answers.items():
        if len(different) > 1:
            yield f"result {result_id} was answered in {len(different)} ways"
        if created[result_id] > 1:
            yield f"result {result_id} was created {created[result_id]} times"


def what_is_written_is_written_whole(evidence: Evidence) -> Iterator[str]:
    """A killed request leaves all of its rows or none."""
    leases = Counter({key: len(rows) for key, rows in evidence.leases.items() if rows})
    for key in (leases - evidence.events["claimed"]) + (evidence.events["claimed"] - leases):
        yield f"lease {key} and its event are not both there"
    results = Counter(row["experiment_id"] for row in evidence.tables.results)
    told = Counter({key[0]: count for key, count in evidence.events["result"].items()})
    for experiment_id in (results - told) + (told - results):
        yield f"the result of {experiment_id} and its event are not both there"
    for experiment_id, row in evidence.experiments.items():
        if (row["status"] == "done") != (results[experiment_id] == 1):
            yield f"{experiment_id} is {row['status']} with {results[experiment_id]} results"


def a_done_experiment_is_held_by_nobody(evidence: Evidence) -> Iterator[str]:
    for kind in ("heartbeat", "release", "claim"):
        for each in evidence.acknowledged(kind):
            for result in evidence.completions.get(each.experiment_id or "", []):
                if (result.responded_s or 0.0) < each.invoked_s:
                    yield f"{kind} of {each.experiment_id} passed after it was done"


def nobody_is_told_lost_who_holds(evidence: Evidence) -> Iterator[str]:
    for each in evidence.operations:
        if each.kind != "heartbeat" or each.problem != "lease-lost":
            continue
        experiment_id, epoch = each.experiment_id or "", each.epoch or 0
        row = evidence.experiments.get(experiment_id)
        is_open = row is not None and row["epoch"] == epoch and row["status"] != "done"
        if is_open and not evidence.events["released"][experiment_id, epoch]:
            yield f"heartbeat of {experiment_id} epoch {epoch} was refused without a reason"


def no_request_breaks_the_coordinator(evidence: Evidence) -> Iterator[str]:
    for each in evidence.operations:
        if each.status == 500:
            yield f"{each.kind} of client {each.client} was answered 500"


RULES: dict[str, Callable[[Evidence], Iterator[str]]] = {
    rule.__name__: rule
    for rule in (
        no_epoch_is_given_twice,
        every_granted_claim_is_stored,
        epochs_count_up_without_a_gap,
        no_lease_begins_before_the_last_one_ended,
        an_old_epoch_is_told_that_it_is_lost,
        only_the_current_epoch_completes,
        an_experiment_is_completed_once,
        every_acknowledged_result_is_stored_once_as_answered,
        a_replay_gets_the_first_answer,
        what_is_written_is_written_whole,
        a_done_experiment_is_held_by_nobody,
        nobody_is_told_lost_who_holds,
        no_request_breaks_the_coordinator,
    )
}


def check(operations: Sequence[Operation], tables: Tables) -> list[Violation]:
    """Return every violation of every rule; none: correct leases could have made this history."""
    evidence = Evidence(operations, tables)
    return [
        Violation(rule=name, detail=detail)
        for name, rule in RULES.items()
        for detail in rule(evidence)
    ]
