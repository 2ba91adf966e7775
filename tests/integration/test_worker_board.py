"""Ideas and insights, there and back, through the real coordinator."""

from shared.states import Outcome
from shared.wire.claims import ConstantChange
from shared.wire.ideas import IdeaCreate, IdeaStatus
from shared.wire.results import Cost
from tests.integration.worker_bench import CAMPAIGN, researcher_at
from worker.loop import work
from worker.proposers import Proposal
from worker.proposers.ideas import IdeasProposer
from worker.proposers.tpe import TpeProposer

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
