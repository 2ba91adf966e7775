"""The ``swarmlab`` command: whatever the installed parts bring.

Coordinator and worker register their Typer apps as entry points, so that a volunteer's machine
needs no server and an operator's no trainer.
"""

from importlib.metadata import entry_points

import typer

app = typer.Typer(
    name="swarmlab",
    help="SETI@home for autonomous ML research.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the console script."""
    for entry_point in entry_points(group="swarmlab.commands"):
        try:
            app.add_typer(entry_point.load())
        except ModuleNotFoundError as error:
            typer.echo(
                f"swarmlab: the {entry_point.name} commands are not installed ({error.name} is "
                f"missing): pip install 'swarmlab[{entry_point.name}]' brings them.",
                err=True,
            )
    app()


if __name__ == "__main__":
    main()
