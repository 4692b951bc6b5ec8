"""What keeps each of a column's indexes from serving a comparison: at most one thing, where it is close."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pglast import ast

from dashboard.advisor.doctor.case import Case
from dashboard.advisor.doctor.ordering import Ordering
from dashboard.advisor.doctor.syntax import columns_in, expression, parts, unqualified
from dashboard.advisor.doctor.tables import Searched
from db.columns import VectorColumn
from db.index_catalog import IndexInfo


class Obstacle(IntEnum):
    """What is different of an index; the first is the nearest to serving."""

    INVALID = 1
    KEY = 2
    PREDICATE = 3
    OPERATOR = 4


@dataclass(frozen=True, slots=True)
class Match:
    """An index, and what keeps it from serving."""

    index: IndexInfo
    obstacles: frozenset[Obstacle]

    @property
    def only(self) -> Obstacle | None:
        """The one obstacle, where there is one."""
        return next(iter(self.obstacles)) if len(self.obstacles) == 1 else None


def nearest_match(case: Case) -> Match | None:
    """Find the index that comes nearest to serving the comparison; None where the column has none."""
    ordering, searched = case.ordering, case.searched
    if ordering is None or searched is None or not case.indexes:
        return None
    if ordering.key is None or ordering.select.groupClause:
        return None  # no index could serve, whatever it holds
    met = case.forced_uses
    matches = [Match(i, _obstacles(i, ordering, searched, met=met)) for i in case.indexes]
    return min(matches, key=lambda match: (len(match.obstacles), sum(match.obstacles)))


def _obstacles(index: IndexInfo, ordering: Ordering, searched: Searched, *, met: bool) -> frozenset[Obstacle]:
    """``met`` is whether some index is used once sequential scans are not an alternative."""
    found = set()
    if not index.valid:
        found.add(Obstacle.INVALID)
    if not same_key(index, ordering.operand, searched):
        found.add(Obstacle.KEY)
        if index.distance is not ordering.distance and not _is_another_type(index, searched.column):
            found.add(Obstacle.OPERATOR)
    elif index.distance is not ordering.distance:
        found.add(Obstacle.OPERATOR)
    if index.predicate is not None and not met:
        found.add(Obstacle.PREDICATE)
    return frozenset(found)


def same_key(index: IndexInfo, operand: Any, searched: Searched) -> bool:
    """Whether an operand is what the index holds, casts and their lengths included."""
    held = expression(index.key) if index.is_expression else None
    if held is not None:
        return unqualified(operand) == unqualified(held)
    return _is_the_column(operand, searched)


def _is_the_column(operand: Any, searched: Searched) -> bool:
    if isinstance(operand, ast.TypeCast):
        # A cast to the type that the column has anyway is none.
        to: Any = operand.typeName
        length = to.typmods[0].val.ival if to.typmods else None
        same = to.names[-1].sval == searched.column.type and length in {None, searched.column.dimensions}
        return same and _is_the_column(operand.arg, searched)
    return isinstance(operand, ast.ColumnRef) and parts(operand)[-1] == searched.name


def _is_another_type(index: IndexInfo, column: VectorColumn) -> bool:
    """Whether the index holds bits of a column that does not, and so has another operator by nature."""
    return index.operator_class.startswith("bit_") and column.type != "bit"


def is_reduced(index: IndexInfo) -> bool:
    """Whether the index holds less than a cast of the column, and its rows want ordering again."""
    held = expression(index.key)
    return not (isinstance(held, ast.TypeCast) and isinstance(held.arg, ast.ColumnRef)) and bool(
        columns_in(held)
    )
