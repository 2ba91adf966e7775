"""The table in rules.py, for every state and every time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from coordinator.claims.rules import ClaimState, decide_completion, may_renew, must_renew
from shared.states import ExperimentStatus

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TTL_S = 120

states = st.builds(
    lambda status, epoch, left_s: ClaimState(
        status=status,
        epoch=epoch,
        lease_expires_at=None
        if status in (ExperimentStatus.DONE, ExperimentStatus.RELEASED)
        else NOW + timedelta(seconds=left_s),
    ),
    st.sampled_from(ExperimentStatus),
    st.integers(1, 5),
    st.integers(-TTL_S, TTL_S),
)
epochs = st.integers(1, 6)


@given(states, epochs)
def test_only_the_current_epoch_of_an_open_experiment_completes_it(state, epoch):
    completion = decide_completion(state, epoch=epoch, now=NOW)
    is_open = state.status is not ExperimentStatus.DONE
    assert completion.completes == (is_open and epoch == state.epoch)


@given(states, epochs)
def test_a_result_is_in_time_only_if_it_completes_a_live_lease(state, epoch):
    completion = decide_completion(state, epoch=epoch, now=NOW)
    assert completion.is_late == (not (completion.completes and state.is_live(NOW)))


@given(states, epochs)
def test_only_the_current_epoch_renews_and_only_what_was_not_given_back_or_done(state, epoch):
    kept = state.status in (ExperimentStatus.CLAIMED, ExperimentStatus.EXPIRED)
    assert may_renew(state, epoch=epoch) == (kept and epoch == state.epoch)


@given(states)
def test_after_a_heartbeat_at_least_half_a_lease_is_ahead(state):
    if not must_renew(state, now=NOW, ttl_s=TTL_S):
        assert state.is_live(NOW)
        assert state.lease_expires_at - NOW >= timedelta(seconds=TTL_S / 2)


@given(st.integers(TTL_S // 2, TTL_S))
def test_a_heartbeat_in_the_first_half_of_a_lease_moves_nothing(left_s):
    state = ClaimState(
        status=ExperimentStatus.CLAIMED, epoch=1, lease_expires_at=NOW + timedelta(seconds=left_s)
    )
    assert not must_renew(state, now=NOW, ttl_s=TTL_S)


def test_a_lease_ends_at_the_instant_that_it_names():
    state = ClaimState(status=ExperimentStatus.CLAIMED, epoch=1, lease_expires_at=NOW)
    assert not state.is_live(NOW)
    assert state.is_live(NOW - timedelta(microseconds=1))
