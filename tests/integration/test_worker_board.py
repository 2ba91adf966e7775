"""Ideas and insights, there and back, through the real coordinator."""

from dataclasses import replace

from shared.states import Outcome
from shared.wire.claims import ConstantChange
from shared.wire.ideas import IdeaCreate, IdeaStatus
from shared.wire.results import Cost
from tests.integration.worker_bench import CAMPAIGN, researcher_at
from worker.breaker import Breaker
from worker.errors import CoordinatorUnreachableError
from worker.loop import _do_next, work
from worker.proposers import Proposal
from worker.proposers.ideas import IdeasProposer
from worker.proposers.tpe import TpeProposer
from worker.steps.tell import deliver

COST = Cost(model="some-model", input_tokens=900, output_tokens=100, usd=0.25)


class Sharing:
    """A proposer that has something to say."""

    def __init__(self) -> None:
        self.proposer = TpeProposer(seed=1)
        self.briefings = []

    def propose(self, briefing):
        self.briefings.append(briefing)
        proposal = self.proposer.propose(briefing)
        idea = IdeaCreate(
            hypothesis="DEPTH to 6 with everything else as it is",
            changes=[ConstantChange(name="DEPTH", new="6")],
        )
        return Proposal(
            hypothesis=proposal.hypothesis,
            source=proposal.source,
            changes=proposal.changes,
            insight="The baseline leaves room." if briefing.latest else None,
            evidence=briefing.latest,
            idea=idea,
            cost=COST,
        )


def test_what_one_worker_shares_another_runs(coordinator_url, tmp_path):
    proposer = Sharing()
    with researcher_at(coordinator_url, tmp_path / "a", name="first", proposer=proposer) as first:
        work(first, experiments=2)
        insights = first.client.insights(CAMPAIGN, limit=10)
        assert [each.text for each in insights] == ["The baseline leaves room."]
        [idea] = first.client.ideas(CAMPAIGN, status=IdeaStatus.OPEN, limit=10)
        costs = [each.cost for each in first.client.experiments(CAMPAIGN)]
        assert costs == [COST, None]  # the newest first; nobody had to think of the baseline
        assert [entry.usd for entry in first.outbox.recent(2)] == [0.25, 0.0]
        work(first, experiments=3)
        assert proposer.briefings[-1].insights == tuple(insights)
    with researcher_at(
        *(coordinator_url, tmp_path / "b"),
        name="second",
        proposer=IdeasProposer(stand_in=TpeProposer(seed=2)),
    ) as second:
        work(second, experiments=1)
        entry = second.outbox.recent(1)[0]
        assert entry.result.hypothesis == idea.hypothesis
        assert entry.outcome is Outcome.KEEP
        [tested] = second.client.ideas(CAMPAIGN, status=IdeaStatus.TESTED, limit=10)
        assert tested.experiments == [entry.answer.experiment_id]


class Thinking:
    """A proposer that learns something from each result, and has another idea each time."""

    def __init__(self) -> None:
        self.proposer = TpeProposer(seed=1)
        self.depth = 10

    def propose(self, briefing):
        self.depth += 1
        return replace(
            self.proposer.propose(briefing),
            insight=f"Lesson {self.depth}",
            evidence=briefing.latest,
            idea=IdeaCreate(
                hypothesis=f"DEPTH to {self.depth}",
                changes=[ConstantChange(name="DEPTH", new=str(self.depth))],
            ),
        )


def test_what_is_thought_alone_is_sent_once_and_in_order_when_the_swarm_is_back(
    coordinator_url, tmp_path
):
    lost = Breaker()
    lost.record_failure(retry_after_s=float("inf"))
    with researcher_at(coordinator_url, tmp_path, proposer=Thinking()) as researcher:
        work(researcher, experiments=1)
        researcher.client.breaker = lost
        for _ in range(3):
            _do_next(researcher)
        assert researcher.outbox.count() == 3
    with researcher_at(coordinator_url, tmp_path, proposer=Thinking()) as again:
        assert len(again.outbox.waiting_thoughts()) == 6
        sent = []
        publish = again.client.publish_insight

        def publish_and_lose_the_answer(campaign, insight):
            sent.append(insight.text)
            publish(campaign, insight)
            if len(sent) == 2:
                raise CoordinatorUnreachableError("The answer was lost.")

        again.client.publish_insight = publish_and_lose_the_answer
        assert not deliver(again)
        assert len(again.outbox.waiting_thoughts()) == 4
        assert deliver(again)
        assert deliver(again)
        insights = again.client.insights(CAMPAIGN, limit=10)
        mine = [entry.answer.experiment_id for entry in again.outbox.recent(4)]
        ideas = again.client.ideas(CAMPAIGN, status=IdeaStatus.OPEN, limit=10)
    assert [each.text for each in insights] == ["Lesson 13", "Lesson 12", "Lesson 11"]
    assert sent == ["Lesson 11", "Lesson 12", "Lesson 12", "Lesson 13"]
    # Each names the result before it: the baseline, then what was run alone.
    assert [each.evidence for each in insights] == [[each] for each in mine[1:]]
    assert sorted(each.hypothesis for each in ideas) == [f"DEPTH to {n}" for n in (11, 12, 13)]


def test_a_thought_that_the_board_has_is_let_go(coordinator_url, tmp_path):
    idea = IdeaCreate(hypothesis="DEPTH to 6", changes=[ConstantChange(name="DEPTH", new="6")])
    for name in ("first", "second"):
        with researcher_at(coordinator_url, tmp_path / name, name=name) as researcher:
            for _ in range(2):
                researcher.outbox.add_thought(CAMPAIGN, idea)
            assert len(researcher.outbox.waiting_thoughts()) == 1
            assert deliver(researcher)
            assert researcher.outbox.waiting_thoughts() == []
            ideas = researcher.client.ideas(CAMPAIGN, status=IdeaStatus.OPEN, limit=10)
            assert [each.agent for each in ideas] == ["first"]


def test_a_worker_is_told_how_many_are_online(coordinator_url, tmp_path):
    names = ("online-a", "online-b")
    for name in names:
        with researcher_at(coordinator_url, tmp_path / name, name=name) as researcher:
            before = set(researcher.client.agents_online())
            work(researcher, experiments=2)
            after = set(researcher.client.agents_online())
            assert after - before == {name}
            # Asked before the second experiment, after the first result. The agents of other
            # tests leave meanwhile: presence lasts for some seconds.
            (online,) = researcher.reporter.of("online")[-1:]
            assert len(after) <= online["agents"] <= len(before | after)
