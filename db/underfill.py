"""Why fewer rows came back than were asked for, and what would bring the others."""

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, select, true

from db.distance import Distance
from db.errors import StatementTimeout
from db.index_catalog import IndexInfo
from db.indexes import METHODS, Hnsw, Ivfflat
from db.nearest import (
    NAN,
    UNDEFINED_FOR_ZERO,
    SearchRequest,
    SearchSettings,
    away,
    conditions,
    identity,
    is_row,
    source,
)
from db.savepoint import within
from db.search import SearchResult
from db.words import counted

COUNT_TIMEOUT_MS = 1000
"""A cause is worth this long a wait; without the counts, the index is taken to have stopped early."""


_LARGEST = (2 - 2**-23) * 2.0**127
"""The largest 4-byte float, some 3.4e38."""


class Cause(Enum):
    """What kept rows out of an answer."""

    TABLE = "the table is smaller"
    FILTER = "the filter matches fewer"
    UNDEFINED = "the other vectors have no distance"
    QUERY = "the query is too large"
    FILTERED_AFTER = "the filter ran after the index stopped"
    EF_SEARCH = "ef_search is below k"
    PROBES = "too few lists were read"
    INDEX = "the index stopped early"


@dataclass(frozen=True, slots=True)
class Remedy:
    """Settings that should fill the answer, and what to call them."""

    label: str
    settings: SearchSettings


@dataclass(frozen=True, slots=True)
class Underfill:
    """Why rows are missing, in a sentence; without remedies, there are no more to be had."""

    cause: Cause
    sentence: str
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class _Counts:
    """Rows there are, that meet the conditions, and that also have a distance; none above k."""

    stored: int
    matching: int
    defined: int


def diagnose_underfill(connection: Connection, result: SearchResult) -> Underfill | None:
    """Say why ``result`` holds fewer rows than were asked for; None where it does not."""
    if result.returned >= result.asked:
        return None
    counts = _count(connection, result.request)
    if counts and counts.defined <= result.returned:
        return _nothing_more(result.request, counts)
    return _index_stopped(result) if result.index else None


def index_used(result: SearchResult) -> IndexInfo | None:
    """Find the index the answer came through; a partition's stands for the table's."""
    if result.index is None:
        return None
    candidates = result.request.column.indexes
    by_name = (index for index in candidates if index.name == result.index)
    by_distance = (index for index in candidates if index.distance is result.request.distance)
    return next(by_name, next(by_distance, None))


def _count(connection: Connection, request: SearchRequest) -> _Counts | None:
    """Count no further than k, and no longer than COUNT_TIMEOUT_MS."""
    rows = source(request.column, (f.column for f in request.filters))
    others = []
    if request.query.row is not None:
        others.append(not_(is_row(list(identity(request.column, rows).values()), request.query.row)))
    matching = [*others, *conditions(request, rows)]

    def up_to_k(*where: ColumnElement[bool]) -> ColumnElement[int]:
        found = select(1).select_from(rows).where(*where).limit(request.k).subquery()
        return select(func.count()).select_from(found).scalar_subquery()

    # CASE: of two conditions side by side the server might ask for the distance first, and vectors of
    # different lengths have none.
    has_distance = case((and_(true(), *matching), away(request, rows))) < NAN
    wanted = select(up_to_k(*others), up_to_k(*matching), up_to_k(*matching, has_distance))
    with suppress(StatementTimeout), within(connection, COUNT_TIMEOUT_MS):
        return _Counts(*connection.execute(wanted).one())
    return None


