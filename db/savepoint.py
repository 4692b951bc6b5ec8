"""Questions that end without a trace: their settings, and what they are refused, stay in a savepoint."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from db.errors import StatementTimeout
from db.translation import statement_of

# SQLSTATEs.  Source: PostgreSQL documentation, Appendix A, "PostgreSQL Error Codes".
_QUERY_CANCELED = "57014"  # also by statement_timeout
UNDEFINED_TABLE = "42P01"

EARLY = 0.9
"""Share of its time after which a statement that was ended has used it up: two clocks measure it."""


@contextmanager
def set_for_now(connection: Connection, parameters: Mapping[str, str]) -> Iterator[None]:
    """Apply server settings until the block ends; the transaction outlives an error inside."""
    savepoint = connection.begin_nested()
    try:
        if parameters:
            connection.execute(select(*(func.set_config(*pair, True) for pair in parameters.items())))
        yield
    finally:
        savepoint.rollback()


@contextmanager
def within(connection: Connection, budget_ms: int) -> Iterator[None]:
    """Let each statement of the block take ``budget_ms``, whatever the connection else allows.

    Raises StatementTimeout where that is not enough.  A statement that somebody cancelled is ended with the
    same SQLSTATE, and a message in the server's language: only the clock tells the two apart, and the
    cancel passes on as it came.
    """
    started = monotonic()
    try:
        with set_for_now(connection, {"statement_timeout": str(budget_ms)}):
            yield
    except DBAPIError as error:
        spent_ms = 1000 * (monotonic() - started)
        if not refused_with(error, _QUERY_CANCELED) or spent_ms < EARLY * budget_ms:
            raise
        told = f"The server did not answer within {budget_ms:,} ms."
        raise StatementTimeout(told, sql=statement_of(error)) from error


def refused_with(error: DBAPIError, *sqlstates: str) -> bool:
    """Whether the server refused a statement with one of these SQLSTATEs."""
    return getattr(error.orig, "pgcode", None) in sqlstates
