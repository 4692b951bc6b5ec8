"""What PostgreSQL's driver raised, as a sentence and a remedy: one of the errors of ``db.errors``."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError

from db.errors import (
    Cancelled,
    ConnectionFailed,
    DashboardError,
    DatabaseError,
    ExtensionMissing,
    LockTimeout,
    NotMigrated,
    OutOfSpace,
    PermissionDenied,
    ReadOnlyServer,
    RequestError,
    StatementTimeout,
    TableNotFound,
)

LONGEST = 300
"""Characters of a server's sentence that are told."""

LONGEST_SQL = 8_000
"""Characters of a statement that are told."""

_BY_SQLSTATE: dict[str, type[DashboardError]] = {
    "25006": ReadOnlyServer,
    "42501": PermissionDenied,
    "42P01": TableNotFound,
    "3F000": TableNotFound,
    "55P03": LockTimeout,
    "53100": OutOfSpace,
    "53200": OutOfSpace,
}
"""Source: PostgreSQL documentation, Appendix A, "PostgreSQL Error Codes"."""


def translate(
    error: DBAPIError, label: str, *, is_late: bool = False, limit_s: float | None = None
) -> DashboardError:
    """Turn what the driver raised into a sentence; DETAIL lines, which may show data, stay behind.

    ``is_late`` says that the statement has used up its time, which is ``limit_s``.
    """
    sqlstate = getattr(error.orig, "pgcode", None)
    sentence = _sentence(error)
    if error.connection_invalidated or sqlstate is None:
        return _unreachable(sentence, label)
    if sqlstate == "57014":
        if _is_timeout(sentence, is_late=is_late):
            return StatementTimeout(sentence, sql=statement_of(error), limit_s=limit_s)
        return Cancelled(sentence)
    if lack := _lack_of_ours(sqlstate, sentence):
        return lack
    if sqlstate[:2] in {"22", "23"}:
        told = _in_row(error, sentence)
        # Only what writes rows has one to leave out: a filter or a key is a value and no more.
        of_row = told != sentence or sqlstate.startswith("23")
        return RequestError(told, f"Correct the value{', or leave out the row that has it' * of_row}.")
    return _BY_SQLSTATE.get(sqlstate, DatabaseError)(sentence)


def statement_of(error: DBAPIError) -> str:
    """Write the statement that was refused, names in the place of its values; "" where none is known."""
    if error.params is None or not error.statement:  # what the driver's own cursor sent is only described
        return ""
    named = re.sub(r"%\((\w+)\)s", r":\1", error.statement).replace("%%", "%").strip()
    return named if len(named) <= LONGEST_SQL else f"{named[:LONGEST_SQL]}…"


def _is_timeout(sentence: str, *, is_late: bool) -> bool:
    """Tell a timeout from a cancel, which have one SQLSTATE: by the clock, where no English word says it."""
    return "statement timeout" in sentence or (is_late and "user request" not in sentence)


def _lack_of_ours(sqlstate: str, sentence: str) -> DashboardError | None:
    """Tell what of ours the server lacks, or this login may not see."""
    if sqlstate in {"42P01", "3F000"} and "vectorscope" in sentence:
        return NotMigrated("Vectorscope's own tables are not in this database.")
    if sqlstate == "42704" and '"vector"' in sentence:
        return ExtensionMissing("This database has no pgvector: the type vector does not exist.")
    if sqlstate == "42501" and "schema vectorscope" in sentence:
        return PermissionDenied(
            f"This login may not read Vectorscope's own tables: {sentence}.",
            "With DATABASE_READ_URL set, run: python -m dashboard migrate",
        )
    return None


def _in_row(error: DBAPIError, sentence: str) -> str:
    """Add which of the rows sent was refused, where PostgreSQL knows it: in a COPY."""
    context = getattr(getattr(error.orig, "diag", None), "context", None) or ""
    line = re.match(r"COPY .*, line (\d+)", context)
    return f"Row {int(line[1]):,} of those sent: {sentence}" if line else sentence


def _unreachable(sentence: str, label: str) -> ConnectionFailed:
    if "does not exist" in sentence and "database" in sentence:
        return ConnectionFailed(
            f"{sentence}.".replace("..", "."), "Create the database, or correct DATABASE_URL."
        )
    if "password authentication failed" in sentence:
        return ConnectionFailed(
            f"{sentence}.".replace("..", "."), "Correct the user or password in DATABASE_URL."
        )
    if "unsupported startup parameter" in sentence:
        return ConnectionFailed(
            f"{label} is a connection pooler, which jobs cannot run through: {sentence}",
            "Set DATABASE_URL to the server's own address; DATABASE_READ_URL may go through the pooler.",
        )
    return ConnectionFailed(f"No connection to {label}: {sentence}")


def _sentence(error: DBAPIError) -> str:
    diagnostics = getattr(error.orig, "diag", None)
    primary = getattr(diagnostics, "message_primary", None)
    if primary:
        # It may repeat a value of any length.
        return str(primary) if len(primary) <= LONGEST else f"{primary[:LONGEST]}…"
    first = str(error.orig).strip().splitlines()
    return re.sub(r"\s+", " ", " ".join(first[:2])).strip() or "the server closed the connection"
