"""An index asked for a row's own vector."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Float,
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

_FORCED = {"enable_seqscan": "off", "enable_sort": "off"}
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


@dataclass(frozen=True, slots=True)
class Prober:
    """Asks one index for vectors; the settings must be made around it."""

    column: ColumnInfo
    distance: Distance
    index: IndexInfo
    k: int

    def check_plan(self, connection: Connection, vector: str) -> None:
        """Raise RequestError unless the planner walks a vector index."""
        plan = explain(connection, self._statement(), {"vector": vector})
        if not any(node.order_by for node in plan.root.walk()):
            raise RequestError(
                f"The server would not use the index {self.index.name}, even with other scans disabled.",
                "Look at the plan on the page Search.",
            )

    def probe(self, connection: Connection, key: str, vector: str) -> Probe:
        """Ask for a row's own vector."""
        rows = connection.execute(self._statement(), {"vector": vector}).all()
        names = [key_text(row[:-1]) for row in rows]
        distances = [row[-1] for row in rows]
        rank = names.index(key) + 1 if key in names else None
        own = distances[rank - 1] if rank else self._own_distance(connection, vector)
        slack = TOLERANCE * max(1.0, abs(own))
        return Probe(
            key,
            found=rank is not None or (len(rows) == self.k and distances[-1] <= own + slack),
            rank=rank,
            nearest_distance=distances[0] if distances else None,
            own_distance=own,
            ties=sum(abs(d - own) <= slack for d in distances) - (rank is not None),
        )

    def _own_distance(self, connection: Connection, vector: str) -> float:
        own = connection.execute(select(self._away(self._vector())), {"vector": vector}).scalar_one()
        return math.nan if own is None else float(own)

    def _statement(self) -> Select[Any]:
        rows = source(self.column)
        marks = identity(self.column, rows)
        distance = distance_label(self.column, ())
        inner = select(
            *(mark.label(name) for name, mark in marks.items()),
            self._away(rows.c[self.column.column]).label(distance),
        )
        if self.index.predicate:
            inner = inner.where(literal_column(self.index.predicate, Boolean()))
        near = inner.order_by(distance).limit(self.k).subquery("near")
        keys: list[ColumnElement[Any]] = [cast(near.c[name], Text).label(name) for name in marks]
        # "+ 0" as in a search: PostgreSQL 17 and later believe the inner order, a relaxed scan breaks it.
        away = near.c[distance]
        return select(*keys, away).where(away < NAN).order_by(away + 0)

    def _away(self, value: Any) -> Any:
        return value.op(self.distance.operator, return_type=Float())(self._vector())

    def _vector(self) -> Any:
        return cast(bindparam("vector", type_=String()), self.column.sql_type)


def forced(connection: Connection, settings: SearchSettings) -> AbstractContextManager[None]:
    """Make the settings of a search, and leave the planner nothing but an index to walk."""
    return set_for_now(connection, _FORCED | replace(settings, exact=False).parameters())
