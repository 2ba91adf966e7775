"""Claiming experiments."""

import hashlib
import secrets
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.bests.repository import mean_val_bpb
from coordinator.campaigns.models import Campaign
from coordinator.claims.repository import (
    find_lease_by_key,
    grant_claim,
    lock_experiment,
    renew_lease,
)
from coordinator.claims.rules import ClaimState, may_renew
from coordinator.db import free_connection, lock_until_commit
from coordinator.dedup.cross_encoder import CrossEncoder
from coordinator.dedup.description import campaign_vocabulary, describe
from coordinator.dedup.service import find_alike, refuse_duplicate, similar_experiments
from coordinator.errors import (
    ClaimKeyReusedError,
    DuplicateClaimError,
    LeaseLostError,
    UnknownBaseError,
)
from coordinator.experiments.models import Lease
from coordinator.experiments.repository import find_matches_by_dedup_key
from coordinator.ideas.service import take_idea
from coordinator.programs.records import ReadProgram
from coordinator.programs.repository import find_fingerprint, find_source, store_program
from coordinator.programs.service import read_program
from coordinator.search.embedder import Embedder
from shared.ids import new_id
from shared.states import ExperimentStatus
from shared.wire.claims import BaseRead, ClaimCreate, ClaimRead


def state_of(experiment: Any) -> ClaimState:
    """Return what the rules need of an experiment, or of a row with the state of its claim."""
    return ClaimState(
        status=ExperimentStatus(experiment.status),
        epoch=experiment.epoch,
        lease_expires_at=experiment.lease_expires_at,
    )


async def dedup_key_of(
    session: AsyncSession, campaign: Campaign, program: ReadProgram, platform: str
) -> str:
    """Return the name under which a program exists once in a campaign.

    The baseline exists once on each platform, because results compare only within one: every
    platform needs its own to start from.
    """
    baseline = await find_fingerprint(session, campaign.baseline_sha256)
    if program.fingerprint == baseline:
        return f"{program.fingerprint}@{platform}"
    return program.fingerprint


async def claim_experiment(
    session: AsyncSession,
    embedder: Embedder,
    cross_encoder: CrossEncoder,
    campaign: Campaign,
    agent: Agent,
    request: ClaimCreate,
    *,
    ttl_s: int,
) -> ClaimRead:
    """Give the agent the exclusive right to run an experiment.

    Raises:
        DuplicateClaimError: The same program, change or idea is done or held; it carries the
            reason and the matches.
        UnknownBaseError: The base is not a stored program.
        UnknownIdeaError: The campaign has no idea of this id.
        InvalidSourceError: The source is not a program.
        ClaimKeyReusedError: The claim key was used for another claim.
        LeaseLostError: The claim key is that of a claim that ended.
    """
    # What is read before the computation never changes: programs, and who asks.
    vocabulary = await campaign_vocabulary(session, campaign)
    base = await find_source(session, request.base) if request.base else None
    if request.base is not None and base is None:
        raise UnknownBaseError
    await free_connection(session)
    program = await read_program(request.source) if request.source else None
    description = await describe(
        embedder,
        request.hypothesis,
        vocabulary=vocabulary,
        base=base,
        source=request.source,
        changes=request.changes,
    )
    request_sha256 = hashlib.sha256(request.model_dump_json().encode()).hexdigest()
    if request.claim_key is not None:
        await lock_until_commit(session, f"claim:{agent.id}:{request.claim_key}")
        former = await find_lease_by_key(session, agent.id, request.claim_key)
        if former is not None:
            if former.request_sha256 != request_sha256:
                raise ClaimKeyReusedError
            return await _same_claim(session, campaign, former, request, ttl_s=ttl_s)
    platform = request.platform or agent.platform
    dedup_key = await dedup_key_of(session, campaign, program, platform) if program else None
    alike = await find_alike(session, campaign, description, dedup_key=dedup_key)
    retest_of = await refuse_duplicate(
        session,
        cross_encoder,
        campaign,
        description,
        alike,
        hypothesis=request.hypothesis,
        vocabulary=vocabulary,
        base_sha256=request.base,
        dedup_key=dedup_key,
    )
    if program is not None:
        await store_program(session, program)
    seed = secrets.randbelow(2**31)
    granted = await grant_claim(
        session,
        lease_ttl_s=ttl_s,
        claim_key=request.claim_key,
        request_sha256=request_sha256,
        agent_name=agent.name,
        id=new_id(),
        campaign_id=campaign.id,
        agent_id=agent.id,
        hypothesis=request.hypothesis,
        rationale=request.rationale,
        base_sha256=request.base,
        source_sha256=program.source_sha256 if program else None,
        dedup_key=dedup_key,
        platform=platform,
        seed=seed,
        retest_of=retest_of,
        **description.columns(),
    )
    if granted is None:
        assert dedup_key is not None
        matches = await find_matches_by_dedup_key(session, campaign.id, dedup_key)
        raise DuplicateClaimError(
            reason="same-program", matches=[match.model_dump(mode="json") for match in matches]
        )
    if request.idea_id is not None:
        await take_idea(session, campaign.id, request.idea_id, granted.id)
    return ClaimRead(
        experiment_id=granted.id,
        epoch=granted.epoch,
        lease_expires_at=granted.lease_expires_at,
        seed=seed,
        base=await _base_of(session, campaign, request.base, platform),
        similar=similar_experiments(alike),
        retest_of=retest_of,
    )


async def _same_claim(
    session: AsyncSession,
    campaign: Campaign,
    lease: Lease,
    request: ClaimCreate,
    *,
    ttl_s: int,
) -> ClaimRead:
    locked = await lock_experiment(session, lease.experiment_id)
    assert locked is not None
    experiment, _ = locked
    if experiment.campaign_id != campaign.id:
        raise ClaimKeyReusedError
    if not may_renew(state_of(experiment), epoch=lease.epoch):
        raise LeaseLostError(
            "The claim of this claim_key has ended: make a new UUID and claim again."
        )
    expires_at = await renew_lease(session, experiment.id, epoch=lease.epoch, lease_ttl_s=ttl_s)
    assert expires_at is not None
    return ClaimRead(
        experiment_id=experiment.id,
        epoch=lease.epoch,
        lease_expires_at=expires_at,
        seed=lease.seed,
        base=await _base_of(session, campaign, request.base, experiment.platform),
        retest_of=experiment.retest_of,
    )


async def _base_of(
    session: AsyncSession, campaign: Campaign, base: str | None, platform: str
) -> BaseRead | None:
    if base is None:
        return None
    return BaseRead(
        source_sha256=base,
        val_bpb=await mean_val_bpb(session, campaign.id, source_sha256=base, platform=platform),
    )
