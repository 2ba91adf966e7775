"""Commands of the operator. Heavy modules are imported when a command runs, not before."""

# ruff: noqa: PLC0415

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from coordinator.dedup.cli import app as dedup_app
from shared.logs import configure_logs
from shared.signals import STOPPED, stop_event

app = typer.Typer()
campaign_app = typer.Typer(help="Create campaigns.", no_args_is_help=True)
app.add_typer(campaign_app, name="campaign")
app.add_typer(dedup_app, name="dedup")

CAMPAIGNS_FOLDER = Path(__file__).parent.parent / "campaigns"
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
FolderArgument = Annotated[Path, typer.Argument(help="Folder with prepare.py, train.py, *.toml.")]
ProfileOption = Annotated[str, typer.Option(help="Which *.toml of the folder.")]


@app.command()
def coordinator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    json_logs: Annotated[bool, typer.Option("--json", help="Log JSON lines.")] = False,
) -> None:
    """Run the coordinator: migrate the database, then serve until Ctrl-C."""
    from coordinator.server import serve
    from coordinator.settings import CoordinatorSettings

    configure_logs(is_json=json_logs)
    with _failing_in_a_sentence("coordinator"):
        serve(CoordinatorSettings(), host=host, port=port)


@app.command()
def migrate() -> None:
    """Bring the database up to date and exit."""
    from coordinator.embedded import running_services
    from coordinator.schema import migrate as migrate_database
    from coordinator.settings import CoordinatorSettings

    configure_logs()
    with (
        _failing_in_a_sentence("migrate"),
        running_services(CoordinatorSettings()) as services,
    ):
        migrate_database(services.database_url)
    typer.echo("The database is up to date.")


@campaign_app.command("create")
def create_campaign(
    folder: FolderArgument = CAMPAIGNS_FOLDER / "nanochat",
    profile: ProfileOption = "cpu-demo",
    as_json: JsonOption = False,
) -> None:
    """Create a campaign; doing so again with the same content changes nothing."""
    from coordinator.campaigns.creation import create_from_folder
    from coordinator.campaigns.data import PreparationStoppedError
    from coordinator.embedded import running_services
    from coordinator.schema import migrate as migrate_database
    from coordinator.settings import CoordinatorSettings

    configure_logs()
    with _failing_in_a_sentence("campaign create"):
        settings = CoordinatorSettings()
        with running_services(settings) as services, stop_event() as stop:
            migrate_database(services.database_url)
            try:
                created = asyncio.run(
                    create_from_folder(
                        services.database_url,
                        folder,
                        profile,
                        home=settings.home_path,
                        should_stop=stop.is_set,
                    )
                )
            except PreparationStoppedError:
                raise typer.Exit(STOPPED) from None
    if as_json:
        typer.echo(json.dumps({"name": created.name, "harness_sha256": created.harness_sha256}))
    else:
        typer.echo(f"Campaign {created.name} is ready (harness {created.harness_sha256[:12]}).")


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, help="How many workers to run.")] = 1,
    experiments: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many; default: go on until Ctrl-C.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the coordinator.")] = 8000,
    profile: ProfileOption = "cpu-demo",
    as_json: JsonOption = False,
) -> None:
    """Run a whole swarm on this machine: Postgres, Redis, coordinator, campaign, workers."""
    from coordinator.laptop.swarm import SwarmPlan, run_swarm
    from coordinator.settings import CoordinatorSettings

    configure_logs(level="WARNING")
    plan = SwarmPlan(
        folder=CAMPAIGNS_FOLDER / "nanochat",
        profile=profile,
        workers=workers,
        experiments=experiments,
        port=port,
    )
    with _failing_in_a_sentence("up"):
        raise typer.Exit(run_swarm(CoordinatorSettings(), plan, as_json=as_json))


@contextmanager
def _failing_in_a_sentence(command: str) -> Iterator[None]:
    """End the command with one line that says what to mend, where that is the operator's to do.

    Whatever else goes wrong is ours, and keeps its traceback.
    """
    from pydantic import ValidationError
    from sqlalchemy.exc import ArgumentError, OperationalError

    from coordinator.campaigns.data import DataPreparationError
    from coordinator.campaigns.folder import CampaignFolderError
    from coordinator.embedded import HomeInUseError, PostgresLostError
    from coordinator.errors import SwarmlabError
    from coordinator.ports import PortTakenError
    from coordinator.schema import NewerDatabaseError
    from coordinator.settings import CoordinatorSettings

    try:
        yield
    except ValidationError as error:
        is_setting = error.title == CoordinatorSettings.__name__
        sentence = "; ".join(
            f"correct {_as_written(each['loc'], is_setting=is_setting)}: {each['msg']}"
            for each in error.errors()
        )
    except ArgumentError:
        sentence = (
            "DATABASE_URL is no address of a database: write it as "
            "postgresql://user:password@host/database, or unset it"
        )
    except OperationalError as error:
        reason = str(error.orig).partition("\n")[0]
        sentence = f"Postgres does not serve ({reason}): start it, or correct DATABASE_URL"
    except FileNotFoundError as error:
        sentence = f"there is no {error.filename}: correct the folder or --profile"
    except (
        *(HomeInUseError, NewerDatabaseError, PortTakenError, PostgresLostError),
        *(CampaignFolderError, DataPreparationError, SwarmlabError),
    ) as error:
        sentence = str(error)
    else:
        return
    typer.echo(f"swarmlab {command}: {sentence}", err=True)
    raise typer.Exit(1)


def _as_written(location: tuple[int | str, ...], *, is_setting: bool) -> str:
    name = ".".join(map(str, location))
    return f"SWARMLAB_{name.upper()}" if is_setting else f"{name} in the profile"
