"""What a plan will take, said before it starts: time, disk and memory.

Time is counted from constants measured on two shared cores (PostgreSQL 18, pgvector 0.8.5, 5,000 to 60,000
rows of 16 to 1,536 dimensions), which hold within a factor of three.  When a run starts they are scaled by
how long this server took just then to read the column once, and to index and search a thousand of its rows:
within a factor of two, while its load stays as it was.  A run keeps its forecast and tells how wrong it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from dashboard.benchmark.load import SETTLING_S
from dashboard.benchmark.looks import LOOKED_INTO
from dashboard.benchmark.paces import (
    COPY_ELEMENT_S,
    COPY_ROW_S,
    GRAPH_S,
    LISTS_S,
    PARALLEL_BYTES,
    PRODUCT_S,
    READ_ELEMENT_S,
    READ_ROW_S,
    SERVER_MEMORY_MB,
    SPILLED,
    STATEMENT_S,
    VISIT_S,
    Paces,
    bounded,
)
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.rounds import CONTROLS
from dashboard.benchmark.screening import SURVIVORS, screened_rows, share_known
from dashboard.benchmark.trials import PlannedTrial
from db.errors import RequestError
from db.forms import IndexSpec
from db.indexes import Hnsw, Ivfflat, stored_bytes
from db.pace import Pace
from db.runs import LIVE
from db.survey import Survey, forecast_bytes

WARM_UP_SHARE = 0.3
"""Of a trial's queries, what the warm-up asks at most."""

TUNED_QUERIES = 3
"""How often a bisection asks every query of a candidate, about: most of its settings are asked a few."""

TELLING_S = 0.05
"""What is read within less was over before it told anything of the pace."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds of each part of a run, bytes of scratch space at its widest, bytes of this process's memory.

    ``build_bytes`` is what the largest graph wants of the server's maintenance_work_mem.
    """

    copy_s: float
    truth_s: float
    build_s: float
    query_s: float
    load_s: float
    insert_s: float
    scratch_bytes: int
    memory_bytes: int
    build_bytes: int

    @property
    def total_s(self) -> float:
        """The whole run."""
        return self.copy_s + self.truth_s + self.build_s + self.query_s + self.load_s + self.insert_s

    def sentence(self) -> str:
        """Say it in a line."""
        return (
            f"About {duration(self.total_s)}: {duration(self.build_s)} of it to build, "
            f"{duration(self.query_s + self.load_s)} to ask; {self.scratch_bytes / 2**20:,.0f} MB of scratch "
            f"space, {self.memory_bytes / 2**20:,.0f} MB of memory here."
        )

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form: every part, and ``total_s``."""
        return {**asdict(self), "total_s": self.total_s}


def duration(seconds: float) -> str:
    """Write seconds as one would say them.

    >>> duration(0.4), duration(95), duration(7300)
    ('1 s', '95 s', '2 h 2 min')
    """
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def forecast(
    plan: BenchmarkPlan,
    column_type: str,
    found: Survey,
    *,
    read_s: float | None = None,
    pace: Pace | None = None,
    build_memory_mb: int = 0,
    share_met: float | None = None,
) -> Forecast:
    """Forecast what ``plan`` takes on a column of which ``found`` is known.

    ``read_s`` is how long reading all its vectors took once, ``pace`` what the server does at this moment,
    ``share_met`` the share of the rows that meets the filter of a search for a target; None where nobody has
    measured it.
    """
    share = share_known(plan) if share_met is None else share_met
    usual = _Counted(
        plan, column_type, found, build_memory_mb or SERVER_MEMORY_MB, 1.0 if share is None else share
    )
    counted = replace(usual, paces=_paces(usual, read_s, pace))
    parts = [counted.on_copy(trials, size) for size, trials in _copies(plan)]
    rows = plan.searched_rows(found.rows)
    return Forecast(
        copy_s=sum(part.copy_s for part in parts),
        truth_s=sum(part.truth_s for part in parts),
        build_s=sum(part.build_s for part in parts),
        query_s=sum(part.query_s for part in parts),
        load_s=sum(part.load_s for part in parts),
        insert_s=sum(part.insert_s for part in parts),
        scratch_bytes=plan.cost(column_type, found).scratch_bytes,
        memory_bytes=(rows + plan.queries) * found.dimensions * 4,
        build_bytes=max((counted.graph_bytes(v.index, rows) for v in plan.variants), default=0),
    )


def check_time(expected: Forecast, budget_s: float) -> None:
    """Raise RequestError where the forecast is over ``budget_s``."""
    if expected.total_s > budget_s:
        raise RequestError(
            f"This benchmark would take about {duration(expected.total_s)}; "
            f"{duration(budget_s)} may be spent on one.",
            "Name fewer indexes or settings, or measure a sample; BENCHMARK_BUDGET_MINUTES sets the budget.",
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Seconds on one copy."""

    copy_s: float
    truth_s: float
    build_s: float
    query_s: float
    load_s: float
    insert_s: float


