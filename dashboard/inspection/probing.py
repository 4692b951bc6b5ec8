"""The job that asks an index for the rows of a sample, at several settings, and why some stay away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from sqlalchemy import Connection

from dashboard.inspection.findability import (
    KIND,
    MOST_LISTED,
    Findability,
    FindRequest,
    Group,
    Lost,
    Rung,
)
from dashboard.inspection.report import drawn
from dashboard.inspection.statistics import wilson
from db import inspections
from db.canary import setting_in_force, written
from db.catalog import ColumnInfo, default_distance, find_column, other_columns
from db.distance import Distance, distance_named
from db.engine import Database
from db.errors import RequestError
from db.index_catalog import IndexInfo
from db.indexes import METHODS
from db.nearest import UNDEFINED_FOR_ZERO, SearchSettings
from db.progress import Ledger, Progress
from db.sampling import Sample, take_sample
from db.selffind import Probe, Reason, probe_many, self_find, serving_indexes

EXAMINE_S = 30.0
"""How long reasons are looked for, row by row; the rest stays unexamined, and is said to be."""

CROWDED = (Reason.DUPLICATES, Reason.OUTRANKED)
"""Why a row counts as found that did not come back itself: others exactly as near did."""

GROUPS, MOST_VALUES = 7, 50
"""Values of a facet that are shown by themselves, and how many a column worth grouping by has."""

_FACETS = "EBS"
"""Categories of columns that may group rows: enum, boolean, text."""

_MOST_FACETS = 12

_LADDER = {"hnsw": (20, 40, 80, 160, 320), "ivfflat": (1, 2, 4, 8, 16)}
"""Settings tried beside the one in force; each is about twice as dear as the one before."""

REMEDIES = {
    Reason.EF_SEARCH: "raise ef_search",
    Reason.PROBES: "raise probes",
    Reason.DUPLICATES: "remove copies",
    Reason.ZERO: "embed again",
    Reason.UNDEFINED: "scale down",
    Reason.UNREACHABLE: "rebuild index",
    Reason.OUTRANKED: "use cosine",
    Reason.NOT_IN_INDEX: "index them",
}
"""What to do about each reason."""

BATCH = 50
"""Probes asked at one setting before the next has its turn."""

UNEXAMINED = "not examined"


@dataclass(frozen=True, slots=True)
class _Canary:
    """What is asked of which index; ``asked`` are places in the sample."""

    column: ColumnInfo
    distance: Distance
    index: IndexInfo
    setting: int
    sample: Sample
    asked: tuple[int, ...]
    k: int

    def batches(self) -> Iterator[list[tuple[str, str]]]:
        """Yield key and vector of the rows asked for, a few at a time: spelled, vectors take much room."""
        for start in range(0, len(self.asked), BATCH):
            places = self.asked[start : start + BATCH]
            yield [
                (self.sample.keys[place], written(self.sample.vectors[place], self.column.type))
                for place in places
            ]


def find_rows(
    database: Database, request: FindRequest, ledger: Ledger, *, created_by: str, job_id: int | None
) -> int:
    """Probe a sample of a column's rows and return the number the result is kept under.

    Raises RequestError where no index holds every row, or there is nothing to ask for.
    """
    if "inspection" in ledger.checkpoint:
        return int(ledger.checkpoint["inspection"])
    ledger.tell(Progress(0, 0, "probes", "drawing a sample"))
    with database.reading("findability", vectors=True) as connection:
        canary, facet = _prepare(connection, request)
    rungs, outcome = _climb(database, canary, ledger)
    lost = _examine(database, canary, outcome, ledger)
    result = _result(canary, facet, rungs, outcome, lost)
    with database.writing("findability") as connection, connection.begin():
        number = inspections.store(
            connection,
            canary.column,
            KIND,
            params=request.to_params(),
            result=result.to_document(),
            created_by=created_by,
            job_id=job_id,
        )
        ledger.save(connection, Progress(1, 1, "probes", "done"), {"inspection": number})
    return number


def _prepare(connection: Connection, request: FindRequest) -> tuple[_Canary, str | None]:
    column = find_column(connection, request.column)
    distance = distance_named(request.distance) if request.distance else default_distance(column)
    index = next((i for i in serving_indexes(column, distance) if not i.predicate), None)
    if index is None or index.method not in METHODS:
        raise RequestError(
            f"No index on {column} serves {distance.label} for every row.",
            "Search is exact then and loses no row that has a distance; build an index first.",
        )
    names = _facets_asked(connection, column, request)
    sample = take_sample(connection, column, rows=request.probes, seed=request.seed, columns=names)
    if not sample.n:
        raise RequestError(f"{column} holds no vectors.", "Load rows with vectors first.")
    asked = [place for place in range(sample.n) if _has_distance(sample, place, distance)]
    canary = _Canary(
        column,
        distance,
        index,
        setting_in_force(connection, index.method),
        sample,
        tuple(asked),
        request.k,
    )
    return canary, _facet(sample, names)


def _facets_asked(connection: Connection, column: ColumnInfo, request: FindRequest) -> tuple[str, ...]:
    others = other_columns(connection, column)
    if request.facet:
        if request.facet not in {c.name for c in others}:
            names = ", ".join(c.name for c in others) or "none"
            raise RequestError(
                f"There is no column {request.facet!r} to tell findability by.", f"There is {names}."
            )
        return (request.facet,)
    if request.facet is not None:
        return ()
    return tuple(c.name for c in others if c.category in _FACETS and c.name not in column.key)[:_MOST_FACETS]


def _facet(sample: Sample, names: Sequence[str]) -> str | None:
    """Choose the first column that has a few values, each several times."""
    if len(names) == 1:
        return names[0]
    for name in names:
        values = {value for value in sample.labels[name] if value is not None}
        if 2 <= len(values) <= min(MOST_VALUES, sample.n // 10):
            return name
    return None


def _has_distance(sample: Sample, place: int, distance: Distance) -> bool:
    return distance not in UNDEFINED_FOR_ZERO or bool(sample.vectors[place].any())


def _climb(database: Database, canary: _Canary, ledger: Ledger) -> tuple[tuple[Rung, ...], dict[int, Probe]]:
    """Ask every probe at every setting; hand back what the setting in force found, by place.

    Settings take turns, batch by batch, so that a machine that drifts slows all of them alike.
    """
    values, done = _rungs(canary), 0
    found: dict[int, list[Probe]] = {value: [] for value in values}
    times_ms: dict[int, list[float]] = {value: [] for value in values}
    for batch in canary.batches():
        # A transaction a batch: an old snapshot keeps the server from cleaning up, and none is open
        # while vectors are spelled.
        with database.reading("findability", vectors=True) as connection:
            for value in values:
                ledger.tell(Progress(done, len(canary.asked) * len(values), "probes", "asking the index"))
                started = perf_counter()
                found[value] += _ask(connection, canary, batch, value)
                times_ms[value].append(1000 * (perf_counter() - started) / len(batch))
                done += len(batch)
    rungs = tuple(
        Rung(value, sum(probe.found for probe in found[value]), median(times_ms[value] or [0.0]))
        for value in values
    )
    return rungs, dict(zip(canary.asked, found[canary.setting], strict=True))


def _rungs(canary: _Canary) -> tuple[int, ...]:
    highest = METHODS[canary.index.method].search.high
    highest = min(highest, int(canary.index.options.get("lists", highest)))
    return tuple(sorted({canary.setting, *(v for v in _LADDER[canary.index.method] if v <= highest)}))


def _ask(
    connection: Connection, canary: _Canary, batch: Sequence[tuple[str, str]], value: int
) -> Iterator[Probe]:
    settings = SearchSettings().tuned(canary.index.method, value)
    return probe_many(connection, canary.column, canary.distance, batch, settings, canary.k)


def _examine(
    database: Database, canary: _Canary, outcome: dict[int, Probe], ledger: Ledger
) -> tuple[Lost, ...]:
    """Name the rows that do not come back, and look for the reason of as many as there is time for."""
    keys = canary.sample.keys
    rows = [Lost(keys[place], Reason.ZERO.value, None) for place in range(len(keys)) if place not in outcome]
    missing = [probe for probe in outcome.values() if not probe.found]
    deadline = perf_counter() + EXAMINE_S
    for done, probe in enumerate(missing):
        ledger.tell(Progress(done, len(missing), "lost rows", "looking for reasons"))
        if perf_counter() > deadline:
            rows.append(Lost(probe.key, UNEXAMINED, None))
            continue
        with database.reading("findability", vectors=True) as connection:
            found = self_find(connection, canary.column, canary.distance, probe.key, k=canary.k)
        rows.append(Lost(probe.key, found.reason.value, found.enough))
    for probe in outcome.values():
        if probe.found and probe.rank is None:
            rows.append(Lost(probe.key, CROWDED[not probe.ties].value, None))
    return tuple(rows)


def _result(
    canary: _Canary,
    facet: str | None,
    rungs: tuple[Rung, ...],
    outcome: dict[int, Probe],
    lost: tuple[Lost, ...],
) -> Findability:
    found = sum(probe.found for probe in outcome.values())
    # The commonest first, and those that count as found after all last.
    reasons = Counter(row.reason for row in lost)
    crowded = {reason.value for reason in CROWDED}
    words = sorted(reasons, key=lambda word: (word in crowded, -reasons[word]))
    remedies = {reason.value: remedy for reason, remedy in REMEDIES.items()}
    return Findability(
        distance=canary.distance.stem,
        index=canary.index.name,
        method=canary.index.method,
        parameter=METHODS[canary.index.method].search.name,
        setting=canary.setting,
        k=canary.k,
        sample=drawn(canary.sample),
        probes=canary.sample.n,
        found=found,
        shadowed=sum(probe.found and probe.rank is None for probe in outcome.values()),
        interval=wilson(found, canary.sample.n),
        facet=facet,
        groups=_groups(canary, facet, outcome) if facet else (),
        rungs=rungs,
        reasons=tuple((word, reasons[word], remedies.get(word, "")) for word in words),
        lost=lost[:MOST_LISTED],
    )


def _groups(canary: _Canary, facet: str, outcome: dict[int, Probe]) -> tuple[Group, ...]:
    """Count by value: the commonest by themselves, the rest together, those that lose most first."""
    labels = canary.sample.labels[facet]
    probes = Counter(labels)
    lost = Counter(labels[p] for p in range(canary.sample.n) if p not in outcome or not outcome[p].found)
    shown = [value for value, _ in probes.most_common(GROUPS)]
    rest = [value for value in probes if value not in set(shown)]
    groups = [Group(value, probes[value], lost[value], wilson(lost[value], probes[value])) for value in shown]
    groups.sort(key=lambda group: -group.lost / group.probes)
    if rest:
        n, missing = sum(probes[value] for value in rest), sum(lost[value] for value in rest)
        groups.append(Group(f"{len(rest):,} others", n, missing, wilson(missing, n)))
    return tuple(groups)
