"""Who the worker is: a codename, registered by itself, with its key in a file of mode 600.

```
HOME/workers/<name>/identity.json    the key
HOME/workers/<name>/lock             held while a process works under this name; in it, where
HOME/workers/<name>/<campaign>/      notebook, outbox and workbench
```
"""

import contextlib
import fcntl
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from shared.wire.agents import AgentCreate
from worker.client import Client
from worker.errors import (
    CoordinatorUnreachableError,
    NameInUseError,
    RefusedError,
    SetupError,
    WorkerError,
)
from worker.outbox import Outbox, count_waiting
from worker.workbench import write_durably

_COLOURS = "amber azure coral crimson golden indigo ivory jade lilac ochre olive scarlet teal umber"
_ANIMALS = "badger crane falcon heron ibis lynx marten newt otter owl raven stoat tern vole wren"
MAX_NAME_TRIES = 5
LOOK_S = 1.0  # how long a seat may look taken to a worker that starts
NAME_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"


class Identity(BaseModel):
    """A registered agent."""

    model_config = ConfigDict(frozen=True)

    name: str
    agent_id: str
    api_key: str
    coordinator_url: str


class Seat:
    """The directory of one name; nobody else works under it while the seat is taken."""

    def __init__(self, directory: Path, lock: IO[str]) -> None:
        self.directory = directory
        self._lock = lock

    @property
    def name(self) -> str:
        """Return the agent's name."""
        return self.directory.name

    def work_in(self, campaign: str) -> None:
        """Let others see in which campaign the seat is taken."""
        self._lock.write(campaign)
        self._lock.flush()

    def leave(self) -> None:
        """Let another process take the seat."""
        self._lock.close()

    def give_up(self) -> None:
        """Leave, and remove the directory unless somebody has worked in it."""
        if [path.name for path in self.directory.iterdir()] == ["lock"]:
            with contextlib.suppress(OSError):  # somebody sits down here at this very moment
                (self.directory / "lock").unlink()
                self.directory.rmdir()
        self.leave()

    def take_over(self, former: "Seat") -> None:
        """Have what waits under a name that is no longer ours handed in from here."""
        for path in filter(count_waiting, former.directory.glob("*/outbox.sqlite")):
            with (
                Outbox(path) as theirs,
                Outbox(self.directory / path.parent.name / path.name) as ours,
            ):
                theirs.hand_over(ours)

    def identity(self) -> Identity | None:
        """Return who was registered here before."""
        return read_identity(self.directory)

    def keep(self, identity: Identity) -> None:
        """Store the key where only its owner can read it."""
        data = identity.model_dump_json(indent=2).encode()
        write_durably(self.directory / "identity.json", data, mode=0o600)


def take_seat(home: Path, name: str | None, coordinator_url: str) -> Seat:
    """Return the seat of ``name``, or a free one for this coordinator, or a new one.

    Where results wait comes first, so that they are handed in.

    Raises:
        NameInUseError: another process works under ``name``.
        SetupError: ``name`` cannot be an agent's name.
    """
    patience_until = time.monotonic() + LOOK_S
    if name is not None:
        if not re.fullmatch(NAME_PATTERN, name):
            raise SetupError(
                f"{name!r} cannot be an agent's name: use lower-case letters, digits and hyphens."
            )
        seat = _try_seat(home / "workers" / name, patience_until)
        if seat is None:
            raise NameInUseError(
                f"Another process works as {name} on this machine: stop it or choose another "
                "--name."
            )
        return seat
    for directory in sorted(_known(home), key=_rank):
        seat = _try_seat(directory, patience_until)
        if seat is None:
            continue
        identity = seat.identity()
        if identity is None or identity.coordinator_url == coordinator_url:
            return seat
        seat.leave()
    while True:
        seat = _try_seat(home / "workers" / codename())
        if seat is not None and seat.identity() is None:
            return seat


