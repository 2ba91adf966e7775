"""`swarmlab dedup`: measure the dedup on labelled pairs and on real logs."""

# ruff: noqa: PLC0415

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

if TYPE_CHECKING:
    from coordinator.dedup.evaluation import Score
    from coordinator.dedup.replay import Replay

app = typer.Typer(help="Measure what the dedup blocks and misses.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        envvar="SWARMLAB_EMBEDDING_MODEL", help="Hub name or folder; default: packaged MiniLM."
    ),
]
ProgramOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Program that the pairs are about; default: the reference's settings.",
    ),
]


@app.command("eval")
def evaluate(
    pairs: Annotated[Path, typer.Argument(help="TSV with the columns label category a b.")],
    as_json: JsonOption = False,
    model: ModelOption = None,
    program: ProgramOption = None,
) -> None:
    """Print precision, recall and F1 on labelled pairs, for our rule and for cosine > 0.92.

    Half of such pairs are the same, few claims are: one is refused only where that is surer.
    """
    from coordinator.dedup.cross_encoder import CrossEncoder
    from coordinator.dedup.evaluation import (
        ProgramError,
        by_cosine,
        by_rule,
        read_pairs,
        read_vocabulary,
        score,
    )
    from coordinator.dedup.tables import TableError
    from coordinator.search.embedder import Embedder, EmbeddingModelError
    from shared.words import REFERENCE_VOCABULARY

    console = Console(stderr=True)
    try:
        vocabulary = REFERENCE_VOCABULARY if program is None else read_vocabulary(program)
        with nullcontext() if as_json else console.status("embedding the pairs"):
            labelled = read_pairs(pairs, Embedder(model))
        with nullcontext() if as_json else console.status("reading the pairs"):
            verdicts = by_rule(labelled, CrossEncoder(), vocabulary)
    except (TableError, ProgramError, EmbeddingModelError) as error:
        raise typer.BadParameter(str(error)) from error
    ours = score(labelled, (verdict.is_duplicate for verdict in verdicts))
    refused = score(labelled, (verdict.refuses for verdict in verdicts))
    cosine = score(labelled, by_cosine(labelled))
    if as_json:
        told = {**ours.as_json(), "refused": refused.as_json()}
        typer.echo(json.dumps({"ours": told, "cosine_0_92": cosine.as_json()}))
        return
    _print_scores({"ours": ours, "ours, to refuse a claim": refused, "cosine_0_92": cosine})


@app.command("replay")
def replay_log(
    log: Annotated[Path, typer.Argument(help="Result log with description or hypothesis.")],
    as_json: JsonOption = False,
    model: ModelOption = None,
) -> None:
    """Print which rows of a result log the dedup would have refused, and why."""
    from coordinator.dedup.cross_encoder import CrossEncoder
    from coordinator.dedup.replay import embed_log, read_log, replay, replay_cosine
    from coordinator.dedup.tables import TableError
    from coordinator.search.embedder import Embedder, EmbeddingModelError

    try:
        rows = read_log(log)
        with Progress(console=Console(stderr=True), disable=as_json, transient=True) as progress:
            embedding = progress.add_task("embedding", total=None)
            vectors = embed_log(rows, Embedder(model))
            progress.remove_task(embedding)
            replaying = progress.add_task("replaying", total=len(rows))
            ours = replay(rows, vectors, CrossEncoder(), lambda: progress.advance(replaying))
    except (TableError, EmbeddingModelError) as error:
        raise typer.BadParameter(str(error)) from error
    results = {"ours": ours, "cosine_0_92": replay_cosine(rows, vectors)}
    if as_json:
        typer.echo(json.dumps({name: result.as_json() for name, result in results.items()}))
        return
    _print_replays(results)


def _print_scores(scores: "dict[str, Score]") -> None:
    console = Console()
    table = Table("rule", "precision", "recall", "F1", "false blocks", "missed")
    for name, result in scores.items():
        table.add_row(
            name,
            f"{result.precision:.3f}",
            f"{result.recall:.3f}",
            f"{result.f1:.3f}",
            str(len(result.false_blocks)),
            str(len(result.missed)),
        )
    console.print(table)
    errors = Table("category", "pairs", "false blocks", "missed", title="ours, where it errs")
    for category, counts in scores["ours"].as_json()["by_category"].items():
        if counts["false_blocks"] or counts["missed"]:
            errors.add_row(category, *(str(counts[key]) for key in counts))
    console.print(errors)


def _print_replays(results: "dict[str, Replay]") -> None:
    console = Console()
    table = Table("rule", "rows", "blocked", "keeps", "keeps blocked", "concurrent")
    for name, result in results.items():
        figures = result.as_json()
        counts = [str(figures[key]) for key in ("rows", "blocked", "keeps", "keeps_blocked")]
        table.add_row(name, *counts, str(len(result.concurrent)))
    console.print(table)
    for title, blocks in (
        ("blocked", results["ours"].blocks),
        ("concurrent with what they repeat", results["ours"].concurrent),
    ):
        if blocks:
            console.print(f"\n{title}:")
        for block in blocks:
            console.print(
                f"{block.row.id} [{block.row.status}] {block.reason}: {block.detail}\n"
                f"    {block.row.text}\n"
                f"  = {block.match.id} [{block.match.status}] {block.match.text}",
                markup=False,
                highlight=False,
            )
