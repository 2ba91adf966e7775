import fcntl
import os
import re
import stat
import subprocess
import sys
from threading import Event, Thread
from uuid import uuid4

import pytest

from shared.states import Outcome
from shared.wire.results import ResultPut
from tests.factories import CAMPAIGN, AgentClient, result_body
from worker.client import Client
from worker.errors import CoordinatorUnreachableError, NameInUseError, SetupError
from worker.identity import campaign_at_work, sign_in, take_seat
from worker.leftovers import say_what_waits
from worker.outbox import Outbox

HARDWARE = {"platform": "test-gpu"}


def outbox_of(home, name):
    return Outbox(home / "workers" / name / CAMPAIGN / "outbox.sqlite")


def leave_results(client, home, name, *, count=2):
    """Register ``name`` and leave results of it, with a claim of its own, in its outbox."""
    seat, identity, _ = sign_in(home, client, name, hardware=HARDWARE)
    with outbox_of(home, name) as outbox:
        for number in range(count):
            claim = {"experiment_id": uuid4(), "epoch": 1}
            result = ResultPut.model_validate(result_body(claim, hypothesis=f"{number}"))
            outbox.add(uuid4(), CAMPAIGN, result, outcome=Outcome.DISCARD)
        waiting = [entry.result_id for entry in outbox.waiting()]
    seat.leave()
    return identity, waiting


@pytest.fixture
def client(coordinator_url):
    with Client(coordinator_url) as client:
        yield client


def test_the_first_start_registers_a_codename_by_itself(client, tmp_path):
    seat, identity, is_new = sign_in(tmp_path, client, None, hardware=HARDWARE)
    assert is_new
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{4}", identity.name)
    assert identity.api_key.startswith("sl_")
    seat.leave()


def test_the_key_can_be_read_by_its_owner_alone(client, tmp_path):
    seat, _, _ = sign_in(tmp_path, client, "otter", hardware=HARDWARE)
    path = tmp_path / "workers" / "otter" / "identity.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    seat.leave()


def test_the_next_start_is_the_same_agent(client, tmp_path):
    seat, first, _ = sign_in(tmp_path, client, None, hardware=HARDWARE)
    seat.leave()
    seat, again, is_new = sign_in(tmp_path, client, None, hardware=HARDWARE)
    assert (again, is_new) == (first, False)
    seat.leave()


def test_two_at_once_are_two_agents(client, tmp_path):
    one, first, _ = sign_in(tmp_path, client, None, hardware=HARDWARE)
    two, second, _ = sign_in(tmp_path, client, None, hardware=HARDWARE)
    assert first.name != second.name
    one.leave()
    two.leave()


def test_a_name_is_used_by_one_process_at_a_time(client, tmp_path):
    seat, _, _ = sign_in(tmp_path, client, "otter", hardware=HARDWARE)
    with pytest.raises(NameInUseError, match="otter"):
        sign_in(tmp_path, client, "otter", hardware=HARDWARE)
    seat.leave()
    seat, _, _ = sign_in(tmp_path, client, "otter", hardware=HARDWARE)
    seat.leave()


def test_who_looks_at_a_name_does_not_keep_a_worker_from_taking_it(client, tmp_path):
    leave_results(client, tmp_path, "otter", count=0)
    is_over = Event()

    def look() -> None:
        while not is_over.is_set():
            campaign_at_work(tmp_path / "workers" / "otter")

    looking = Thread(target=look)
    looking.start()
    try:
        for name in ["otter", None] * 150:
            seat = take_seat(tmp_path, name, client.base_url)
            assert seat.name == "otter"
            seat.leave()
    finally:
        is_over.set()
        looking.join()


def test_who_looks_at_a_name_is_no_worker_to_others_who_look(tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        lock.write("the campaign of who sat here last")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_SH)  # as another one who looks
        assert campaign_at_work(tmp_path) is None


def test_a_name_that_somebody_else_has_is_refused_in_words(client, coordinator_url, tmp_path):
    AgentClient(coordinator_url, name="raven").close()
    with pytest.raises(SetupError):
        sign_in(tmp_path, client, "raven", hardware=HARDWARE)


def test_a_codename_that_somebody_else_has_is_given_up(
    client, coordinator_url, tmp_path, monkeypatch
):
    AgentClient(coordinator_url, name="amber-otter-1").close()
    names = iter(["amber-otter-1", "amber-otter-2"])
    monkeypatch.setattr("worker.identity.codename", lambda: next(names))
    seat, identity, _ = sign_in(tmp_path, client, None, hardware=HARDWARE)
    assert identity.name == "amber-otter-2"
    assert [path.name for path in (tmp_path / "workers").iterdir()] == ["amber-otter-2"]
    seat.leave()


def test_what_a_worker_without_its_key_left_is_handed_in_by_the_next_name(client, tmp_path):
    _, waiting = leave_results(client, tmp_path, "otter")
    desk = tmp_path / "workers" / "otter" / CAMPAIGN
    (desk / "notebook").mkdir()
    (desk.parent / "identity.json").unlink()
    seat, identity, is_new = sign_in(tmp_path, client, None, hardware=HARDWARE)
    seat.leave()
    assert is_new
    assert identity.name != "otter"
    assert (desk / "notebook").is_dir()
    with outbox_of(tmp_path, identity.name) as outbox, outbox_of(tmp_path, "otter") as former:
        assert [entry.result_id for entry in outbox.waiting()] == waiting
        assert {entry.result.epoch for entry in outbox.waiting()} == {None}
        assert former.count() == 0


