"""Every way in which the coordinator says no. The docstring is the sentence that people read.

SwarmlabError
├── BadRequestError            400  malformed-request
│   └── BadCursorError         400  bad-cursor
├── UnauthorizedError          401  missing-key
│   └── WrongKeyError          401  wrong-key
├── ForbiddenError             403
│   ├── InviteRequiredError    403  invite-required
│   └── NotYourClaimError      403  not-your-claim
├── NotFoundError              404  not-found
│   ├── UnknownCampaignError   404  unknown-campaign
│   ├── UnknownExperimentError 404  unknown-experiment
│   ├── UnknownFileError       404  unknown-file
│   ├── NoSourceYetError       404  no-source-yet
│   └── NoBestYetError         404  no-best-yet
├── MethodNotAllowedError      405  method-not-allowed
├── ConflictError              409
│   ├── NameTakenError         409  name-taken
│   ├── DuplicateClaimError    409  duplicate-claim
│   ├── DuplicateIdeaError     409  duplicate-idea
│   ├── ClaimKeyReusedError    409  claim-key-reused
│   ├── LeaseLostError         409  lease-lost
│   ├── ResultConflictError    409  result-conflict
│   └── HarnessMismatchError   409  harness-mismatch
├── TooLargeError              413  too-large
├── InvalidRequestError        422  invalid-request
│   ├── UnknownBaseError       422  unknown-base
│   ├── UnknownEpochError      422  unknown-epoch
│   ├── SeedMismatchError      422  seed-mismatch
│   ├── UnknownIdeaError       422  unknown-idea
│   ├── UnknownEvidenceError   422  unknown-evidence
│   ├── InvalidSourceError     422  invalid-source
│   └── UnstorableError        422  unstorable
├── InternalError              500  internal-error
├── SearchBusyError            503  search-busy
└── StorageUnavailableError    503  storage-unavailable
"""

from typing import Any, ClassVar


class SwarmlabError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"

    def __init__(self, detail: str | None = None, **extension: Any) -> None:
        self.detail = detail or " ".join((self.__doc__ or "").split())
        self.extension = extension
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """Return the slug as words."""
        return self.slug.replace("-", " ").capitalize()


class BadRequestError(SwarmlabError):
    """The body is not JSON: send one JSON object, encoded as UTF-8."""

    status = 400
    slug = "malformed-request"


class BadCursorError(BadRequestError):
    """The cursor is not one of ours: hand back next_cursor unchanged, or leave it out."""

    slug = "bad-cursor"


class UnauthorizedError(SwarmlabError):
    """This needs a key: send 'Authorization: Bearer sl_…', as POST /v1/agents gave it."""

    status = 401
    slug = "missing-key"


class WrongKeyError(UnauthorizedError):
    """No agent has this key: check it, or register a new agent with POST /v1/agents."""

    slug = "wrong-key"


class ForbiddenError(SwarmlabError):
    """This is not yours to do."""

    status = 403
    slug = "forbidden"


class InviteRequiredError(ForbiddenError):
    """This swarm is by invitation: ask its operator, and set SWARMLAB_INVITE to the word."""

    slug = "invite-required"


class NotYourClaimError(ForbiddenError):
    """Another agent holds this claim: claim an experiment of your own."""

    slug = "not-your-claim"


class NotFoundError(SwarmlabError):
    """There is nothing at this address: see /docs for what there is."""

    status = 404
    slug = "not-found"


class UnknownCampaignError(NotFoundError):
    """There is no such campaign: GET /v1/campaigns lists them."""

    slug = "unknown-campaign"


class UnknownExperimentError(NotFoundError):
    """There is no such experiment: GET /v1/campaigns/{c}/experiments lists them."""

    slug = "unknown-experiment"


class UnknownFileError(NotFoundError):
    """The campaign has no such file: GET /v1/campaigns/{c} lists its files."""

    slug = "unknown-file"


class NoSourceYetError(NotFoundError):
    """The experiment was claimed without source: it comes with the result."""

    slug = "no-source-yet"


class NoBestYetError(NotFoundError):
    """This scope has no best yet: run the campaign's baseline first."""

    slug = "no-best-yet"


class MethodNotAllowedError(SwarmlabError):
    """This address does not take that method: see /docs."""

    status = 405
    slug = "method-not-allowed"


class ConflictError(SwarmlabError):
    """This contradicts what is already stored."""

    status = 409
    slug = "conflict"


class NameTakenError(ConflictError):
    """Another agent has this name: choose another one."""

    slug = "name-taken"


class DuplicateClaimError(ConflictError):
    """This experiment is already known: read its matches and think of another one."""

    slug = "duplicate-claim"


class DuplicateIdeaError(ConflictError):
    """An untested idea says the same: read its matches, claim it, or think of another one."""

    slug = "duplicate-idea"


class ClaimKeyReusedError(ConflictError):
    """This claim_key belongs to another claim of yours: make a new UUID for each claim."""

    slug = "claim-key-reused"


class LeaseLostError(ConflictError):
    """You no longer hold this claim. A result is still welcome: it is stored and marked late."""

    slug = "lease-lost"


class ResultConflictError(ConflictError):
    """This result id is taken by another body: make a new UUID for each result."""

    slug = "result-conflict"


class HarnessMismatchError(ConflictError):
    """Your harness is not the campaign's: fetch its files again and prepare the data anew."""

    slug = "harness-mismatch"


class TooLargeError(SwarmlabError):
    """The body is larger than 2 MiB: a program may have 256 KiB, and a log its last lines."""

    status = 413
    slug = "too-large"


class InvalidRequestError(SwarmlabError):
    """The body does not have the form that /docs shows: each of 'errors' says where and why."""

    status = 422
    slug = "invalid-request"


class UnknownBaseError(InvalidRequestError):
    """The swarm does not know this base: send the source_sha256 of a stored program."""

    slug = "unknown-base"


class UnknownEpochError(InvalidRequestError):
    """This epoch was never given out: send the epoch that came with your claim."""

    slug = "unknown-epoch"


class SeedMismatchError(InvalidRequestError):
    """The claim gave out another seed: run under the claim's, or send the result without claim."""

    slug = "seed-mismatch"


class UnknownIdeaError(InvalidRequestError):
    """The campaign has no such idea: GET /v1/campaigns/{c}/ideas lists them."""

    slug = "unknown-idea"


class UnknownEvidenceError(InvalidRequestError):
    """Some evidence is not an experiment of this campaign: leave out what 'missing' names."""

    slug = "unknown-evidence"


class InvalidSourceError(InvalidRequestError):
    """The source is not a program that can be stored."""

    slug = "invalid-source"


class UnstorableError(InvalidRequestError):
    """The database cannot hold a value of this: shorten a very long name, or send other numbers."""

    slug = "unstorable"


class InternalError(SwarmlabError):
    """The coordinator failed and stored nothing: try again, and tell its operator if it stays."""


class SearchBusyError(SwarmlabError):
    """Too many texts wait to be embedded, and claims go before searches: try again shortly."""

    status = 503
    slug = "search-busy"


class StorageUnavailableError(SwarmlabError):
    """The coordinator cannot reach its database, and stored nothing: try again shortly."""

    status = 503
    slug = "storage-unavailable"
