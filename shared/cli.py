"""The ``swarmlab`` command: whatever the installed parts bring.

Coordinator and worker register their Typer apps as entry points, so that a volunteer's machine
needs no server and an operator's no trainer.
"""

from importlib.metadata import EntryPoint, entry_points

import typer

from shared.signals import STOPPED, end_in_order

app = typer.Typer(
    name="swarmlab",
    help="SETI@home for autonomous ML research.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the console script."""
    end_in_order()
    try:
        for entry_point in entry_points(group="swarmlab.commands"):
            _add_commands(entry_point)
        app()
    except KeyboardInterrupt:  # before the command itself could take it
        raise SystemExit(STOPPED) from None


def _add_commands(entry_point: EntryPoint) -> None:
    try:
        app.add_typer(entry_point.load())
    except ModuleNotFoundError as error:
        typer.echo(
            f"swarmlab: the {entry_point.name} commands are not installed ({error.name} is "
            f"missing): pip install 'swarmlab[{entry_point.name}]' brings them.",
            err=True,
        )


if __name__ == "__main__":
    main()
