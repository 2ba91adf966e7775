"""Failures like a thought: by the coordinator's search, or by what the worker remembers."""

from shared.ids import new_id
from shared.sources import source_sha256
from shared.states import Outcome
from tests.factories import AgentClient, make_program, result_body
from tests.integration.worker_bench import CAMPAIGN, researcher_at
from worker.loop import work
from worker.proposers import Measured
from worker.proposers.prompt import user_blocks
from worker.proposers.tpe import TpeProposer
from worker.recall import similar_failures


def publish(agent: AgentClient, hypothesis: str, **body) -> None:
    answer = agent.put(result_body(hypothesis=hypothesis, **body))
    assert answer.status_code == 201, answer.text


def make_measured(hypothesis: str, outcome: Outcome = Outcome.DISCARD) -> Measured:
    return Measured(
        experiment_id=new_id(),
        agent="raven",
        hypothesis=hypothesis,
        outcome=outcome,
        source_sha256=source_sha256("A = 1\n"),
        val_bpb=1.6,
        base_val_bpb=1.5,
    )


def fill(agent: AgentClient) -> None:
    publish(agent, "Baseline", source=make_program(), metrics={"val_bpb": 1.0})
    publish(agent, "Swap the optimizer for Lion", source=make_program(depth=5))
    publish(agent, "Increase the learning rate of the matrices", source=make_program(depth=6))
    publish(
        agent,
        "Double the learning rate",
        source=make_program(depth=7),
        metrics={"val_bpb": 0.5},
    )
    publish(
        agent,
        "Triple the step size",
        source=make_program(depth=8),
        metrics=None,
        crash_reason="nan",
    )


def test_the_swarms_search_finds_failures_by_meaning_and_leaves_out_what_helped(
    coordinator_url, agent, tmp_path
):
    fill(agent)
    with researcher_at(coordinator_url, tmp_path) as researcher:
        found = similar_failures(researcher.client, CAMPAIGN, [], "raise the learning rate")
    texts = [each.hypothesis for each in found]
    assert texts[0] == "Increase the learning rate of the matrices"
    # No word of it was asked for.
    assert set(texts) >= {"Triple the step size", "Swap the optimizer for Lion"}
    assert "Double the learning rate" not in texts
    assert {each.outcome for each in found} == {Outcome.DISCARD, Outcome.CRASH}


def test_out_of_its_reach_the_workers_own_history_is_searched(coordinator_url, agent, tmp_path):
    fill(agent)
    history = [
        make_measured("Deeper model"),
        make_measured("Lower the learning rate of embeddings"),
        make_measured("Learning rate up", outcome=Outcome.KEEP),
        make_measured("Rate of dropout", outcome=Outcome.CRASH),
    ]
    with researcher_at(coordinator_url, tmp_path) as researcher:
        researcher.client.breaker.record_failure(retry_after_s=1e9)
        found = similar_failures(researcher.client, CAMPAIGN, history, "raise the learning rate")
    assert [each.hypothesis for each in found] == [
        "Lower the learning rate of embeddings",
        "Rate of dropout",
    ]


class Prompting:
    """A proposer that keeps what a language model would be shown."""

    def __init__(self) -> None:
        self.proposer = TpeProposer(seed=1)
        self.prompts = []

    def propose(self, briefing):
        self.prompts.append(user_blocks(briefing)[1]["text"])
        return self.proposer.propose(briefing)


def test_the_prompt_shows_what_the_swarm_finds(coordinator_url, agent, tmp_path):
    fill(agent)
    publish(
        agent,
        "Cosine schedule",
        source=make_program(depth=9),
        platform="other-gpu",
        metrics=None,
        crash_reason="nan",
    )
    proposer = Prompting()
    with researcher_at(coordinator_url, tmp_path, proposer=proposer) as researcher:
        work(researcher, experiments=2)
    section = proposer.prompts[-1].partition("Failures like what was thought of last:")[2]
    # Measured on another platform: only the search knows of it here.
    assert "Cosine schedule" in section
