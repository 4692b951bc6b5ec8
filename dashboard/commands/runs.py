"""Commands about benchmark runs that are kept: list, show, compare, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.common import done, emit, json_option, opened, say
from dashboard.commands.run_files import check_run, comparison, document_of, judged_by, pair_in_words, write
from dashboard.commands.run_table import show as show_run
from db.errors import RequestError
from db.words import counted

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dashboard.benchmark.target import Target
    from db.runs import Run

MOST = 1_000

DRIFTED = 0.1
"""Exact search that changed by more than this between two runs says that the machine did."""


@click.group()
def runs() -> None:
    """The benchmark runs that are kept; they never change."""


@runs.command("list")
@click.argument("column", required=False)
@click.option("--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="At most so many.")
@json_option
def list_kept(*, column: str | None, limit: int, as_json: bool) -> None:
    """List the runs, of COLUMN alone when given, newest first."""
    from db.catalog import find_column
    from db.runs import list_runs

    with opened() as instance, instance.database.reading("runs") as connection:
        of = find_column(connection, column) if column else None
        found = [_line(connection, run) for run in list_runs(connection, of, limit=limit)]
    if as_json:
        emit({"runs": found})
        return
    if not found:
        say("There are no runs. Begin with: python -m dashboard benchmark SCHEMA.TABLE.COLUMN")
    for line in found:
        began, trials = f"{line['started_at']:%Y-%m-%d %H:%M}", counted(line["trials"], "trial")
        click.echo(f"{line['run']:>5}  {began}  {line['state']:10} {line['column']}  {trials}")
        if line["said"]:
            click.echo(f"       {line['said']}")


def _line(connection: Connection, run: Run) -> dict[str, Any]:
    names = ("state", "created_by", "started_at", "finished_at", "rows", "queries")
    return {
        "run": run.id,
        "column": run.subject,
        **{name: getattr(run, name) for name in names},
        "trials": len(run.trials),
        "said": _said(connection, run),
    }


def _said(connection: Connection, run: Run) -> str | None:
    """Say what a run found for the first k and filter that it asked; None while it has no trial."""
    from dashboard.benchmark.judged import judged, said, sampled
    from dashboard.benchmark.ties import rivals, weighed
    from db.runs import figures

    first = next(iter(judged(run, {})), None)
    if first is None:
        return None
    near = [first.verdict.index, *rivals(first.verdict, first.copies)]
    known = figures(connection, run.id, [trial.position for trial in near if trial])
    return f"{said(weighed(first.verdict, first.copies, known))} {sampled(run)}".strip()


@runs.command()
@click.argument("run", type=int)
@judged_by
@json_option
def show(*, run: int, target: Target | None, as_json: bool) -> None:
    """Show RUN: its trials, the verdict against a recall and a latency, and how its arms grow."""
    with opened() as instance:
        document = document_of(instance, run, target)
    if as_json:
        emit(document)
        return
    click.echo(f"Run {run} of {document['column']}, {document['state']}, by {document['created_by']}")
    show_run(document)


@runs.command()
@click.argument("run_ids", metavar="RUN OTHER...", type=int, nargs=-1, required=True)
@json_option
def compare(*, run_ids: tuple[int, ...], as_json: bool) -> None:
    """Compare RUN with each OTHER: what changed since, with its 95 % interval and what that says."""
    first, *others = run_ids
    if not others or first in others:
        raise RequestError(
            f"Run {first} has nothing to be compared with.", "Name two runs or more, each another one."
        )
    with opened() as instance:
        found = [comparison(instance, first, other) for other in others]
    if as_json:
        emit({"compared": found})
        return
    for each in found:
        _tell(each)


def _tell(found: dict[str, Any]) -> None:
    same = "the same queries, each compared with itself" if found["same_queries"] else "other queries or rows"
    click.echo(f"Run {found['after']} beside run {found['before']}: {same}.")
    if not found["pairs"]:
        click.echo("No index and setting was measured in both.")
    for pair in found["pairs"]:
        click.echo(f"  {pair_in_words(pair)}")
    if found["drift"] and abs(found["drift"] - 1) > DRIFTED:
        click.echo(
            f"  Exact search, which nothing changed, took {found['drift']:.2f} times as long at the median: "
            "part of every change in latency is the machine's."
        )
    if found["other_cpu"]:
        click.echo(f"  {found['other_cpu']}")
    if found["changed"]:
        click.echo(f"  Changed in between: {', '.join(found['changed'])}.")


@runs.command()
@click.argument("run", type=int)
@click.option("--format", "name", default="csv", show_default=True, help="csv, json, parquet, html or hdf5.")
@click.option("--to", type=click.Path(path_type=Path), help="The file.  [default: run-RUN with its suffix]")
@json_option
def export(*, run: int, name: str, to: Path | None, as_json: bool) -> None:
    """Write RUN to a file, with the figures of every query where the format holds them."""
    from dashboard.benchmark.export import format_named

    wanted = format_named(name)
    file = to or Path(f"run-{run}.{wanted.suffix}")
    if file.exists():
        raise RequestError(f"{file} exists already.", "Choose another name, or remove it.")
    with opened() as instance:
        check_run(instance, run)
        write(instance, run, {str(file): wanted})
    document = {"run": run, "format": wanted.name, "file": str(file), "size_bytes": file.stat().st_size}
    done(document, f"Run {run} written to {file} as {wanted.label}.", as_json=as_json)