def _paces(usual: _Counted, read_s: float | None, pace: Pace | None) -> Paces:
    """Compare what was measured with what is counted; reading stands for what was not."""
    read = None
    if read_s is not None and read_s > TELLING_S:
        read = read_s / usual.read_s(usual.found.rows)
    elif pace:
        read = pace.exact_s / (STATEMENT_S + usual.read_s(pace.rows))
    read = bounded(1.0 if read is None else read)
    if pace is None or pace.build_s is None or pace.search_s is None:
        return Paces(read, read, read)
    spec = IndexSpec(Hnsw())
    return Paces(
        read,
        build=bounded(pace.build_s / (pace.rows * usual.graph_row_s(spec, pace.rows))),
        search=bounded(pace.search_s / (STATEMENT_S + usual.visit_s(Hnsw.search.default))),
    )


def _copies(plan: BenchmarkPlan) -> Iterator[tuple[int | None, list[PlannedTrial]]]:
    """Give each copy with the trials on it, those of the live table with the last; a sweep for a target."""
    trials = [trial for trial in plan.trials if trial.arm != LIVE]
    live = [trial for trial in plan.trials if trial.arm == LIVE]
    copies = [(size, list(group)) for size, group in groupby(trials, key=lambda t: t.size)]
    for size, group in copies:
        yield size, group + (live if size == copies[-1][0] else [])


