"""Claim: get the exclusive right to run a proposal, or learn who has it.

The proposal is on the workbench before the coordinator hears of it, with the key of its claim: a
worker killed in between finds its claim again.
"""

from shared.wire.claims import BaseRead, ClaimCreate
from worker.errors import (
    CoordinatorUnreachableError,
    DuplicateClaimError,
    LeaseLostError,
    RefusedError,
    UnauthorizedError,
)
from worker.notebook import Page
from worker.proposers import Proposal
from worker.researcher import Researcher, own_id, own_seed
from worker.workbench import Experiment, Step


def claim(researcher: Researcher, proposal: Proposal, base: Page | None) -> Experiment:
    """Return the experiment, claimed; unclaimed where the swarm is out of reach.

    Raises:
        DuplicateClaimError: somebody runs or ran it.
    """
    experiment = experiment_of(proposal, base)
    return send_claim(researcher, researcher.workbench.put(experiment))


def go_unclaimed(researcher: Researcher, experiment: Experiment) -> Experiment:
    """Return the experiment ready to run without a claim, under a seed of our own."""
    return researcher.workbench.put(
        experiment.model_copy(update={"step": Step.RUNNING, "seed": own_seed()})
    )


def experiment_of(proposal: Proposal, base: Page | None) -> Experiment:
    """Return the proposal as an experiment that nobody has claimed."""
    return Experiment(
        result_id=own_id(),
        claim_key=own_id(),
        hypothesis=proposal.hypothesis,
        rationale=proposal.rationale,
        changes=proposal.changes,
        idea_id=proposal.idea_id,
        cost=proposal.cost,
        source=proposal.source,
        base_sha256=base.source_sha256 if base else None,
        base_val_bpb=base.val_bpb if base else None,
    )


def send_claim(researcher: Researcher, experiment: Experiment) -> Experiment:
    """Return the experiment on the workbench, claimed or alone.

    Raises:
        DuplicateClaimError: somebody runs or ran it; the workbench is empty.
        LeaseLostError: the claim of this key has ended; the workbench is empty.
    """
    request = ClaimCreate(
        hypothesis=experiment.hypothesis,
        rationale=experiment.rationale,
        base=experiment.base_sha256,
        source=experiment.source,
        changes=list(experiment.changes) or None,
        idea_id=experiment.idea_id,
        claim_key=experiment.claim_key,
        platform=researcher.platform,
    )
    try:
        lease = researcher.client.claim(researcher.campaign.name, request)
    except (DuplicateClaimError, LeaseLostError, UnauthorizedError):
        researcher.workbench.clear()
        raise
    except (CoordinatorUnreachableError, RefusedError) as error:
        # A claim that errors is not a claim.
        researcher.lose_swarm(error)
        return go_unclaimed(researcher, experiment)
    researcher.find_swarm()
    claimed = experiment.model_copy(
        update={
            "step": Step.RUNNING,
            "experiment_id": lease.experiment_id,
            "epoch": lease.epoch,
            "seed": lease.seed,
            "lease_expires_at": lease.lease_expires_at,
            "base_val_bpb": _base_val_bpb(experiment, lease.base),
        }
    )
    researcher.workbench.put(claimed)
    researcher.emit(
        "claimed",
        experiment_id=claimed.experiment_id,
        hypothesis=claimed.hypothesis,
        seed=claimed.seed,
        base_val_bpb=claimed.base_val_bpb,
    )
    return claimed


def _base_val_bpb(experiment: Experiment, base: BaseRead | None) -> float | None:
    """Return the score to beat: the swarm's for this base, else what the notebook says."""
    if base is None or base.val_bpb is None:
        return experiment.base_val_bpb
    return base.val_bpb
