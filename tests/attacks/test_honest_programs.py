"""Honest programs, however unusual, are scored as an evaluation in their own process would."""

from collections.abc import Callable, Mapping

import pytest

from tests.attacks.honest import HONEST
from worker.runner import RunReport
from worker.runner.policy import check_policy


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_gets_the_score_of_its_own_evaluation(
    name: str, report_of: Callable[[str], RunReport], own_scores: Mapping[str, float]
) -> None:
    report = report_of(name)
    assert report.metrics is not None, report.log_tail
    assert report.metrics.val_bpb == pytest.approx(own_scores[name], abs=1e-4)


def test_there_are_at_least_twenty_honest_programs() -> None:
    assert len(HONEST) >= 20


def test_the_policy_check_lets_honest_programs_pass() -> None:
    assert [refusal for source in HONEST.values() for refusal in check_policy(source)] == []
