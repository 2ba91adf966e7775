"""The swarm as last seen: open ideas, the most urgent first, insights, newest first, who is on."""

from dataclasses import dataclass, field

from shared.wire.ideas import IdeaRead, IdeaStatus
from shared.wire.insights import InsightRead
from worker.client import Client

MAX_ITEMS = 30


@dataclass
class Board:
    """What others suggest and what they say they learned; ``online`` is how many they are."""

    campaign: str
    ideas: list[IdeaRead] = field(default_factory=list)
    insights: list[InsightRead] = field(default_factory=list)
    online: int | None = None

    def refresh(self, client: Client) -> None:
        """Look at the board.

        Raises:
            CoordinatorUnreachableError: what was seen before stays.
        """
        self.ideas = client.ideas(self.campaign, status=IdeaStatus.OPEN, limit=MAX_ITEMS)
        self.insights = client.insights(self.campaign, limit=MAX_ITEMS)
        agents = client.agents_online()
        self.online = None if agents is None else len(agents)
