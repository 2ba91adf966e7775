"""What can go wrong for a worker.

```
WorkerError
├── CoordinatorUnreachableError    nobody answers, or not with sense: the worker goes on alone
│   └── CoordinatorBusyError       it asks for patience (429, 503) and says how long
├── RefusedError                   the coordinator understood and said no (4xx)
│   ├── DuplicateClaimError        somebody runs or ran this experiment
│   ├── LeaseLostError             the claim belongs to a later epoch now
│   ├── UnauthorizedError          the key is missing, wrong or revoked
│   └── NotFoundError              no such campaign, experiment or best
├── SetupError                     the person at the machine has to decide or repair something
│   ├── NameInUseError             another process works under this name
│   └── DataMismatchError          the prepared data are not the campaign's
├── NotebookError                  the git notebook is not as the worker left it
└── NoProposalError                the proposer has nothing (more) to suggest
```
"""

from shared.problems import Problem
from shared.wire.claims import Match


class WorkerError(Exception):
    """Something that a worker knows how to explain."""


class CoordinatorUnreachableError(WorkerError):
    """Nobody answers, or the answer is not a coordinator's."""


class CoordinatorBusyError(CoordinatorUnreachableError):
    """The coordinator asks for patience.

    Attributes:
        retry_after_s: how long it asked to be left alone, in seconds.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedError(WorkerError):
    """The coordinator understood the request and refused it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.title}: {problem.detail}")
        self.problem = problem


class DuplicateClaimError(RefusedError):
    """Somebody runs or ran this experiment; ``matches`` says who and what came of it."""

    @property
    def reason(self) -> str:
        """Return what is the same: ``same-program``, ``same-change`` or ``paraphrase``."""
        return str(self.problem.extension.get("reason", "duplicate"))

    @property
    def matches(self) -> list[Match]:
        """Return the experiments that the claim repeats."""
        known = set(Match.model_fields)
        return [
            Match.model_validate({key: entry[key] for key in entry if key in known})
            for entry in self.problem.extension.get("matches", [])
        ]


class LeaseLostError(RefusedError):
    """The claim belongs to a later epoch: the result will be stored as late."""


class UnauthorizedError(RefusedError):
    """The key is missing, wrong or revoked."""


class NotFoundError(RefusedError):
    """The coordinator knows no such thing."""


class SetupError(WorkerError):
    """The person at the machine has to decide or repair something."""


class NameInUseError(SetupError):
    """Another process on this machine works under this name: stop it or choose another --name."""


class DataMismatchError(SetupError):
    """The data prepared here are not the campaign's, so results would not compare."""


class NotebookError(WorkerError):
    """The git notebook is not as the worker left it."""


class NoProposalError(WorkerError):
    """The proposer has nothing to suggest."""


def is_disk_full(error: Exception) -> bool:
    """Return whether there is no room left, as Python, git or SQLite say it."""
    return any(words in str(error) for words in ("No space left on device", "disk is full"))