def test_a_worker_with_its_key_hands_in_for_one_without(client, tmp_path):
    _, waiting = leave_results(client, tmp_path, "raven")
    (tmp_path / "workers" / "raven" / "identity.json").unlink()
    leave_results(client, tmp_path, "otter", count=0)
    seat, identity, is_new = sign_in(tmp_path, client, None, hardware=HARDWARE)
    seat.leave()
    assert (identity.name, is_new) == ("otter", False)
    with outbox_of(tmp_path, "otter") as outbox:
        assert [entry.result_id for entry in outbox.waiting()] == waiting


def test_a_name_under_which_results_wait_comes_first(client, tmp_path):
    leave_results(client, tmp_path, "otter", count=0)
    leave_results(client, tmp_path, "raven")
    seat = take_seat(tmp_path, None, client.base_url)
    second = take_seat(tmp_path, None, client.base_url)
    seat.leave()
    second.leave()
    assert (seat.name, second.name) == ("raven", "otter")


def test_of_two_names_under_which_results_wait_the_one_with_a_key_comes_first(client, tmp_path):
    for name in ("otter", "raven"):
        leave_results(client, tmp_path, name)
    (tmp_path / "workers" / "otter" / "identity.json").unlink()
    seat = take_seat(tmp_path, None, client.base_url)
    seat.leave()
    assert seat.name == "raven"


def test_who_takes_a_name_is_not_yet_where_the_last_one_worked(client, tmp_path):
    for campaign in ("the-first-campaign", "tiny"):
        seat = take_seat(tmp_path, "otter", client.base_url)
        assert campaign_at_work(seat.directory) == ""
        seat.work_in(campaign)
        assert campaign_at_work(seat.directory) == campaign
        seat.leave()


def test_a_damaged_outbox_does_not_keep_other_names_from_working(client, tmp_path):
    leave_results(client, tmp_path, "otter", count=0)
    desk = tmp_path / "workers" / "raven" / CAMPAIGN
    desk.mkdir(parents=True)
    (desk / "outbox.sqlite").write_text("no database at all, and longer than its header" * 10)
    seat = take_seat(tmp_path, None, client.base_url)
    seat.leave()
    assert seat.name == "otter"


def test_results_that_nobody_is_about_to_hand_in_are_named_with_what_to_do(
    client, coordinator_url, tmp_path
):
    for name in ("otter", "raven", "heron", "wren"):
        leave_results(client, tmp_path, name, count=0 if name == "otter" else 2)
    (tmp_path / "workers" / "wren" / "identity.json").unlink()
    heron = take_seat(tmp_path, "heron", client.base_url)
    heron.work_in(CAMPAIGN)
    sentences = list(say_what_waits(tmp_path / "workers" / "otter" / CAMPAIGN))
    heron.leave()
    command = "swarmlab worker"
    with_key = f"{command} --name raven --coordinator {coordinator_url} --campaign {CAMPAIGN}"
    assert sentences == [
        f"2 results of {name} in {CAMPAIGN} wait to be handed in: "
        f"`{how}` does it, once this worker has ended."
        for name, how in [("raven", with_key), ("wren", command)]
    ]


def test_a_worker_says_at_its_start_what_waits_elsewhere(client, coordinator_url, tmp_path):
    leave_results(client, tmp_path, "raven")
    command = [sys.executable, "-m", "shared.cli", "worker", "--name", "otter"]
    environment = {"PATH": os.environ["PATH"], "SWARMLAB_HOME": str(tmp_path)}
    # It ends by itself: the campaign of these tests has no data to prepare.
    done = subprocess.run(
        [*command, "--coordinator", coordinator_url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 results of raven in tiny wait to be handed in" in done.stderr


def test_results_without_a_key_do_not_keep_another_name_from_working_alone(client, tmp_path):
    leave_results(client, tmp_path, "raven")
    (tmp_path / "workers" / "raven" / "identity.json").unlink()
    leave_results(client, tmp_path, "otter", count=0)
    client.breaker.record_failure(retry_after_s=600)
    seat, identity, _ = sign_in(tmp_path, client, None, hardware=HARDWARE)
    seat.leave()
    assert identity.name == "otter"
    with outbox_of(tmp_path, "raven") as outbox:
        assert outbox.count() == 2


@pytest.mark.parametrize("name", ["../up", "UPPER", "with space", "", "-dash", "a" * 64])
def test_what_cannot_be_a_name_is_refused_before_anything_is_made(tmp_path, name):
    with pytest.raises(SetupError):
        take_seat(tmp_path, name, "http://swarm.test")
    assert not (tmp_path / "workers").exists()


def test_a_key_is_never_shown_to_another_coordinator(client, tmp_path):
    seat, identity, _ = sign_in(tmp_path, client, "otter", hardware=HARDWARE)
    seat.leave()
    elsewhere = Client("http://elsewhere.test")
    with elsewhere, pytest.raises(SetupError, match="registered at"):
        sign_in(tmp_path, elsewhere, "otter", hardware=HARDWARE)
    seat = take_seat(tmp_path, None, "http://elsewhere.test")
    assert seat.name != identity.name
    seat.leave()


def test_without_a_key_and_a_coordinator_the_seat_is_free_again(tmp_path):
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(CoordinatorUnreachableError):
        sign_in(tmp_path, nobody, "otter", hardware=HARDWARE)
    take_seat(tmp_path, "otter", "http://127.0.0.1:9").leave()
