"""Running the service in this process."""

import gc
import resource
import signal
import socket
from types import FrameType

import uvicorn

from coordinator.app import create_app
from coordinator.embedded import PostgresLostError, Services, running_services
from coordinator.ports import refuse_taken_port
from coordinator.schema import migrate
from coordinator.settings import CoordinatorSettings

MAX_FILES = 65_536
STARTUP_FAILED = 3


def serve(settings: CoordinatorSettings, *, host: str, port: int) -> None:
    """Bring the database up to date and serve until SIGTERM or SIGINT.

    Raises:
        HomeInUseError: Another process runs embedded services in the same home.
        NewerDatabaseError: The database is of a later release.
        PortTakenError: Nothing can listen there.
        PostgresLostError: The embedded Postgres ended by itself.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    _allow_many_connections()
    with running_services(settings) as services:
        refuse_taken_port(host, port)  # before the seconds that the rest takes
        migrate(services.database_url)
        config = uvicorn.Config(
            create_app(settings, services),
            host=host,
            port=port,
            log_config=None,  # the records go to the handler that configure_logs installed
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        server = _Server(config, services)
        server.run()
        if services.has_lost_postgres():
            # Nobody would start it again while we run on and answer 503; whoever watches over us
            # starts us again, and it with us.
            raise PostgresLostError(
                "the embedded Postgres has ended: start the coordinator again; "
                f"{settings.home_path / 'postgres' / 'log'} may say why"
            )
    if not server.started:
        raise SystemExit(STARTUP_FAILED)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What was loaded by now, half a million objects, stays: looked through at every full
        # collection, it would stop all requests for a quarter of a second each time.
        gc.collect()
        gc.freeze()
        # Some readings of each claim are kept. Looked through by the thousand, when enough have
        # come together, they would stop one claim in thirty for 30 ms.
        gc.set_threshold(100_000, 1_000, 10)

    async def on_tick(self, counter: int) -> bool:
        if not self.server_state.tasks:
            gc.collect(0)  # while nobody waits: a millisecond, ten times a second at most
        is_lost = counter % 10 == 0 and self._services.has_lost_postgres()  # asked once a second
        return await super().on_tick(counter) or is_lost


def _allow_many_connections() -> None:
    """Raise the number of open files, which is often 1,024: as many idle clients would be all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Unwind, so that the embedded services stop too.

    Uvicorn shuts down by itself and then raises its signal once more; by default that would end
    the process on the spot and leave Postgres and Redis behind.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)
