"""Ask one column for the rows nearest to a vector, exactly or through its index, and what it cost.

Every setting ends with the search: it is made inside a savepoint that is rolled back, so that the
exact and the approximate answer can be had from one transaction, one snapshot.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Row, Text, cast, select, text

from db.catalog import ColumnInfo, PlainColumn, other_columns
from db.conditions import Group, check
from db.errors import DashboardError, RequestError
from db.explain import Plan, explain
from db.keys import key_parts
from db.nearest import SearchRequest, identity, identity_names, is_row, nearest, source
from db.savepoint import set_for_now
from db.vectors import Query, read_query

_IN_FORCE = text("""
SELECT name, current_setting(name, true)
FROM unnest(ARRAY['hnsw.ef_search', 'hnsw.iterative_scan', 'hnsw.max_scan_tuples',
                  'ivfflat.probes', 'ivfflat.iterative_scan']) AS name
WHERE '[1]'::vector IS NOT NULL AND current_setting(name, true) IS NOT NULL
""")
"""The vector literal loads pgvector's library: until then its settings are unknown to the session."""

SLOW_MS = 1000
"""Beyond this, what timing each step adds is little, and the reader's patience less."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row of an answer.

    ``key`` is a tuple where the key has several columns; ``values`` holds the columns to show, long
    text cut.
    """

    key: Any
    distance: float
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer, and what it cost.

    ``wall_ms`` is one execute-and-fetch as this process saw it.  ``plan`` and ``untimed`` are of the same
    statement, run under EXPLAIN ANALYZE just before: the one times each step, which slows it down, the
    other only the whole.  ``in_force`` holds pgvector's settings by name, the server's
    own included; ``sql`` is the statement with its values, as it was sent.
    """

    request: SearchRequest
    shown: tuple[PlainColumn, ...]
    rows: tuple[Neighbour, ...]
    wall_ms: float
    plan: Plan
    untimed: Plan
    in_force: Mapping[str, str]
    sql: str

    @property
    def asked(self) -> int:
        """How many rows were wanted."""
        return self.request.k

    @property
    def returned(self) -> int:
        """How many rows came back."""
        return len(self.rows)

    @property
    def server_ms(self) -> float:
        """Planning and execution on the server."""
        return (self.untimed.planning_ms or 0) + (self.untimed.execution_ms or 0)

    @property
    def client_ms(self) -> float:
        """What the network and this process added."""
        return max(0.0, self.wall_ms - self.server_ms)

    @property
    def index(self) -> str | None:
        """Name of the vector index that was walked, if any; for a partitioned table, one of them."""
        return next((node.index_name for node in self.plan.root.walk() if node.order_by), None)

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, as ``search --json`` prints it."""
        return {
            "returned": self.returned,
            "asked": self.asked,
            "plan_node": self.plan.scan.node_type,
            "index": self.index,
            "server_ms": self.server_ms,
            "client_ms": self.client_ms,
            "rows": [_row_document(row) for row in self.rows],
            "sql": self.sql,
        }


def search(connection: Connection, request: SearchRequest) -> SearchResult:
    """Find the rows nearest to the query.

    ``connection`` is in a transaction, as ``Database.reading`` lends it.  Distances are as pgvector
    returns them: negated for inner product.  A row whose distance is undefined (its vector is NULL, or
    zero under cosine) is never part of an answer.

    Raises RequestError for a filter that the columns do not bear, and for a setting this pgvector has not.
    """
    shown = other_columns(connection, request.column)
    check(Group("all", request.filters), shown)
    statement = nearest(request, shown)
    sent = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    parameters = request.settings.parameters()
    in_force = _in_force(connection, parameters)
    with set_for_now(connection, parameters):
        # The first one warms the caches for the two whose times are told; a slow one is not asked thrice.
        plan = explain(connection, statement, analyze=True)
        slow = (plan.execution_ms or 0) > SLOW_MS
        untimed = plan if slow else explain(connection, statement, analyze=True, timing=False)
        started = perf_counter()
        rows = connection.exec_driver_sql(str(sent)).all()
        wall_ms = (perf_counter() - started) * 1000

    neighbours = tuple(_neighbour(row, request.column, shown) for row in rows)
    # What is compiled for psycopg2 holds each percent sign twice, and a driver takes one away.
    result = SearchResult(request, shown, neighbours, wall_ms, plan, untimed, in_force, str(sent) % ())
    if request.settings.exact and result.index:
        raise DashboardError(f"The server used the index {result.index} although it was told not to.")
    return result


def query_of_row(connection: Connection, column: ColumnInfo, key: str) -> Query:
    """Make a query of the vector of the row called ``key``: as text, or a JSON list of several parts.

    The vector is fetched and sent back, never selected in place: Citus cannot plan that.

    Raises RequestError for a row that is not there or has no vector.
    """
    rows = source(column)
    marks = identity(column, rows)
    parts = key_parts(column, key)
    vector = select(cast(rows.c[column.column], Text)).where(is_row(list(marks.values()), parts))
    # Only a key can be looked up twice at no cost, and only a key can be found twice.
    found = connection.execute(vector.limit(2 if column.key else 1)).scalars().all()
    if not found:
        raise RequestError(f"There is no row {key} in {column.schema}.{column.table}.", "Choose another row.")
    if len(found) > 1:
        raise RequestError(
            f"Several rows of {column.schema}.{column.table} are called {key}: a key does not hold across "
            "the tables that inherit from it.",
            "Search by the vector itself, or search one of those tables.",
        )
    if found[0] is None:
        raise RequestError(f"Row {key} has no vector: {column.column} is NULL.", "Choose another row.")
    query = read_query(found[0], column.type)
    return Query(query.vector, query.dimensions, query.is_zero, row=parts)


def _in_force(connection: Connection, wanted: Mapping[str, str]) -> dict[str, str]:
    """Tell pgvector's settings as they will be once the ``wanted`` ones are made."""
    found: dict[str, str] = dict(connection.execute(_IN_FORCE).all())
    if unknown := next((name for name in wanted if "." in name and name not in found), None):
        raise RequestError(f"This pgvector has no setting {unknown}.", "Upgrade pgvector to 0.8 or later.")
    return found | {name: value for name, value in wanted.items() if name in found}


def _neighbour(row: Row[Any], column: ColumnInfo, shown: Sequence[PlainColumn]) -> Neighbour:
    named = row._asdict()
    key = tuple(named[name] for name in identity_names(column))
    values = {c.name: named[c.name] for c in shown}
    return Neighbour(key if len(key) > 1 else key[0], row[-1], values)


def _row_document(row: Neighbour) -> dict[str, Any]:
    key = [_plain(part) for part in row.key] if isinstance(row.key, tuple) else _plain(row.key)
    document = {"key": key, "distance": _plain(row.distance)}
    return document | {name: _plain(value) for name, value in row.values.items() if name not in document}


def _plain(value: object) -> object:
    """Make a value that JSON has: numbers beyond it, or finer, become text, spelled as PostgreSQL does."""
    number = float(value) if isinstance(value, Decimal) else value
    if isinstance(value, Decimal) and value.is_finite() and Decimal(repr(number)) != value:
        return f"{value:f}"
    if isinstance(number, float) and not math.isfinite(number):
        return str(Decimal(value))  # type: ignore[arg-type]
    return number
