"""From edits to a program that may run: applied exactly, read, checked and different."""

from collections.abc import Iterable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from shared.constants import ConstantValueError, override_constants, read_constants
from shared.fingerprints import program_fingerprint
from shared.sources import SourceError
from shared.wire.claims import ConstantChange
from worker.proposers import Proposal
from worker.runner.policy import check_policy

MAX_CHANGES = 100  # of the wire
MAX_VALUE_CHARACTERS = 200  # of the wire's ShortText


class InvalidProposalError(Exception):
    """The proposal cannot run; the message tells its author what to repair."""


class Edit(BaseModel):
    """Replace the one place where ``search`` stands, character for character."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    search: str
    replace: str


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """Return the program with the edits made one after the other.

    Raises:
        InvalidProposalError: a search text stands nowhere or in several places.
    """
    for number, edit in enumerate(edits, start=1):
        count = source.count(edit.search) if edit.search else 0
        if count != 1:
            where = "nowhere" if count == 0 else f"in {count} places"
            raise InvalidProposalError(
                f"Edit {number}: its search text stands {where} in train.py. Copy the lines "
                "exactly, with enough of them to be unique."
            )
        source = source.replace(edit.search, edit.replace)
    return source


def check_program(base: str, candidate: str) -> None:
    """Raise unless the candidate can be read, may run and differs from the base.

    Raises:
        InvalidProposalError: it does not; the message says why.
    """
    try:
        fingerprint = program_fingerprint(candidate)
    except SourceError as error:
        raise InvalidProposalError(error.message) from error
    if fingerprint == program_fingerprint(base):
        raise InvalidProposalError("The program behaves exactly like its base: change something.")
    refusals = check_policy(candidate)
    if refusals:
        words = "\n".join(map(str, refusals[:5]))
        raise InvalidProposalError(f"The policy check refuses the program:\n{words}")


def constant_changes(base: str, candidate: str) -> tuple[ConstantChange, ...]:
    """Return the named constants whose values differ; a new or removed one has no old or new."""
    before, after = read_constants(base), read_constants(candidate)
    changes = []
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old is None or new is None or old.value != new.value:
            texts = [None if each is None else each.text for each in (old, new)]
            if all(text is None or len(text) <= MAX_VALUE_CHARACTERS for text in texts):
                changes.append(ConstantChange(name=name, old=texts[0], new=texts[1]))
    return tuple(changes[:MAX_CHANGES])


def rebased(proposal: Proposal, *, old_base: str, new_base: str) -> Proposal | None:
    """Return the proposal as a change of another base, ``None`` where it does not carry over.

    Only changes of constants do, and only while the new base holds the values they start from.
    """
    values = {change.name: change.new for change in proposal.changes if change.new is not None}
    constants = read_constants(new_base)
    is_same_start = all(
        change.name in constants and constants[change.name].text == change.old
        for change in proposal.changes
    )
    if not values or not is_same_start:
        return None
    try:
        if override_constants(old_base, values) != proposal.source:
            return None  # it changes more than constants
    except ConstantValueError:
        return None
    source = override_constants(new_base, values)
    return replace(proposal, source=source, changes=constant_changes(new_base, source))
