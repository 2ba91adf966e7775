"""Publishing and listing insights."""

import hashlib

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.campaigns.models import Campaign
from coordinator.db import free_connection, lock_until_commit
from coordinator.events.repository import add_event
from coordinator.experiments.cursor import from_cursor, to_page
from coordinator.experiments.service import require_evidence
from coordinator.insights.repository import add_insight, find_same_insight, list_insights
from coordinator.search.embedder import Embedder
from shared.ids import new_id
from shared.wire.experiments import Page, PageQuery
from shared.wire.insights import InsightCreate, InsightRead


async def publish_insight(
    session: AsyncSession,
    embedder: Embedder,
    campaign: Campaign,
    agent: Agent,
    request: InsightCreate,
) -> tuple[InsightRead, bool]:
    """Publish what was learned and return it, and whether it is new: the same body again is not.

    Raises:
        UnknownEvidenceError: Some evidence is not an experiment of this campaign.
    """
    await free_connection(session)
    embedding = await embedder.embed(request.text)
    body_sha256 = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    # Two sendings of one insight wait for each other here: the second finds the first one's row.
    await lock_until_commit(session, f"insight:{campaign.id}:{agent.id}:{body_sha256}")
    same = await find_same_insight(session, campaign.id, agent.id, body_sha256)
    if same is not None:
        return same, False
    evidence = list(dict.fromkeys(request.evidence))
    await require_evidence(session, campaign.id, evidence)
    insight_id = new_id()
    await add_insight(
        session,
        id=insight_id,
        campaign_id=campaign.id,
        agent_id=agent.id,
        text=request.text,
        embedding=embedding,
        body_sha256=body_sha256,
        # Held in the order in which results hold experiments: nobody waits in a circle.
        evidence=sorted(evidence),
    )
    await add_event(
        session,
        "insight_published",
        campaign_id=campaign.id,
        agent_id=agent.id,
        agent=agent.name,
        insight_id=str(insight_id),
        text=request.text,
    )
    published = await find_same_insight(session, campaign.id, agent.id, body_sha256)
    assert published is not None
    return published, True


async def get_insights(
    session: AsyncSession, campaign: Campaign, part: PageQuery
) -> Page[InsightRead]:
    """Return a part of the insights, the newest first.

    Raises:
        BadCursorError: The cursor is not one of ours.
    """
    found = await list_insights(
        session, campaign.id, before=from_cursor(part.cursor), limit=part.limit + 1
    )
    return to_page(found, limit=part.limit, id_of=lambda each: each.insight_id)