@dataclass(frozen=True, slots=True)
class _Counted:
    """Counts the work of a plan on a column."""

    plan: BenchmarkPlan
    type: str
    found: Survey
    build_memory_mb: int
    share_met: float
    paces: Paces = Paces()

    def on_copy(self, trials: list[PlannedTrial], size: int | None) -> _Part:
        plan = self.plan
        copied = min(size or plan.sample_rows or self.found.rows, self.found.rows)
        rows = copied - plan.held_out
        builds = [spec for spec, _ in dict.fromkeys((t.index, t.build) for t in trials) if spec]
        build_s = math.fsum(self.build_s(spec, rows) for spec in builds)
        query_s = sum(self.trial_s(trial, rows) for trial in trials)
        groups = {(t.index, t.build, t.k, t.subset) for t in trials if t.index or t.today}
        query_s += len(groups) * CONTROLS * self.read_s(rows)
        if plan.target:
            build_s, query_s = self.tuned(rows)
        levels = len(plan.clients) + bool(plan.rate)
        asked = [sum((trial.arm == LIVE) is live for trial in trials) for live in (False, True)]
        inserted = plan.inserts * (1 + len(builds))
        pace, dimensions = self.paces.read, self.found.dimensions
        return _Part(
            copy_s=pace * copied * (COPY_ROW_S + COPY_ELEMENT_S * dimensions) + self.read_s(copied),
            truth_s=pace * plan.queries * rows * dimensions * PRODUCT_S * len(plan.subsets),
            build_s=build_s,
            query_s=query_s,
            load_s=(asked[False] * levels + asked[True] * len(plan.clients) * plan.live_clients)
            * (plan.seconds + max(1.0, pace) * SETTLING_S),
            insert_s=pace * inserted * 2 * COPY_ROW_S
            + math.fsum(plan.inserts * 2 * self.graph_row_s(spec, rows) for spec in builds),
        )

    def tuned(self, rows: int) -> tuple[float, float]:
        """Count a search for a target: all candidates on a small copy and two whole, else all whole."""
        specs = [variant.index for variant in self.plan.variants]
        builds = [self.build_s(spec, rows) for spec in specs]
        build_s, searched = math.fsum(builds), len(specs)
        if small := screened_rows(self.plan, rows, self.share_met):
            searched += SURVIVORS
            build_s = SURVIVORS * build_s / len(specs) + math.fsum(self.build_s(s, small) for s in specs)
        setting_s = self.statement_s + self.visit_s(100) * self.paces.search
        asked_s = searched * TUNED_QUERIES * self.plan.queries * setting_s
        return build_s, asked_s + self.plan.queries * self.read_s(rows)

    @property
    def width(self) -> float:
        """What a step in a graph costs beside one at 128 dimensions: most of it does not grow with them."""
        return 0.75 + self.found.dimensions / 512

    def read_s(self, rows: int) -> float:
        """Read every vector once, as exact search does."""
        return self.paces.read * rows * (READ_ROW_S + READ_ELEMENT_S * self.found.dimensions)

    def trial_s(self, trial: PlannedTrial, rows: int) -> float:
        """Ask every query of a trial, with its warm-up and the looks into it."""
        asked = self.plan.asked(trial) * (self.plan.repeats + WARM_UP_SHARE) + LOOKED_INTO
        return asked * (self.statement_s + self.search_s(trial, rows))

    @property
    def statement_s(self) -> float:
        """A search's planning, transport and answer, now."""
        return STATEMENT_S * self.paces.search

    def visit_s(self, candidates: int) -> float:
        """Look at so many candidates of a graph, as usual."""
        return candidates * VISIT_S * self.width

    def search_s(self, trial: PlannedTrial, rows: int) -> float:
        if trial.index is None or trial.value is None:
            return self.read_s(rows)
        method = trial.index.method
        if isinstance(method, Ivfflat):
            return self.read_s(rows) * min(1.0, trial.value / method.lists) + self.read_s(method.lists)
        return self.paces.search * self.visit_s(max(trial.value, trial.k))

    def build_s(self, spec: IndexSpec, rows: int) -> float:
        method = spec.method
        workers = 2 if forecast_bytes(rows, self.found.dimensions, self.type) >= PARALLEL_BYTES else 1
        if isinstance(method, Ivfflat):
            lists_s = LISTS_S * method.lists * self.found.dimensions
            return self.paces.build * rows * (COPY_ROW_S + lists_s) / workers
        spilled = self.graph_bytes(spec, rows) > self.build_memory_mb * 2**20
        return rows * self.graph_row_s(spec, rows) * (SPILLED if spilled else 1) / workers

    def graph_row_s(self, spec: IndexSpec, rows: int) -> float:
        """Insert one row among ``rows``, of which a graph reaches deeper by their logarithm."""
        if not isinstance(spec.method, Hnsw):
            return COPY_ROW_S
        depth = math.log(max(rows, 2)) / math.log(5000)
        return (
            self.paces.build
            * GRAPH_S
            * math.sqrt(spec.method.m * spec.method.ef_construction)
            * depth
            * self.width
        )

    def graph_bytes(self, spec: IndexSpec, rows: int) -> int:
        """Size of a graph in memory; 0 for lists.  Source: measured, bytes a row = 4d + 32m + 208."""
        if not isinstance(spec.method, Hnsw):
            return 0
        held_type, dimensions, _ = spec.holds(self.type, self.found.dimensions, self.plan.distance)
        return rows * (stored_bytes(held_type, dimensions) + 32 * spec.method.m + 200)
