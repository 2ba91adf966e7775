"""Commands of the volunteer. Heavy modules are imported when a command runs, not before."""

# ruff: noqa: PLC0415

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from worker.errors import SetupError, WorkerError
from worker.settings import WorkerSettings, read_settings

app = typer.Typer()


class OnStop(StrEnum):
    """What a request to stop does to the run that is under way."""

    FINISH = "finish"
    ABANDON = "abandon"


@app.command()
def worker(
    context: typer.Context,
    coordinator: Annotated[str | None, typer.Option(help="Address of the coordinator.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Which campaign to work on.")] = None,
    name: Annotated[str | None, typer.Option(help="The agent's name.")] = None,
    experiments: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many; default: go on for ever.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of a run.")] = None,
    gpu: Annotated[int | None, typer.Option(min=0, help="Index of the GPU to use.")] = None,
    proposer: Annotated[
        str | None, typer.Option(help="Who thinks: tpe, ideas, llm, centaur, command.")
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="What --proposer command runs in a clone of the notebook.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The language model that thinks.")] = None,
    max_usd_per_day: Annotated[
        float | None, typer.Option(min=0.0, help="Limit for thinking; training goes on.")
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="`all`: one worker per GPU of this machine.")
    ] = None,
    hours: Annotated[
        str | None,
        typer.Option(
            help="Start runs only then, local time, such as 22-7; the last one may end later."
        ),
    ] = None,
    only_when_idle: Annotated[
        bool, typer.Option("--only-when-idle", help="Start runs only while nobody uses the GPU.")
    ] = False,
    on_stop: Annotated[
        OnStop, typer.Option(help="What Ctrl-C does to the run; twice always abandons it.")
    ] = OnStop.ABANDON,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON event per line.")] = False,
) -> None:
    """Join a swarm: think, claim, train, keep or take back, publish, and again."""
    from shared.logs import configure_logs
    from worker.screen import make_reporter

    settings = _settings(
        "worker",
        coordinator_url=coordinator,
        campaign=campaign,
        agent_name=name,
        proposer=proposer,
        proposer_command=command,
        model=model,
        max_usd_per_day=max_usd_per_day,
    )
    if gpus is not None:
        raise typer.Exit(_run_on_all_gpus(context, gpus, settings.agent_name))
    configure_logs(is_json=as_json, level="WARNING")
    reporter = make_reporter(sys.stdout, is_json=as_json, agent=settings.agent_name or "new")
    with _explained("worker"):
        from worker.start import Limits, run_worker

        limits = Limits(
            experiments=experiments,
            num_threads=threads,
            gpu_index=gpu,
            finishes_run=on_stop is OnStop.FINISH,
            hours=hours,
            only_when_idle=only_when_idle,
        )
        try:
            run_worker(settings, limits, reporter)
        except BrokenPipeError as error:
            # Whoever read our events is gone, and would be told so again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from error


@app.command()
def status(
    name: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
) -> None:
    """Explain in five lines what each worker of this machine is at."""
    settings = _settings("status")
    with _explained("status"):
        from worker.status import read_desks, status_lines

        desks = list(read_desks(settings.home_path, name))
        for desk in desks:
            typer.echo("\n".join(status_lines(desk)))
        if not desks:
            typer.echo(_why_nothing(settings.home_path, name))


@app.command()
def night(
    name: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
    hours: Annotated[float, typer.Option(min=0.0, help="How far to look back.")] = 12.0,
) -> None:
    """Tell what happened while you slept: experiments, best, cost, curve, what was learned."""
    from datetime import UTC, datetime

    settings = _settings("night")
    with _explained("night"):
        from worker.night import night_lines
        from worker.status import read_desks

        desks = list(read_desks(settings.home_path, name))
        for desk in desks:
            typer.echo("\n".join(night_lines(desk, hours=hours, now=datetime.now(UTC))))
        if not desks:
            typer.echo(_why_nothing(settings.home_path, name))


@app.command()
def doctor(
    data: Annotated[Path | None, typer.Option(help="Folder of the prepared data.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Look at this machine as a run would find it; say what to do about what is missing."""
    from worker.doctor import Health, examine_machine

    settings = _settings("doctor")
    findings = examine_machine(
        data_dir=data or settings.home_path / "data", coordinator_url=settings.coordinator_url
    )
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            remedy = f"\n        {finding.remedy}" if finding.remedy else ""
            typer.echo(f"{finding.health:<7} {finding.part}: {finding.found}{remedy}")
    if any(finding.health is Health.PROBLEM for finding in findings):
        raise typer.Exit(1)


def _why_nothing(home: Path, name: str | None) -> str:
    """Return why there is nothing to tell of the workers asked for."""
    known = sorted(path.parent.name for path in (home / "workers").glob("*/identity.json"))
    if not known:
        return "No worker has been started here yet: `swarmlab worker` starts one."
    if name is not None and name not in known:
        return f"No worker named {name} here; there are: {', '.join(known)}."
    return f"{name or ', '.join(known)}: started here, but has not begun to work yet."


def _run_on_all_gpus(context: typer.Context, gpus: str, name: str | None) -> int:
    """Run this very command once per GPU, without what makes it a fleet."""
    from worker.fleet import gpu_count, run_fleet, worker_commands

    if gpus != "all":
        raise typer.BadParameter("say --gpus all, or --gpu with the index of one")
    count = gpu_count()
    if not count:
        typer.echo("swarmlab worker: no GPU is here; leave --gpus away to use the CPU.", err=True)
        return 1
    own = {"gpus", "gpu", "name"}
    arguments = [
        argument
        for option in context.command.params
        if option.name not in own and context.params.get(option.name or "") is not None
        for argument in _as_arguments(option.opts[0], context.params[option.name or ""])
    ]
    return run_fleet(worker_commands(arguments, gpus=count, name=name), sys.stdout)


def _as_arguments(option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option] if value else []
    return [option, str(value)]


@contextmanager
def _explained(command: str) -> Iterator[None]:
    """Turn what the person at the machine has to see to into a sentence and an exit code.

    Without git this is said first: the modules that keep notebooks cannot even be imported then.
    """
    from worker.doctor import require_git
    from worker.runner import LabError, PrepareError

    try:
        require_git()
        yield
    except (WorkerError, PrepareError, LabError, ValueError) as error:
        typer.echo(f"swarmlab {command}: {error}", err=True)
        raise typer.Exit(1) from error


def _settings(command: str, **given: Any) -> WorkerSettings:
    try:
        return read_settings(**given)
    except SetupError as error:
        typer.echo(f"swarmlab {command}: {error}", err=True)
        raise typer.Exit(2) from error
