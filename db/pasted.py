"""The one door for SQL that somebody pasted: it is explained, and run only on request.

Everywhere else a statement is ours and made by SQLAlchemy.  Here the text itself is what is asked about,
so it is sent as it is.  Whoever sends it has had it parsed by PostgreSQL's own grammar, as one SELECT;
what holds even if that were wrong is the connection's: a read-only transaction with its timeouts, rolled
back.  ``standard_conforming_strings`` is set because without it the server would read another text than
the parser did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ClauseElement, Connection, Executable, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from db.errors import RequestError
from db.explain import Plan, parse_plan
from db.savepoint import refused_with, set_for_now

UNDEFINED_FUNCTION, AMBIGUOUS_FUNCTION = "42883", "42725"

_AS_PARSED = {"standard_conforming_strings": "on"}

_TYPES = text("""
SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'vectorscope pasted'
""")
_DEALLOCATE = text('DEALLOCATE "vectorscope pasted"')


def explain_pasted(
    connection: Connection,
    sql: str,
    settings: Mapping[str, str] | None = None,
    *,
    analyze: bool = False,
    generic: bool = False,
) -> Plan:
    """Ask for the plan of one statement under ``settings``, which end with the question.

    ``analyze`` runs it.  ``generic`` leaves its ``$1`` open, as a prepared statement would; it needs
    PostgreSQL 16.  ``connection`` is in a read-only transaction, which outlives a refusal.

    Raises RequestError where an operator or function does not know its operands' types, or which is meant.
    """
    try:
        with set_for_now(connection, {**_AS_PARSED, **(settings or {})}):
            answer = connection.execute(_Explained(sql, analyze=analyze, generic=generic)).scalar_one()
    except DBAPIError as error:
        if not refused_with(error, UNDEFINED_FUNCTION, AMBIGUOUS_FUNCTION):
            raise
        sentence = str(error.orig).splitlines()[0]
        raise RequestError(
            f"PostgreSQL knows no such operation: {sentence}.",
            "Cast the query to the column's type, such as embedding <=> CAST($1 AS vector).",
        ) from error
    return parse_plan(answer)


def parameter_types(connection: Connection, sql: str) -> tuple[str, ...]:
    """Name the types that the server finds for the ``$1``, ``$2``... of a SELECT; nothing is planned or run.

    Raises what PostgreSQL says of a statement it cannot understand.
    """
    with set_for_now(connection, _AS_PARSED):
        connection.execute(_Prepared(sql))
        try:
            return tuple(connection.execute(_TYPES).scalar_one())
        finally:
            connection.execute(_DEALLOCATE)  # no rollback would do this


class _Prepared(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, sql: str) -> None:
        self.sql = sql


@compiles(_Prepared)
def _compile_prepared(element: _Prepared, compiler: SQLCompiler, **keywords: Any) -> str:
    return 'PREPARE "vectorscope pasted" AS ' + element.sql.replace("%", "%%")


class _Explained(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, sql: str, *, analyze: bool, generic: bool) -> None:
        self.sql = sql
        self.wanted = "FORMAT JSON, VERBOSE"
        if analyze:
            self.wanted += ", ANALYZE, BUFFERS"
        if generic:
            self.wanted += ", GENERIC_PLAN"


@compiles(_Explained)
def _compile(element: _Explained, compiler: SQLCompiler, **keywords: Any) -> str:
    # psycopg2 takes every percent sign that stands alone for a parameter.
    return f"EXPLAIN ({element.wanted}) " + element.sql.replace("%", "%%")
