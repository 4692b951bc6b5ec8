"""What would it take?  A few settings tried on one query, each set against the exact answer."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

from sqlalchemy import Connection

from db.comparison import Comparison, compare
from db.errors import StatementTimeout
from db.indexes import METHODS
from db.nearest import SearchSettings
from db.savepoint import within
from db.search import SearchResult, search
from db.underfill import index_used

BUDGET_S = 2.0

_TRIED = {"hnsw": (40, 80, 160, 320), "ivfflat": (1, 4, 10)}
"""Values of each method's search parameter; each is about twice as dear as the one before."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One setting: what it found of the exact answer, and what the server took for it.

    ``is_current`` marks the setting of the answer the ladder was made for.
    """

    label: str
    result: SearchResult
    comparison: Comparison
    is_current: bool = False


def ladder(
    connection: Connection, exact: SearchResult, current: SearchResult, budget_s: float = BUDGET_S
) -> tuple[Rung, ...]:
    """Try settings around ``current`` on its query, cheapest first, until ``budget_s`` is spent.

    The exact answer comes last.  Empty where ``current`` did not come through an index.
    """
    deadline = monotonic() + budget_s
    rungs = []
    for label, settings in _steps(current):
        result = current if settings is None else _search_until(connection, current, settings, deadline)
        if result is None:
            break
        rungs.append(Rung(label, result, compare(exact, result), is_current=settings is None))
    return (*rungs, Rung("exact", exact, compare(exact, exact))) if rungs else ()


def _steps(current: SearchResult) -> Iterator[tuple[str, SearchSettings | None]]:
    """Yield labels and settings; None stands for what ``current`` was searched with."""
    index = index_used(current)
    if index is None or index.method not in METHODS:
        return
    parameter = METHODS[index.method].search.name
    now = int(current.in_force[f"{index.method}.{parameter}"])
    scan = current.in_force.get(f"{index.method}.iterative_scan", "off")
    suffix = "" if scan == "off" else f", {scan.replace('_', ' ')}"
    for value in sorted({now, *_TRIED[index.method]}):
        settings = current.request.settings.tuned(index.method, value)
        yield f"{parameter} {value}{suffix}", None if value == now else settings
    if scan == "off" and current.request.filters:
        settings = replace(current.request.settings, iterative_scan="relaxed_order")
        yield f"{parameter} {now}, relaxed order", settings


def _search_until(
    connection: Connection, current: SearchResult, settings: SearchSettings, deadline: float
) -> SearchResult | None:
    left_ms = round((deadline - monotonic()) * 1000)
    if left_ms <= 0:
        return None
    with suppress(StatementTimeout), within(connection, left_ms):
        return search(connection, replace(current.request, settings=settings))
    return None
