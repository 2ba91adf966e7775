"""Running the service in this process."""

import signal
from types import FrameType

import uvicorn

from coordinator.app import create_app
from coordinator.embedded import running_services
from coordinator.schema import migrate
from coordinator.settings import CoordinatorSettings


def serve(settings: CoordinatorSettings, *, host: str, port: int) -> None:
    """Bring the database up to date and serve until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with running_services(settings) as services:
        migrate(services.database_url)
        # log_config=None: the records go to the handler that configure_logs installed.
        uvicorn.run(
            create_app(settings, services),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Unwind, so that the embedded services stop too.

    Uvicorn shuts down by itself and then raises its signal once more; by default that would end
    the process on the spot and leave Postgres and Redis behind.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)
