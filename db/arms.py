"""What is asked when a search is timed: a statement that leaves the query's vector open, and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, Protocol

from sqlalchemy import Column, ColumnElement, Select, Table, literal_column, select
from sqlalchemy.types import TypeEngine

from db.columns import VectorColumn
from db.distance import Distance
from db.filters import Filter
from db.forms import Form

MISSING = -1
"""Position that stands for a row that did not come back."""


@dataclass(frozen=True, slots=True)
class Search:
    """What every query of an arm asks: the ``k`` nearest positions in ``rows`` (position, embedding, ...).

    ``form`` is that of the index to go through, None for the vectors themselves; ``only`` names the boolean
    column of ``rows`` that the answer is limited to.
    """

    rows: Table
    distance: Distance
    k: int
    form: Form | None = None
    only: str | None = None
    missing: ClassVar[float] = MISSING

    @property
    def vector_type(self) -> TypeEngine[Any]:
        """The type of what is searched for."""
        return self.rows.c.embedding.type

    def nearest(self, *, exact: bool = False) -> Select[Any]:
        """Build the statement, with ``$1`` for the query's vector; ``exact`` hides it from every index."""
        embedding = self.rows.c.embedding
        query: ColumnElement[Any] = literal_column("$1", embedding.type)
        away: ColumnElement[Any] = embedding.op(self.distance.operator)(query)
        if exact:
            # A sum is no operator that an index could order by, under any setting of any server.
            away = away.op("+")(literal_column("0"))
        if exact or self.form is None:
            return self._where(select(self.rows.c.position).order_by(away).limit(self.k))
        return self._through(self.form, embedding, query)

    def _through(self, form: Form, embedding: Column[Any], query: ColumnElement[Any]) -> Select[Any]:
        """Order by the form that the index holds, and its candidates by the true distance."""
        dimensions: int = embedding.type.dim  # type: ignore[attr-defined]
        operator = (form.kind.distance or self.distance).operator
        held = form.of(embedding, dimensions).op(operator)(form.of(query, dimensions))
        if form.candidates is None:
            return self._where(select(self.rows.c.position).order_by(held).limit(self.k))
        chosen = self._where(select(self.rows.c.position, embedding).order_by(held).limit(form.candidates))
        candidates = chosen.subquery("candidates")
        away = candidates.c.embedding.op(self.distance.operator)(query)
        return select(candidates.c.position).order_by(away).limit(self.k)

    def _where(self, statement: Select[Any]) -> Select[Any]:
        return statement if self.only is None else statement.where(self.rows.c[self.only])


@dataclass(frozen=True, slots=True)
class LiveSearch:
    """The same of a user's own column, of which nothing but the distances of the nearest rows is read."""

    column: VectorColumn
    distance: Distance
    k: int
    filters: tuple[Filter, ...] = ()
    missing: ClassVar[float] = inf

    @property
    def vector_type(self) -> TypeEngine[Any]:
        """The type of what is searched for."""
        return self.column.sql_type

    def nearest(self, *, exact: bool = False) -> Select[Any]:
        """Build the statement, with ``$1`` for the query's vector; ``exact`` hides it from every index."""
        rows = self.column.as_table(*(f.column for f in self.filters))
        query: ColumnElement[Any] = literal_column("$1", self.vector_type)
        away: ColumnElement[Any] = rows.c[self.column.column].op(self.distance.operator)(query)
        order = away.op("+")(literal_column("0")) if exact else away
        met = [f.clause(dict(rows.c.items())) for f in self.filters]
        return select(away.label("distance")).where(*met).order_by(order).limit(self.k)


class Asked(Protocol):
    """A search that can be prepared: what it is for a vector of, how many rows, and its statement."""

    @property
    def k(self) -> int:
        """Rows that are wanted."""
        ...

    @property
    def missing(self) -> float:
        """What stands for a row that did not come back."""
        ...

    @property
    def vector_type(self) -> TypeEngine[Any]:
        """The type of what is searched for."""
        ...

    def nearest(self, *, exact: bool = False) -> Select[Any]:
        """Build the statement, with ``$1`` for the query's vector."""
        ...


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to ask: a search, and the server settings it is asked under."""

    search: Asked
    settings: Mapping[str, str]
