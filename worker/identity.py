"""Who the worker is: a codename, registered by itself, with its key in a file of mode 600.

```
HOME/workers/<name>/identity.json    the key
HOME/workers/<name>/lock             held while a process works under this name; in it, where
HOME/workers/<name>/<campaign>/      notebook, outbox and workbench
```
"""

import fcntl
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from shared.wire.agents import AgentCreate
from worker.client import Client
from worker.errors import NameInUseError, RefusedError, SetupError
from worker.workbench import write_durably

_COLOURS = "amber azure coral crimson golden indigo ivory jade lilac ochre olive scarlet teal umber"
_ANIMALS = "badger crane falcon heron ibis lynx marten newt otter owl raven stoat tern vole wren"
MAX_NAME_TRIES = 5
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

    def identity(self) -> Identity | None:
        """Return who was registered here before."""
        try:
            return Identity.model_validate_json((self.directory / "identity.json").read_bytes())
        except FileNotFoundError:
            return None

    def keep(self, identity: Identity) -> None:
        """Store the key where only its owner can read it."""
        data = identity.model_dump_json(indent=2).encode()
        write_durably(self.directory / "identity.json", data, mode=0o600)


def take_seat(home: Path, name: str | None, coordinator_url: str) -> Seat:
    """Return the seat of ``name``, or the first free one for this coordinator, or a new one.

    Raises:
        NameInUseError: another process works under ``name``.
        SetupError: ``name`` cannot be an agent's name.
    """
    if name is not None:
        if not re.fullmatch(NAME_PATTERN, name):
            raise SetupError(
                f"{name!r} cannot be an agent's name: use lower-case letters, digits and hyphens."
            )
        seat = _try_seat(home / "workers" / name)
        if seat is None:
            raise NameInUseError(
                f"Another process works as {name} on this machine: stop it or choose another "
                "--name."
            )
        return seat
    for directory in _known(home):
        seat = _try_seat(directory)
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
    for _ in range(MAX_NAME_TRIES):
        seat = take_seat(home, name, client.base_url)
        try:
            identity = seat.identity()
            if identity is not None:
                return seat, _checked(identity, client.base_url), False
            return seat, _register(seat, client, hardware=hardware, invite=invite), True
        except RefusedError as error:
            seat.leave()
            if error.problem.status != 409 or name is not None:
                raise SetupError(str(error)) from error
            # Somebody elsewhere has this codename.
            shutil.rmtree(seat.directory)
        except BaseException:
            seat.leave()
            raise
    raise SetupError("Every codename tried is taken: choose one with --name.")


def campaign_at_work(directory: Path) -> str | None:
    """Return the campaign in which a process works in this seat, if one does."""
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            return lock.read()
    return None


def _checked(identity: Identity, coordinator_url: str) -> Identity:
    # On one's own machine the port says nothing: `swarmlab up --port` may take another one.
    is_local = all(_is_loopback(url) for url in (identity.coordinator_url, coordinator_url))
    if identity.coordinator_url != coordinator_url and not is_local:
        raise SetupError(
            f"{identity.name} is registered at {identity.coordinator_url}: choose another --name "
            f"for {coordinator_url}."
        )
    return identity


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


def _try_seat(directory: Path) -> Seat | None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (directory / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.truncate(0)  # who sat here before may have been in another campaign
    return Seat(directory, lock)
