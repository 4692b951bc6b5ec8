"""Questions that end without a trace: their settings, and what they are refused, stay in a savepoint."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

# SQLSTATEs.  Source: PostgreSQL documentation, Appendix A, "PostgreSQL Error Codes".
QUERY_CANCELED = "57014"  # also by statement_timeout
UNDEFINED_TABLE = "42P01"


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


def refused_with(error: DBAPIError, *sqlstates: str) -> bool:
    """Whether the server refused a statement with one of these SQLSTATEs."""
    return getattr(error.orig, "pgcode", None) in sqlstates
