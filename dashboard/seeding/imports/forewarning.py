"""What a reader should know of the table before a file goes into it, and no row shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from sqlalchemy import Connection

from dashboard.seeding.formats import Contents
from dashboard.seeding.imports.columns import Route, some
from db.columns import spelled
from db.imports import imported_before, rules_of
from db.targets import Target
from db.words import counted

LENGTHS = 5
"""Lengths of what may be vectors that a sentence names."""


def unlisted(found: Contents, way: Route) -> Iterator[str]:
    """Tell what a new table without a vector is short of, and which of its columns may be vectors."""
    if way.vector:
        return
    yield (
        "No column is a vector: Vectorscope will not list this table; name one with --vector, or embed text "
        "with --embed."
    )
    names = {mapped.source: mapped.name for mapped in way.columns}
    for column in found.columns:
        if column.name in names and column.is_likely_vector:
            lengths = " and ".join(f"{length:,}" for length in column.lengths[:LENGTHS])
            among = "" if len(column.lengths) > 1 else " among other values"
            yield f"{some([names[column.name]])} looks like vectors of {lengths} numbers{among}."


def forewarnings(connection: Connection, sha256: str | None, target: Target, way: Route) -> Iterator[str]:
    """Tell that the file is there already, and what of the table's own rules only PostgreSQL can judge.

    ``sha256`` is None where the table is empty.
    """
    table = spelled(target.schema, target.name)
    before = imported_before(connection, table, sha256) if sha256 else None
    if before:
        twice = "" if way.by_key else " As the file brings no key, its rows would be there twice."
        when = f"{before.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        yield f"This file was imported into {table} before: {counted(before.rows)}, {when}.{twice}"
    brought = {mapped.name for mapped in way.columns}
    for rule in rules_of(connection, target):
        if brought & rule.columns and rule.columns != set(way.key):
            yield f"Rows that break {rule.text} will refuse the import."
