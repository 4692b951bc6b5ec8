"""Import a file: validated first, then all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dashboard.commands.common import ProgressLine, column_names, emit, json_option, opened, say
from dashboard.commands.following import carry_out
from dashboard.instance import Instance
from db.columns import spelled, split_name
from db.errors import RequestError
from db.words import counted

SHOWN = 20
"""Errors a dry run prints; --json has a hundred, and --rejects writes a hundred thousand."""


def _pairs(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for pair in given:
        source, sign, name = pair.rpartition("=")
        if not (sign and source):
            raise click.BadParameter(f"{pair!r} is not FILE_COLUMN=TABLE_COLUMN.")
        pairs[source] = name
    return pairs


@click.command("import")
@click.argument("file", type=click.Path())
@click.option("--table", required=True, help="[SCHEMA.]TABLE to import into.")
@click.option("--create", is_flag=True, help="Make the table, with the columns of the file.")
@click.option("--key", multiple=True, help="Column that tells rows apart; may be repeated.")
@click.option("--vector", help="Column of the table for the vectors; each of its values must be one.")
@click.option(
    "--mode",
    default="insert",
    show_default=True,
    help="What to do with keys that exist: insert, update, skip.",
)
@click.option(
    "--map",
    "columns",
    multiple=True,
    callback=_pairs,
    metavar="FILE_COL=TABLE_COL",
    help="Nothing after =: leave out.",
)
@click.option("--embed", "text", callback=column_names, help='Columns to embed, such as Title,"Major Genre".')
@click.option("--embedder", default="hashing-384", show_default=True, help="What makes vectors of text.")
@click.option(
    "--type",
    "vector_type",
    default="vector",
    show_default=True,
    help="Of a new table's vectors: vector, halfvec.",
)
@click.option("--dataset", help="Which one of an HDF5 file: train, test...")
@click.option("--leave-out-bad-rows", is_flag=True, help="Import the rows that can be, without the others.")
@click.option("--dry-run", is_flag=True, help="Validate only: nothing is written.")
@click.option(
    "--rejects",
    type=click.Path(),
    metavar="FILE.csv",
    help="Write the bad rows there, each with its reason: 100,000 at most, arrays of CSV and JSON alone.",
)
@json_option
def import_file(
    *,
    file: str,
    table: str,
    create: bool,
    key: tuple[str, ...],
    vector: str | None,
    mode: str,
    columns: dict[str, str],
    text: tuple[str, ...],
    embedder: str,
    vector_type: str,
    dataset: str | None,
    leave_out_bad_rows: bool,
    dry_run: bool,
    rejects: str | None,
    as_json: bool,
) -> None:
    """Bring FILE into a table: CSV, JSON, Parquet, NPY, NPZ, fvecs, bvecs, ivecs or HDF5."""
    from dashboard.seeding.imports.request import ImportRequest

    schema, name = split_name(table, 2)
    request = ImportRequest(
        path=str(Path(file).absolute()),
        name=Path(file).name,
        schema=schema,
        table=name,
        create=create,
        key=key,
        vector=vector,
        mode=mode,
        columns=columns,
        text=text,
        embedder=embedder,
        type=vector_type,
        dataset=dataset,
        leave_out_bad_rows=leave_out_bad_rows,
        dry_run=dry_run,
        rejects=str(Path(rejects).absolute()) if rejects else None,
    )
    _check_text(file, rejects or "", vector or "", *key, *text, *columns, *columns.values())
    with opened(migrated=not dry_run) as instance:
        if dry_run:
            document = _validated(instance, request)
        else:
            job = carry_out(instance, "import", request.to_params())
            document = {"job": job.id, **(job.result or {})}
    if as_json:
        emit(document)
    elif dry_run:
        _tell_plan(document)
    else:
        _tell(document)
    if document.get("refusal"):
        click.get_current_context().exit(1)


def _check_text(*given: str) -> None:
    """Raise RequestError for what no job can keep: each byte that is not UTF-8 comes as half a pair."""
    for text in given:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RequestError(f"{text!r} is not UTF-8.", "Rename it, or use another.") from None


def _validated(instance: Instance, request: Any) -> dict[str, Any]:
    from dashboard.seeding.imports.validate import validate

    line = ProgressLine()
    try:
        plan = validate(
            instance.database, request, lambda done, rows: line.show(f"checking · {done:,} of {rows:,} rows")
        )
    finally:
        line.end()
    return plan.to_document()


def _tell_plan(plan: Mapping[str, Any]) -> None:
    from dashboard.seeding.imports.rejects import WRITTEN

    into = spelled(plan["schema"], plan["table"])
    new = " (new)" if plan["create"] else ""
    say(f"{plan['file']}: {counted(plan['rows'])} ({plan['format']}), into {into}{new}")
    for column in plan["columns"]:
        say(f"  {column['file'] or '(made here)'} -> {column['table']} {column['type']}")
    for name in plan["left_out"]:
        say(f"  {name} -> left out: the table has no such column, or makes it itself")
    counts = ", ".join(
        f"{count:,} {what.replace('_', ' ')}" for what, count in plan["outcome"].items() if count
    )
    say(f"Would be: {counts or 'nothing'}.")
    for note in plan["notes"]:
        say(f"  {note}")
    for error in plan["errors"][:SHOWN]:
        say(f"  row {error['row']:,}{', ' + error['column'] if error['column'] else ''}: {error['text']}")
    if plan["error_count"] > SHOWN:
        listed = f"the first {WRITTEN:,}" if plan["error_count"] > WRITTEN else "them all"
        say(f"  and {plan['error_count'] - SHOWN:,} more; --rejects FILE.csv lists {listed}")
    if plan["refusal"]:
        say(f"Error: {plan['refusal']}\n{plan['remedy']}")


def _tell(done: Mapping[str, Any]) -> None:
    into = spelled(done["schema"], done["table"])
    more = [
        f"{done[what]:,} {what.replace('_', ' ')}"
        for what in ("updated", "skipped", "left_out")
        if done[what]
    ]
    say(
        f"{into}: {counted(done['inserted'])} inserted{''.join(', ' + part for part in more)} "
        f"in {done['elapsed_s']:.1f} s."
    )
    for note in done["notes"]:
        say(f"  {note}")
    if done["rejects"]:
        say(f"What was left out, and why: {done['rejects']}")
