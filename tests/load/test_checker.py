"""The checker finds each corruption of a history that is otherwise in order."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest

from tests.load.checker import RULES, check
from tests.load.history import Operation, Tables, load, save

ADA, BOB = "agent-ada", "agent-bob"
FIRST, SECOND = "experiment-1", "experiment-2"


def operation(kind: str, at_s: float, **values) -> Operation:
    common = {"client": 1, "agent_id": ADA, "experiment_id": FIRST, "epoch": 1, "status": 200}
    return Operation(
        **{**common, "kind": kind, "invoked_s": at_s, "responded_s": at_s + 1, **values}
    )


class History(NamedTuple):
    operations: list[Operation]
    tables: Tables


def in_order() -> History:
    """Ada's lease on the first experiment runs out, Bob takes over and is done; Ada is late.

    The second experiment is given back by Ada, and Bob's takeover of it is his still.
    """
    late = {"experiment_id": "experiment-3", "late": True}
    in_time = {"experiment_id": FIRST, "late": False}
    bob = {"agent_id": BOB, "client": 2}
    result_of_bob = {**bob, "epoch": 2, "result_id": "result-2", "val_bpb": 1.2, "answer": in_time}
    second_of_bob = {**bob, "experiment_id": SECOND, "epoch": 2}
    operations = [
        operation("claim", 0, status=201, claim_key="key-1", lease_expires_at=101.0),
        operation("heartbeat", 2, lease_expires_at=102.0),
        operation(
            "claim", 10, status=201, claim_key="key-2", epoch=2, lease_expires_at=106.0, **bob
        ),
        operation("heartbeat", 12, status=409, problem="lease-lost"),
        operation("result", 14, status=201, **result_of_bob),
        operation("result", 16, **result_of_bob),
        operation("result", 18, status=201, result_id="result-1", val_bpb=1.1, answer=late),
        operation("claim", 20, status=201, claim_key="key-3", experiment_id=SECOND),
        operation("release", 22, status=204, experiment_id=SECOND),
        operation(
            "claim", 24, status=201, claim_key="key-4", lease_expires_at=130.0, **second_of_bob
        ),
        operation("heartbeat", 26, lease_expires_at=130.0, **second_of_bob),
        operation("result", 28, status=None, responded_s=None, result_id="result-9", val_bpb=1.3),
    ]
    tables = Tables(
        experiments=[
            {"id": FIRST, "status": "done", "epoch": 2},
            {"id": SECOND, "status": "claimed", "epoch": 2},
            {"id": "experiment-3", "status": "done", "epoch": 0},
        ],
        leases=[
            lease(FIRST, 1, ADA, "key-1", 100.0),
            lease(FIRST, 2, BOB, "key-2", 105.0),
            lease(SECOND, 1, ADA, "key-3", 110.0),
            lease(SECOND, 2, BOB, "key-4", 112.0),
        ],
        results=[
            {
                "id": "result-2",
                "experiment_id": FIRST,
                "agent_id": BOB,
                "val_bpb": 1.2,
                "is_late": False,
            },
            {
                "id": "result-1",
                "experiment_id": "experiment-3",
                "agent_id": ADA,
                "val_bpb": 1.1,
                "is_late": True,
            },
        ],
        events=[
            *(event("claimed", FIRST, 1), event("claimed", FIRST, 2)),
            *(
                event("claimed", SECOND, 1),
                event("released", SECOND, 1),
                event("claimed", SECOND, 2),
            ),
            *(event("result", FIRST, None), event("result", "experiment-3", None)),
        ],
    )
    return History(operations, tables)


def lease(experiment_id, epoch, agent_id, claim_key, granted_at):
    return {
        "experiment_id": experiment_id,
        "epoch": epoch,
        "agent_id": agent_id,
        "claim_key": claim_key,
        "granted_at": granted_at,
    }


def event(kind, experiment_id, epoch):
    return {"kind": kind, "experiment_id": experiment_id, "epoch": epoch}


def a_second_lease_of_one_epoch(history):
    history.tables.leases.append(lease(FIRST, 2, ADA, "key-8", 105.5))


def one_epoch_answered_to_two(history):
    history.operations.append(replace(history.operations[2], agent_id=ADA, claim_key="key-8"))


def a_granted_claim_that_vanished(history):
    del history.tables.leases[1]


def an_epoch_left_out(history):
    history.tables.experiments[1]["epoch"] = 3


def epochs_in_the_wrong_order(history):
    history.tables.leases[2]["granted_at"] = 113.0


def a_takeover_of_a_live_lease(history):
    history.tables.leases[1]["granted_at"] = 101.9


def a_heartbeat_after_the_takeover(history):
    history.operations[3] = replace(
        history.operations[3], status=200, problem=None, lease_expires_at=103.0
    )


def a_release_after_the_takeover(history):
    history.operations[3] = replace(history.operations[3], kind="release", status=204, problem=None)


def a_completion_by_an_old_epoch(history):
    history.operations[4] = replace(history.operations[4], epoch=1)
    history.operations[5] = replace(history.operations[5], epoch=1)


def a_second_completion(history):
    history.operations[6] = replace(
        history.operations[6], epoch=2, answer={"experiment_id": FIRST, "late": True}
    )
    history.tables.results[1]["experiment_id"] = FIRST


def a_completion_that_was_undone(history):
    history.tables.experiments[0]["status"] = "claimed"


def an_acknowledged_result_that_vanished(history):
    del history.tables.results[1]


def a_result_stored_twice(history):
    history.tables.results.append(history.tables.results[0])


def a_result_stored_with_another_score(history):
    history.tables.results[0]["val_bpb"] = 0.1


def a_replay_with_another_answer(history):
    history.operations[5] = replace(
        history.operations[5], answer={"experiment_id": FIRST, "late": True}
    )


def a_replay_that_creates_again(history):
    history.operations[5] = replace(history.operations[5], status=201)


def a_lease_without_its_event(history):
    history.tables.events.remove(event("claimed", SECOND, 2))


def an_event_without_its_result(history):
    history.tables.events.append(event("result", SECOND, None))


def a_done_experiment_without_a_result(history):
    history.tables.experiments[1]["status"] = "done"


def a_heartbeat_of_what_is_done(history):
    history.operations.append(operation("heartbeat", 30, epoch=2, agent_id=BOB))


def a_holder_told_that_it_lost(history):
    history.operations[10] = replace(history.operations[10], status=409, problem="lease-lost")


def an_internal_error(history):
    history.operations[1] = replace(history.operations[1], status=500, problem="internal-error")


CORRUPTIONS: list[tuple[Callable[[History], None], str]] = [
    (a_second_lease_of_one_epoch, "no_epoch_is_given_twice"),
    (one_epoch_answered_to_two, "no_epoch_is_given_twice"),
    (a_granted_claim_that_vanished, "every_granted_claim_is_stored"),
    (an_epoch_left_out, "epochs_count_up_without_a_gap"),
    (epochs_in_the_wrong_order, "epochs_count_up_without_a_gap"),
    (a_takeover_of_a_live_lease, "no_lease_begins_before_the_last_one_ended"),
    (a_heartbeat_after_the_takeover, "an_old_epoch_is_told_that_it_is_lost"),
    (a_release_after_the_takeover, "an_old_epoch_is_told_that_it_is_lost"),
    (a_completion_by_an_old_epoch, "only_the_current_epoch_completes"),
    (a_second_completion, "an_experiment_is_completed_once"),
    (a_completion_that_was_undone, "an_experiment_is_completed_once"),
    (an_acknowledged_result_that_vanished, "every_acknowledged_result_is_stored_once_as_answered"),
    (a_result_stored_twice, "every_acknowledged_result_is_stored_once_as_answered"),
    (a_result_stored_with_another_score, "every_acknowledged_result_is_stored_once_as_answered"),
    (a_replay_with_another_answer, "a_replay_gets_the_first_answer"),
    (a_replay_that_creates_again, "a_replay_gets_the_first_answer"),
    (a_lease_without_its_event, "what_is_written_is_written_whole"),
    (an_event_without_its_result, "what_is_written_is_written_whole"),
    (a_done_experiment_without_a_result, "what_is_written_is_written_whole"),
    (a_heartbeat_of_what_is_done, "a_done_experiment_is_held_by_nobody"),
    (a_holder_told_that_it_lost, "nobody_is_told_lost_who_holds"),
    (an_internal_error, "no_request_breaks_the_coordinator"),
]


def test_a_history_in_order_breaks_no_rule():
    assert check(*in_order()) == []


@pytest.mark.parametrize(
    ("corrupt", "rule"), CORRUPTIONS, ids=lambda each: getattr(each, "__name__", "")
)
def test_each_corruption_is_found(corrupt, rule):
    history = in_order()
    corrupt(history)
    assert rule in {violation.rule for violation in check(*history)}


def test_every_rule_has_a_corruption_that_it_finds():
    assert {rule for _, rule in CORRUPTIONS} == set(RULES)


def test_a_history_that_was_written_is_read_back_as_it_was(tmp_path):
    save(tmp_path, *in_order())
    assert History(*load(tmp_path)) == in_order()
