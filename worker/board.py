"""The swarm's board as last seen: open ideas, the most urgent first, and insights, newest first."""

from dataclasses import dataclass, field

from shared.wire.ideas import IdeaRead, IdeaStatus
from shared.wire.insights import InsightRead
from worker.client import Client

MAX_ITEMS = 30


@dataclass
class Board:
    """What others suggest and what they say they learned."""

    campaign: str
    ideas: list[IdeaRead] = field(default_factory=list)
    insights: list[InsightRead] = field(default_factory=list)

    def refresh(self, client: Client) -> None:
        """Look at the board.

        Raises:
            CoordinatorUnreachableError: what was seen before stays.
        """
        self.ideas = client.ideas(self.campaign, status=IdeaStatus.OPEN, limit=MAX_ITEMS)
        self.insights = client.insights(self.campaign, limit=MAX_ITEMS)
