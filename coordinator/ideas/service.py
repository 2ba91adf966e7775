"""Publishing, listing and taking ideas."""

import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.campaigns.models import Campaign
from coordinator.db import free_connection, lock_until_commit
from coordinator.dedup.cross_encoder import CrossEncoder
from coordinator.dedup.description import (
    Description,
    campaign_vocabulary,
    describe,
    parse_cached,
)
from coordinator.errors import BadCursorError, DuplicateIdeaError, UnknownIdeaError
from coordinator.events.repository import add_event
from coordinator.experiments.cursor import from_cursor, to_page
from coordinator.experiments.service import require_evidence
from coordinator.ideas.repository import (
    add_idea,
    find_alike,
    find_idea,
    find_priority,
    find_same_idea,
    link_experiment,
    list_ideas,
)
from coordinator.search.embedder import Embedder
from shared.changes import constant_edit, signature_of_edits
from shared.ids import new_id
from shared.wire.experiments import Page
from shared.wire.ideas import IdeaCreate, IdeaMatch, IdeaQuery, IdeaRead, IdeaStatus
from shared.words import Verdict, Vocabulary, decide


async def publish_idea(
    session: AsyncSession,
    embedder: Embedder,
    cross_encoder: CrossEncoder,
    campaign: Campaign,
    agent: Agent,
    request: IdeaCreate,
) -> tuple[IdeaRead, bool]:
    """Publish a hypothesis and return it, and whether it is new: the same body again is not.

    Raises:
        UnknownEvidenceError: Some evidence is not an experiment of this campaign.
        DuplicateIdeaError: An untested idea says the same; it carries the matches.
    """
    vocabulary = await campaign_vocabulary(session, campaign)
    await free_connection(session)
    description = await describe(
        embedder, request.hypothesis, vocabulary=vocabulary, changes=request.changes
    )
    # Publishing is rare: one lock for a campaign, so that two equal ideas see each other.
    await lock_until_commit(session, f"ideas:{campaign.id}")
    body_sha256 = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    same = await find_same_idea(session, campaign.id, agent.id, body_sha256)
    if same is not None:
        return same, False
    evidence = list(dict.fromkeys(request.evidence))
    await require_evidence(session, campaign.id, evidence)
    await _refuse_duplicate(
        session, cross_encoder, campaign, request.hypothesis, description, vocabulary
    )
    idea_id = new_id()
    await add_idea(
        session,
        id=idea_id,
        campaign_id=campaign.id,
        agent_id=agent.id,
        hypothesis=request.hypothesis,
        rationale=request.rationale,
        priority=request.priority,
        changes=None
        if request.changes is None
        else [change.model_dump() for change in request.changes],
        parameters_key=description.parameters_key,
        values_key=description.values_key,
        embedding=description.embedding,
        body_sha256=body_sha256,
        # Held in the order in which results hold experiments: nobody waits in a circle.
        evidence=sorted(evidence),
    )
    await add_event(
        session,
        "idea_published",
        campaign_id=campaign.id,
        agent_id=agent.id,
        agent=agent.name,
        idea_id=str(idea_id),
        hypothesis=request.hypothesis,
        priority=request.priority,
    )
    published = await find_idea(session, idea_id)
    assert published is not None
    return published, True


async def _refuse_duplicate(
    session: AsyncSession,
    cross_encoder: CrossEncoder,
    campaign: Campaign,
    hypothesis: str,
    description: Description,
    vocabulary: Vocabulary,
) -> None:
    alike = await find_alike(session, campaign.id, description)
    verdicts = await cross_encoder.reconsider(
        [(hypothesis, row.hypothesis) for row in alike],
        [_verdict(description, row, vocabulary) for row in alike],
    )
    matches = [
        IdeaMatch(
            idea_id=row.id,
            hypothesis=row.hypothesis,
            agent=row.agent,
            status=IdeaStatus(row.status),
            similarity=row.cosine,
        ).model_dump(mode="json")
        for row, verdict in zip(alike, verdicts, strict=True)
        if verdict is not None and verdict.refuses
    ]
    if matches:
        raise DuplicateIdeaError(matches=matches)


def _verdict(description: Description, row: Any, vocabulary: Vocabulary) -> Verdict:
    change = None
    if row.changes:
        change = signature_of_edits(constant_edit(**each) for each in row.changes)
    verdict = decide(description.parsed, parse_cached(row.hypothesis, change, vocabulary))
    return verdict if change is None and description.change is None else verdict.settled()


async def get_ideas(session: AsyncSession, campaign: Campaign, wanted: IdeaQuery) -> Page[IdeaRead]:
    """Return a part of the ideas, the most urgent first, then the newest.

    Raises:
        BadCursorError: The cursor is not one of this list.
    """
    last = from_cursor(wanted.cursor)
    after = None
    if last is not None:
        priority = await find_priority(session, campaign.id, last)
        if priority is None:
            raise BadCursorError
        after = (priority, last)
    found = await list_ideas(
        session, campaign.id, wanted.status, after=after, limit=wanted.limit + 1
    )
    return to_page(found, limit=wanted.limit, id_of=lambda each: each.idea_id)


async def take_idea(
    session: AsyncSession, campaign_id: UUID, idea_id: UUID, experiment_id: UUID
) -> None:
    """Write down that the experiment was claimed to test the idea; again changes nothing.

    Raises:
        UnknownIdeaError: The campaign has no such idea.
    """
    if await find_priority(session, campaign_id, idea_id) is None:
        raise UnknownIdeaError
    if await link_experiment(session, idea_id, experiment_id):
        await add_event(
            session,
            "idea_claimed",
            campaign_id=campaign_id,
            experiment_id=experiment_id,
            idea_id=str(idea_id),
        )
