"""The tables, all of them, and the way to bring a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import MetaData, make_url

from coordinator.agents import models as agents
from coordinator.bests import models as bests
from coordinator.campaigns import models as campaigns
from coordinator.db import Base
from coordinator.events import models as events
from coordinator.experiments import models as experiments
from coordinator.ideas import models as ideas
from coordinator.insights import models as insights
from coordinator.programs import models as programs
from coordinator.results import models as results

# Naming the modules is what fills the metadata.
TABLES = (agents, bests, campaigns, events, experiments, ideas, insights, programs, results)


class NewerDatabaseError(RuntimeError):
    """The database is ahead of this release."""


def metadata() -> MetaData:
    """Return the metadata with every table in it."""
    return Base.metadata


def alembic_config(database_url: str) -> Config:
    """Return Alembic's configuration for this database."""
    config = Config()
    folder = Path(__file__).parent.parent / "migrations"
    config.set_main_option("script_location", str(folder))
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    config.attributes["url"] = url
    return config


def migrate(database_url: str) -> None:
    """Bring the database up to date; safe when several replicas do it at once.

    Raises:
        NewerDatabaseError: A later release has changed it in a way that is not known here.
    """
    try:
        command.upgrade(alembic_config(database_url), "head")
    except CommandError as error:
        raise NewerDatabaseError(
            f"the database is of a newer swarmlab ({error}): upgrade this one, or restore the "
            "backup that was made before"
        ) from error
