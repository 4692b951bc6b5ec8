"""Where an import goes: a table that is there, or a name that is free."""

from __future__ import annotations

from sqlalchemy import Connection

from dashboard.seeding.imports.request import MODES, ImportRequest
from db.columns import spelled
from db.errors import RequestError, TableNotFound
from db.schema import OWN_SCHEMAS
from db.staging import schema_exists
from db.targets import Target, find_target

ABSENT = "absent"
"""The fingerprint of a table that is still to be made."""
TABLES = {"r", "p"}
"""What takes rows and can tell a new one from one it has, by pg_class.relkind."""


def find_place(connection: Connection, request: ImportRequest) -> Target | None:
    """Find the table; None where it is to be made.

    Raises RequestError where the name is no table's, taken, or not for data, and where the table is no
    longer what an approved plan was made for.
    """
    _check(request)
    name = spelled(request.schema, request.table)
    target = find_target(connection, request.schema, request.table)
    # A table that is in the way of a new one is told by its name.
    if not request.create and request.fingerprint not in {None, fingerprint_of(target)}:
        raise RequestError("The table changed since the file was validated.", "Validate it again.")
    if not schema_exists(connection, request.schema):
        raise RequestError(f"There is no schema {request.schema!r}.", "Create it first, or choose another.")
    if target is None:
        if not request.create:
            raise TableNotFound(f"There is no table {name}.", "Let the import make it (--create).")
        return None
    if target.kind not in TABLES:
        raise RequestError(f"{name} is not a table.", "Choose a table: views and the like take no import.")
    if request.create:
        raise RequestError(
            f"{name} exists already.", "Leave out --create to import into it, or choose another name."
        )
    return target


def fingerprint_of(target: Target | None) -> str:
    """Say by one word what the table is; it changes when the table does."""
    return target.fingerprint if target else ABSENT


def _check(request: ImportRequest) -> None:
    if request.mode not in MODES:
        raise RequestError(f"There is no mode {request.mode!r}.", f"Choose one of {', '.join(MODES)}.")
    if request.create and request.mode != "insert":
        raise RequestError(
            f"A new table has no rows to {request.mode}.", "Leave out the mode, or do not make the table."
        )
    for name in (request.schema, request.table):
        if not name.strip() or "\0" in name or len(name.encode()) > 63:
            raise RequestError(f"{name[:80]!r} is not a name PostgreSQL keeps whole.", "Use 1 to 63 bytes.")
    if request.schema in {*OWN_SCHEMAS, "information_schema"} or request.schema.startswith("pg_"):
        raise RequestError(
            f"The schema {request.schema!r} is not for data.", "Choose another, such as public."
        )