def sign_in(
    home: Path,
    client: Client,
    name: str | None,
    *,
    hardware: dict[str, Any],
    invite: str | None = None,
) -> tuple[Seat, Identity, bool]:
    """Take a seat with a key for this coordinator, registering where there is none.

    Returns:
        The seat, the identity and whether it was registered just now.

    Raises:
        SetupError: the name is taken, or belongs to another coordinator.
        CoordinatorUnreachableError: there is no key yet and nobody to give one.
    """
    passed_over: list[Seat] = []  # held until the end, so that the next try is another one
    taken: list[Seat] = []
    failure: WorkerError = SetupError("Every codename tried is taken: choose one with --name.")
    try:
        for _ in range(MAX_NAME_TRIES):
            seat = take_seat(home, name, client.base_url)
            try:
                identity, is_new = _identify(seat, client, hardware=hardware, invite=invite)
                for former in taken:
                    seat.take_over(former)
            except (RefusedError, CoordinatorUnreachableError) as error:
                passed_over.append(seat)
                if name is None and _is_taken(error):
                    # By a stranger, or by us before the key was lost: what lies there stays.
                    taken.append(seat)
                    continue
                failure = error
                if name is not None or not _has_key(home, client.base_url):
                    break
            except BaseException:
                seat.leave()
                raise
            else:
                return seat, identity, is_new
    finally:
        for seat in passed_over:
            seat.give_up()
    if isinstance(failure, RefusedError):
        raise SetupError(str(failure)) from failure
    raise failure


def campaign_at_work(directory: Path) -> str | None:
    """Return the campaign in which a process works in this seat, if one does."""
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # others may look at the same time
        except BlockingIOError:
            lock.seek(0)
            return lock.read()
    return None


def _identify(
    seat: Seat, client: Client, *, hardware: dict[str, Any], invite: str | None
) -> tuple[Identity, bool]:
    """Return who sits here and whether it was registered just now."""
    identity = seat.identity()
    if identity is None:
        return _register(seat, client, hardware=hardware, invite=invite), True
    _check(identity, client.base_url)
    return identity, False


def _is_taken(error: WorkerError) -> bool:
    return isinstance(error, RefusedError) and error.problem.status == 409


def _check(identity: Identity, coordinator_url: str) -> None:
    # On one's own machine the port says nothing: `swarmlab up --port` may take another one.
    is_local = all(_is_loopback(url) for url in (identity.coordinator_url, coordinator_url))
    if identity.coordinator_url != coordinator_url and not is_local:
        raise SetupError(
            f"{identity.name} is registered at {identity.coordinator_url}: choose another --name "
            f"for {coordinator_url}."
        )


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _register(
    seat: Seat, client: Client, *, hardware: dict[str, Any], invite: str | None
) -> Identity:
    created = client.register(AgentCreate(name=seat.name, invite=invite, hardware=hardware))
    identity = Identity(
        name=created.name,
        agent_id=str(created.agent_id),
        api_key=created.api_key,
        coordinator_url=client.base_url,
    )
    seat.keep(identity)
    return identity


def codename() -> str:
    """Return a name such as ``amber-otter-4821``."""
    colour = secrets.choice(_COLOURS.split())
    animal = secrets.choice(_ANIMALS.split())
    return f"{colour}-{animal}-{secrets.randbelow(9000) + 1000}"


def _known(home: Path) -> Iterator[Path]:
    workers = home / "workers"
    if workers.is_dir():
        yield from sorted(path for path in workers.iterdir() if path.is_dir())


def _rank(directory: Path) -> tuple[bool, bool]:
    """Return what sorts seats: where results wait first, and with a key before without."""
    return not _has_waiting_results(directory), read_identity(directory) is None


def _has_key(home: Path, coordinator_url: str) -> bool:
    identities = (read_identity(directory) for directory in _known(home))
    return any(each is not None and each.coordinator_url == coordinator_url for each in identities)


def read_identity(directory: Path) -> Identity | None:
    """Return who is registered in this seat."""
    try:
        return Identity.model_validate_json((directory / "identity.json").read_bytes())
    except FileNotFoundError:
        return None


def _has_waiting_results(directory: Path) -> bool:
    return any(count_waiting(path) for path in directory.glob("*/outbox.sqlite"))


def _try_seat(directory: Path, patience_until: float = 0.0) -> Seat | None:
    """Return the seat, ``None`` where it is not free until then, by the monotonic clock."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (directory / "lock").open("a")
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > patience_until:
                lock.close()
                return None
            time.sleep(0.01)  # somebody may only be looking, as `swarmlab status` does
    lock.truncate(0)  # who sat here before may have been in another campaign
    return Seat(directory, lock)
