"""Can the index find a row?  Ask it for the row's own vector, and see whether the row comes back.

A canary, not recall: a row that no search can reach is lost whatever was asked, while one that finds
itself may still be missing from its neighbours' answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from time import monotonic

from sqlalchemy import (
    Boolean,
    Connection,
    literal_column,
    select,
)

from db.canary import setting_in_force
from db.catalog import ColumnInfo
from db.distance import Distance
from db.errors import RequestError
from db.index_catalog import IndexInfo
from db.indexes import METHODS
from db.items import stored_vector
from db.keys import key_parts
from db.nearest import (
    UNDEFINED_FOR_ZERO,
    SearchSettings,
    identity,
    is_row,
    source,
)
from db.probing import Probe, Prober, forced
from db.vectors import read_query

__all__ = ["Probe", "Reason", "SelfFind", "holds", "probe_many", "self_find", "serving_indexes"]

BUDGET_S = 2.0
"""What looking for a setting that finds a lost row may take."""

_AT_ONCE = 50
"""Probes between two breaths: no setting and no savepoint stays open while the caller has its turn."""


class Reason(Enum):
    """Why a row is found or not, in a word."""

    FOUND = "found"
    DUPLICATES = "duplicate group"
    OUTRANKED = "nearer rows"
    NULL = "null vector"
    ZERO = "zero vector"
    UNDEFINED = "no distance"
    NO_INDEX = "no index"
    NOT_IN_INDEX = "not in the index"
    EF_SEARCH = "low ef_search"
    PROBES = "low probes"
    UNREACHABLE = "unreachable"


_TOO_LOW = {"hnsw": Reason.EF_SEARCH, "ivfflat": Reason.PROBES}


@dataclass(frozen=True, slots=True)
class SelfFind:
    """Whether the index finds a row, and why not; figures as in ``Probe``.

    ``setting`` is the ef_search or probes in force and ``enough`` the smallest value tried that finds the
    row: equal where it is found, None where no value tried was.  ``index`` is None where none serves.
    """

    found: bool
    reason: Reason
    rank: int | None = None
    nearest_distance: float | None = None
    ties: int = 0
    index: IndexInfo | None = None
    setting: int | None = None
    enough: int | None = None


def self_find(
    connection: Connection,
    column: ColumnInfo,
    distance: Distance,
    key: str,
    *,
    settings: SearchSettings = SearchSettings(),
    k: int = 10,
) -> SelfFind:
    """Look for the row called ``key`` through the index, and for the reason where it does not come back.

    Wider settings are tried in turn for BUDGET_S.  Raises RequestError for a row that is not there.
    """
    key, vector = stored_vector(connection, column, key)
    if vector is None:
        return SelfFind(found=False, reason=Reason.NULL)
    if read_query(vector, column.type).is_zero and distance in UNDEFINED_FOR_ZERO:
        return SelfFind(found=False, reason=Reason.ZERO)
    serving = serving_indexes(column, distance)
    if not serving:
        return SelfFind(found=False, reason=Reason.NO_INDEX)
    index = next((i for i in serving if holds(connection, column, i, key)), None)
    if index is None:
        return SelfFind(found=False, reason=Reason.NOT_IN_INDEX, index=serving[0])
    return _through(connection, Prober(connection, column, distance, index, k), (key, vector), settings)


def probe_many(  # noqa: PLR0917 - the five that make a search, and the rows
    connection: Connection,
    column: ColumnInfo,
    distance: Distance,
    probes: Iterable[tuple[str, str]],
    settings: SearchSettings = SearchSettings(),
    k: int = 10,
) -> Iterator[Probe]:
    """Look for many rows, given as key and vector as text, one statement each; in their order.

    A key is spelled as the search page spells it.  Vectors without a distance to themselves are not found.

    Raises RequestError where no index holds every row, or the planner would not use it.
    """
    index = next((i for i in serving_indexes(column, distance) if not i.predicate), None)
    if index is None:
        raise RequestError(
            f"No index on {column} serves {distance.label} for every row.",
            "Choose the distance of an index, or build one.",
        )
    prober = Prober(connection, column, distance, index, k)
    waiting, is_checked = iter(probes), False
    while block := list(islice(waiting, _AT_ONCE)):
        with forced(connection, settings):
            if not is_checked:
                prober.check_plan(block[0][1])
                is_checked = True
            found = [prober.probe(key, vector) for key, vector in block]
        yield from found


def serving_indexes(column: ColumnInfo, distance: Distance) -> tuple[IndexInfo, ...]:
    """List the valid indexes that can answer by ``distance``, those that hold every row first."""
    known = (i for i in column.indexes if i.valid and not i.is_expression and i.method in METHODS)
    serving = (i for i in known if i.distance is distance)
    return tuple(sorted(serving, key=lambda index: index.predicate is not None))


def holds(connection: Connection, column: ColumnInfo, index: IndexInfo, key: str) -> bool:
    """Tell whether the row meets the condition of a partial index; an index without one holds every row.

    Rows without a vector are in no index, whatever this says.
    """
    if not index.predicate:
        return True
    rows = source(column)
    marks = list(identity(column, rows).values())
    condition = literal_column(index.predicate, Boolean())
    meets = select(condition).select_from(rows).where(is_row(marks, key_parts(column, key)))
    return bool(connection.execute(meets).scalars().first())


def _through(
    connection: Connection, prober: Prober, row: tuple[str, str], settings: SearchSettings
) -> SelfFind:
    """Probe with the settings given, then with ever wider ones."""
    method, deadline = prober.index.method, monotonic() + BUDGET_S
    with forced(connection, settings):
        prober.check_plan(row[1])
        first = prober.probe(*row)
        setting = setting_in_force(connection, method)
    found = SelfFind(
        first.found,
        _reason(first),
        first.rank,
        first.nearest_distance,
        first.ties,
        prober.index,
        setting,
        enough=setting if first.found else None,
    )
    if found.reason is not Reason.UNREACHABLE:
        return found
    for value in _wider(prober.index, setting):
        if monotonic() > deadline:
            break
        with forced(connection, settings.tuned(method, value)):
            if prober.probe(*row).found:
                return replace(found, reason=_TOO_LOW[method], enough=value)
    return found


def _reason(probe: Probe) -> Reason:
    if math.isnan(probe.own_distance):
        return Reason.UNDEFINED
    if not probe.found:
        return Reason.UNREACHABLE
    if probe.rank:
        return Reason.FOUND
    return Reason.DUPLICATES if probe.ties else Reason.OUTRANKED


def _wider(index: IndexInfo, setting: int) -> Iterator[int]:
    """Double the setting until it can be raised no more: an IVFFlat index has no more lists to read."""
    highest = METHODS[index.method].search.high
    highest = min(highest, int(index.options.get("lists", highest)))
    while setting < highest:
        setting = min(2 * setting, highest)
        yield setting