def _nothing_more(request: SearchRequest, counts: _Counts) -> Underfill:
    if counts.defined < counts.matching and _overflows(request):
        sentence = "The query itself is too large to compute with: its distances mean nothing."
        return Underfill(Cause.QUERY, sentence)
    besides = " besides the query's own" if request.query.row is not None else ""
    if counts.stored < request.k:
        cause, found = Cause.TABLE, counts.stored
        sentence = f"{request.column.schema}.{request.column.table} holds {_only(found)}{besides}"
    elif counts.matching < request.k:
        cause, found = Cause.FILTER, counts.matching
        of_length = f"With {counted(request.query.dimensions, 'dimension')} the column holds"
        sentence = f"{'The filter leaves' if request.filters else of_length} {_only(found)}{besides}"
    else:
        cause, found = Cause.UNDEFINED, counts.defined
        sentence = (
            f"{_only(found).capitalize()}{besides} can be ranked: the other vectors are {_undefined(request)}"
        )
    if counts.defined < found:
        sentence += (
            f", of which {counts.defined:,} can be ranked: the other vectors are {_undefined(request)}"
        )
    return Underfill(cause, f"{sentence}.")


def _overflows(request: SearchRequest) -> bool:
    """Tell whether pgvector, which adds up squares as 4-byte floats, can make a length of the query."""
    if request.column.type not in {"vector", "sparsevec"}:
        return False  # no halfvec is so long
    elements = request.query.vector.partition("/")[0].strip("[]{} ")
    numbers = (float(part.rpartition(":")[2]) for part in elements.split(",") if part.strip())
    return sum(number * number for number in numbers) > _LARGEST


def _undefined(request: SearchRequest) -> str:
    if request.distance in UNDEFINED_FOR_ZERO:
        return "NULL, zero or too large to compute with"
    # A sum of products may hold both infinities.
    return "NULL or too large to compute with" if request.distance is Distance.INNER_PRODUCT else "NULL"


def _index_stopped(result: SearchResult) -> Underfill:
    """Read from the plan how far the index came."""
    request, index = result.request, index_used(result)
    method = index.method if index else ""
    scans = [node for node in result.plan.root.walk() if node.order_by]
    removed = round(sum(node.rows_removed or 0 for node in scans))
    handed = removed + round(sum(node.rows_actual or 0 for node in scans))
    iterative = result.in_force.get(f"{method}.iterative_scan", "off") != "off"
    ef_search = int(result.in_force.get("hnsw.ef_search", 0))

    if removed:
        stop = f"The index handed over {handed:,} candidates and {removed:,} of them failed the filter"
        cause, sentence = Cause.FILTERED_AFTER, f"{stop}; it looks no further than its settings allow."
    elif method == Hnsw.name and ef_search < request.limit and not iterative:
        cause = Cause.EF_SEARCH
        sentence = f"hnsw.ef_search is {ef_search}: the index hands over no more rows than that."
    elif method == Ivfflat.name and not iterative:
        cause = Cause.PROBES
        sentence = (
            f"ivfflat.probes is {result.in_force['ivfflat.probes']}: the lists read hold {counted(handed)}."
        )
    else:
        cause = Cause.INDEX
        sentence = (
            f"The index stopped after {counted(handed)}: deleted or equal rows may use up its candidates."
        )
    return Underfill(cause, sentence, _remedies(result, index, iterative=iterative))


def _remedies(result: SearchResult, index: IndexInfo | None, *, iterative: bool) -> tuple[Remedy, ...]:
    settings = result.request.settings
    remedies = []
    if index and not iterative and f"{index.method}.iterative_scan" in result.in_force:
        remedies.append(Remedy("Iterative scan", replace(settings, iterative_scan="relaxed_order")))
    if index and index.method in METHODS:
        search = METHODS[index.method].search
        now = int(result.in_force[f"{index.method}.{search.name}"])
        highest = min(search.high, int(index.options.get("lists", search.high)))
        if now < (more := min(highest, max(10 * now, 2 * result.request.limit))):
            remedies.append(Remedy(f"{search.name} {more}", settings.tuned(index.method, more)))
    return (*remedies, Remedy("Exact", SearchSettings(exact=True)))


def _only(count: int) -> str:
    return f"only {counted(count)}" if count else "no rows"
