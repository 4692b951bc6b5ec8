"""The statements that compare vectors among those the server counted, by pg_stat_statements.

The extension may live in any schema.  It is read as of its version 1.8 (PostgreSQL 13); who lacks
``pg_read_all_stats`` sees the figures of other people's statements without their texts.

Source: PostgreSQL documentation, appendix F, "pg_stat_statements".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Float, Text, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from db.errors import PermissionDenied, SetupError
from db.savepoint import refused_with, set_for_now

MOST = 200
"""Statements handed over at most, those that took the most time: the reader diagnoses fewer."""

HIDDEN = "<insufficient privilege>"
"""What stands in the place of somebody else's statement."""

NOT_LOADED = "55000"
"""object_not_in_prerequisite_state: the extension was created, its library is not loaded."""

_COMPARES = (
    r"<->|<#>|<=>|<\+>|<~>|<%>|"
    r"\m(l[12]_distance|cosine_distance|inner_product|\w+_negative_inner_product|"
    r"hamming_distance|jaccard_distance)\M"
)

_VIEWS = text("""
SELECT n.nspname AS schema,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS is_readable,
       EXISTS (SELECT FROM pg_attribute
               WHERE attrelid = c.oid AND attname = 'total_exec_time') AS is_new_enough
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
WHERE c.relname = 'pg_stat_statements' AND c.relkind IN ('v', 'm', 'r')
  AND (d.objid IS NOT NULL OR pg_table_is_visible(c.oid))
ORDER BY d.objid IS NULL
LIMIT 1
""")
"""The extension's own view wherever it lives, else what a session would find under its name."""

_MINE = text("SELECT oid FROM pg_database WHERE datname = current_database()")


@dataclass(frozen=True, slots=True)
class Called:
    """One statement as the server normalised it: its constants are ``$1``, ``$2``...

    The figures are those of everybody who sent it, since the counters were last reset; ``rows`` is how
    many it returned or changed in all.
    """

    sql: str
    calls: int
    total_ms: float
    mean_ms: float
    rows: int
    hit_blocks: int
    read_blocks: int


@dataclass(frozen=True, slots=True)
class Workload:
    """What this database's statements took, and those among them that may compare vectors.

    ``statements`` are in the order of their time.  ``total_ms`` is the time of every statement counted,
    of which ``hidden_ms`` went into ``hidden`` ones whose texts this login may not read.  A statement that
    another one calls (``pg_stat_statements.track = all``) is counted in both.
    """

    statements: tuple[Called, ...]
    counted: int
    total_ms: float
    hidden: int
    hidden_ms: float


def read_workload(connection: Connection) -> Workload:
    """Read what the server counted of this database; ``connection`` is in a transaction.

    Raises SetupError where the extension is missing, too old or not loaded, and PermissionDenied where
    this login may not read its view.
    """
    view = _view(connection)
    try:
        with set_for_now(connection, {}):
            return _read(connection, view)
    except DBAPIError as error:
        if not refused_with(error, NOT_LOADED):
            raise
        raise SetupError(
            "pg_stat_statements is created here, and its library is not loaded, so nothing is counted.",
            "Add pg_stat_statements to shared_preload_libraries and restart the server.",
        ) from error


def _view(connection: Connection) -> Any:
    found = connection.execute(_VIEWS).one_or_none()
    if found is None:
        raise SetupError(
            "This database has no pg_stat_statements, so nobody has counted what its statements take.",
            "Add pg_stat_statements to shared_preload_libraries, restart the server, then: "
            "CREATE EXTENSION pg_stat_statements. Until then, paste the statement in question.",
        )
    if not found.is_readable:
        raise PermissionDenied(
            f"This login may not read {found.schema}.pg_stat_statements.",
            "GRANT pg_read_all_stats, USAGE on its schema and SELECT on the view to it; until then, paste "
            "the statement in question.",
        )
    if not found.is_new_enough:
        raise SetupError(
            "pg_stat_statements is older here than its version 1.8.",
            "ALTER EXTENSION pg_stat_statements UPDATE;",
        )
    return table(
        "pg_stat_statements",
        column("dbid"),
        column("query", Text),
        column("calls", BigInteger),
        column("total_exec_time", Float),
        column("rows", BigInteger),
        column("shared_blks_hit", BigInteger),
        column("shared_blks_read", BigInteger),
        schema=found.schema,
    )


def _read(connection: Connection, view: Any) -> Workload:
    counted = view.c
    mine = counted.dbid == connection.execute(_MINE).scalar_one()
    total_ms = func.coalesce(func.sum(counted.total_exec_time), 0.0)
    # Without a text there is none to read either where the server has lost the file that holds them.
    is_hidden = func.coalesce(counted.query, HIDDEN) == HIDDEN
    every = connection.execute(
        select(
            func.count().label("counted"),
            total_ms.label("total_ms"),
            func.count().filter(is_hidden).label("hidden"),
            func.coalesce(func.sum(counted.total_exec_time).filter(is_hidden), 0.0).label("hidden_ms"),
        ).where(mine)
    ).one()
    calls = func.sum(counted.calls).cast(BigInteger)
    statements = connection.execute(
        select(
            counted.query.label("sql"),
            calls.label("calls"),
            total_ms.label("total_ms"),
            (total_ms / func.greatest(calls, 1)).label("mean_ms"),
            *(
                func.sum(value).cast(BigInteger).label(name)
                for name, value in (
                    ("rows", counted.rows),
                    ("hit_blocks", counted.shared_blks_hit),
                    ("read_blocks", counted.shared_blks_read),
                )
            ),
        )
        .where(mine, counted.query.regexp_match(_COMPARES))
        .group_by(counted.query)
        .order_by(total_ms.desc(), counted.query)
        .limit(MOST)
    )
    return Workload(tuple(Called(**row._asdict()) for row in statements), **every._asdict())
