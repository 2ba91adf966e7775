"""Real services for the tests: one embedded Postgres and Redis, a fresh database each."""

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
import structlog
from psycopg import sql
from sqlalchemy import make_url

from coordinator.embedded import Services, running_services
from coordinator.schema import migrate
from coordinator.settings import CoordinatorSettings
from shared.ids import new_id
from tests.factories import AgentClient, add_campaign, serving

TEMPLATE = "swarmlab_template"

# A coordinator in the tests' own process logs as one in earnest does. structlog's own default draws
# tracebacks with every variable, for seconds, while nobody else gets to run.
structlog.configure(
    processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
)


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Embedded Postgres and Redis that live as long as the test run."""
    with tempfile.TemporaryDirectory(prefix="swarmlab-tests-") as home:
        # Postgres runs as another user when we are root, and must get into the folder.
        Path(home).chmod(0o755)
        settings = CoordinatorSettings(
            _env_file=None, DATABASE_URL=None, REDIS_URL=None, home=Path(home)
        )
        with running_services(settings) as running:
            # Processes die in these tests, machines do not: what the kernel holds is safe, and how
            # busy the disk is decides no test.
            run_sql(running.database_url, "ALTER SYSTEM SET fsync = off")
            run_sql(running.database_url, "SELECT pg_reload_conf()")
            yield running


def database_url_of(services: Services, database: str) -> str:
    return make_url(services.database_url).set(database=database).render_as_string(False)


def connected(database_url: str, *, autocommit: bool = True) -> psycopg.Connection:
    url = make_url(database_url).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(False), autocommit=autocommit)


def run_sql(database_url: str, statement: sql.Composed | str) -> None:
    with connected(database_url) as connection:
        connection.execute(statement)


def query(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    with connected(database_url) as connection:
        return connection.execute(statement).fetchall()


def until(condition: Callable[[], Any], *, limit_s: float = 30) -> None:
    """Wait for what another process or thread does by itself."""
    pause, deadline = Event(), time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {limit_s} s"
        pause.wait(0.02)


@pytest.fixture(scope="session")
def template_database(services: Services) -> str:
    """A migrated, empty database to copy from."""
    run_sql(services.database_url, f"CREATE DATABASE {TEMPLATE}")
    migrate(database_url_of(services, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(services: Services, template_database: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{new_id().hex}"
    run_sql(services.database_url, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    yield database_url_of(services, name)
    run_sql(services.database_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def coordinator_url(services: Services, database_url: str) -> Iterator[str]:
    """A served coordinator with the tiny campaign, on a database of the test's own."""
    add_campaign(database_url)
    with serving(Services(database_url=database_url, redis_url=services.redis_url)) as url:
        yield url


@pytest.fixture
def agent(coordinator_url: str) -> Iterator[AgentClient]:
    """A registered agent."""
    client = AgentClient(coordinator_url)
    yield client
    client.close()


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
