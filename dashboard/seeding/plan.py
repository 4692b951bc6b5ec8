"""Deciding, before anything is written, what a request would do to the table it names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection

from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import Rows
from dashboard.seeding.sources import open_rows
from db.columns import spelled
from db.engine import Database
from db.errors import RequestError
from db.schema import OWN_SCHEMAS
from db.staging import Existing, describe, schema_exists

BORROWED = "borrowed"
"""What the note on a table says that Vectorscope filled but did not make, and so will never drop."""


class Action(Enum):
    """What becomes of the table asked for."""

    CREATE = "create it"
    FILL = "fill it: it is there, empty"
    BORROW = "fill it: it is there, empty, and somebody else's"
    REPLACE = "drop it and make it anew"
    KEEP = "keep it: it holds these very rows"


@dataclass(frozen=True, slots=True)
class Plan:
    """An opened source, and what loading it would do."""

    rows: Rows
    action: Action


def check(database: Database, request: PopulateRequest) -> Plan:
    """Open the source and look at the table, writing nothing.

    Raises RequestError where the request cannot be carried out as it stands.
    """
    _check_names(request)
    rows = open_rows(request)
    with database.reading("populate") as connection:
        return Plan(rows, decide(connection, request, rows))


def decide(connection: Connection, request: PopulateRequest, rows: Rows) -> Action:
    """Decide what to do with the table as it is now.

    Raises RequestError where it is in the way.
    """
    if not schema_exists(connection, request.schema):
        raise RequestError(f"There is no schema {request.schema!r}.", "Create it first, or choose another.")
    existing = describe(connection, request.schema, request.table)
    if existing is None:
        return Action.CREATE
    if existing.kind != "r":
        raise RequestError(f"{_name(request)} is not a table.", "Choose another table name.")
    return _decide_about(existing, request, rows)


def _decide_about(existing: Existing, request: PopulateRequest, rows: Rows) -> Action:
    note = {key: fact for key, fact in (existing.note or {}).items() if key != BORROWED}
    if note == rows.recipe and not existing.empty and not request.replace:
        return Action.KEEP
    difference = _difference(existing, rows)
    if existing.empty and not difference:
        return Action.BORROW if existing.note is None else Action.FILL
    if request.replace:
        return _replacing(existing, request)
    if difference:
        raise RequestError(f"{_name(request)} exists with other columns: {difference}.", _WAYS_OUT)
    raise RequestError(f"{_name(request)} already holds other rows.", _WAYS_OUT)


_WAYS_OUT = "Choose another table name, or replace a table that Vectorscope made (--replace)."


def _replacing(existing: Existing, request: PopulateRequest) -> Action:
    if not existing.empty and (existing.note is None or BORROWED in existing.note):
        raise RequestError(
            f"{_name(request)} is a table that Vectorscope did not make.",
            "Choose another table name: only what Vectorscope made is ever replaced.",
        )
    return Action.REPLACE


def _difference(existing: Existing, rows: Rows) -> str:
    """Say what the table lacks and what it has instead; nothing where it has the columns needed."""
    wanted = {field.name: field.kind.name for field in rows.fields}
    found = dict(existing.columns)
    lacking = [f'"{name}" {kind}' for name, kind in wanted.items() if found.get(name) != kind]
    surplus = [f'"{name}" {kind}' for name, kind in found.items() if wanted.get(name) != kind]
    said = [f"it {verb} {_some(names)}" for verb, names in (("lacks", lacking), ("has", surplus)) if names]
    return " and ".join(said)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _check_names(request: PopulateRequest) -> None:
    for given in (request.schema, request.table):
        try:
            given.encode()
        except UnicodeEncodeError:  # from the command line, where each byte that is not UTF-8 is half a pair
            raise RequestError(f"{given!r} is not UTF-8.", "Use another name.") from None
    for name in (request.schema, request.table):
        if not name.strip() or "\0" in name or len(name.encode()) > 63:
            raise RequestError(f"{name[:80]!r} is not a name PostgreSQL keeps whole.", "Use 1 to 63 bytes.")
    if request.schema in {*OWN_SCHEMAS, "information_schema"} or request.schema.startswith("pg_"):
        raise RequestError(
            f"The schema {request.schema!r} is not for data.", "Choose another, such as public."
        )


def _name(request: PopulateRequest) -> str:
    return spelled(request.schema, request.table)
