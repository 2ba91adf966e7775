"""Running the service in this process."""

import uvicorn

from coordinator.app import create_app
from coordinator.embedded import running_services
from coordinator.schema import migrate
from coordinator.settings import CoordinatorSettings


def serve(settings: CoordinatorSettings, *, host: str, port: int) -> None:
    """Bring the database up to date and serve until SIGTERM or SIGINT."""
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
