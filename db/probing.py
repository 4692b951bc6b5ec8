"""An index asked for a row's own vector."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    String,
    Text,
    bindparam,
    cast,
    literal_column,
    select,
)

from db.catalog import ColumnInfo
from db.comparison import TOLERANCE
from db.distance import Distance
from db.errors import RequestError
from db.explain import explain
from db.index_catalog import IndexInfo
from db.keys import key_text
from db.nearest import NAN, SearchSettings, distance_label, identity, source
from db.savepoint import set_for_now

FORCED = {"enable_seqscan": "off", "enable_sort": "off"}
"""The planner reads small tables whole, which finds everything and tells nothing of the index."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the index returned for a row's own vector.

    ``rank`` counts from 1 and is None where the row itself did not come back; ``nearest_distance`` is that
    of the first row, ``own_distance`` that of the row to itself: not always 0, see inner product; NaN where
    it is undefined.  ``ties`` counts the other rows returned that are exactly as near as the row itself.
    It is ``found`` when it came back, or when every one of the k rows in its place is at least as near:
    which of several equal rows an answer holds is chance.
    """

    key: str
    found: bool
    rank: int | None
    nearest_distance: float | None
    own_distance: float
    ties: int


class Prober:
    """Asks one index for vectors; the settings must be made around it.

    Its statements are compiled once: building one anew takes longer than the index does to answer.
    """

    def __init__(
        self, connection: Connection, column: ColumnInfo, distance: Distance, index: IndexInfo, k: int
    ) -> None:
        self.index = index
        self._connection = connection
        self._k = k
        self._search = _search(column, distance, index, k)
        self._sent = _Sent.of(connection, self._search)
        vector = _vector(column)
        self._own = _Sent.of(connection, select(_away(vector, vector, distance)))

    def check_plan(self, vector: str) -> None:
        """Raise RequestError unless the planner walks a vector index."""
        plan = explain(self._connection, self._search, {"vector": vector})
        if not any(node.order_by for node in plan.root.walk()):
            raise RequestError(
                f"The server would not use the index {self.index.name}, even with other scans disabled.",
                "Look at the plan on the page Search.",
            )

    def probe(self, key: str, vector: str) -> Probe:
        """Ask for a row's own vector."""
        rows = self._sent.ask(self._connection, vector)
        names = [key_text(row[:-1]) for row in rows]
        distances = [row[-1] for row in rows]
        rank = names.index(key) + 1 if key in names else None
        own = distances[rank - 1] if rank else self._own_distance(vector)
        slack = TOLERANCE * max(1.0, abs(own))
        return Probe(
            key,
            found=rank is not None or (len(rows) == self._k and distances[-1] <= own + slack),
            rank=rank,
            nearest_distance=distances[0] if distances else None,
            own_distance=own,
            ties=sum(abs(d - own) <= slack for d in distances) - (rank is not None),
        )

    def _own_distance(self, vector: str) -> float:
        ((own,),) = self._own.ask(self._connection, vector)
        return math.nan if own is None else float(own)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A statement about a ``vector`` as the driver takes it, and the values that never change."""

    sql: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, connection: Connection, statement: Select[Any]) -> _Sent:
        compiled = statement.compile(dialect=connection.dialect)
        return cls(str(compiled), compiled.params)

    def ask(self, connection: Connection, vector: str) -> Sequence[Row[Any]]:
        return connection.exec_driver_sql(self.sql, {**self.values, "vector": vector}).all()


def _search(column: ColumnInfo, distance: Distance, index: IndexInfo, k: int) -> Select[Any]:
    rows = source(column)
    marks = identity(column, rows)
    label = distance_label(column, ())
    inner = select(
        *(mark.label(name) for name, mark in marks.items()),
        _away(rows.c[column.column], _vector(column), distance).label(label),
    )
    if index.predicate:
        inner = inner.where(literal_column(index.predicate, Boolean()))
    near = inner.order_by(label).limit(k).subquery("near")
    keys: list[ColumnElement[Any]] = [cast(near.c[name], Text).label(name) for name in marks]
    # "+ 0" as in a search: PostgreSQL 17 and later believe the inner order, a relaxed scan breaks it.
    away = near.c[label]
    return select(*keys, away).where(away < NAN).order_by(away + 0)


def _away(value: ColumnElement[Any], vector: ColumnElement[Any], distance: Distance) -> ColumnElement[float]:
    return value.op(distance.operator, return_type=Float())(vector)


def _vector(column: ColumnInfo) -> ColumnElement[Any]:
    return cast(bindparam("vector", type_=String()), column.sql_type)


def forced(connection: Connection, settings: SearchSettings) -> AbstractContextManager[None]:
    """Make the settings of a search, and leave the planner nothing but an index to walk."""
    return set_for_now(connection, FORCED | replace(settings, exact=False).parameters())
