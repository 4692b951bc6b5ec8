"""What will be measured: a column, a distance, some indexes with the settings to try on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from dashboard.benchmark.queries import HELD_OUT, parse_source
from dashboard.benchmark.subset import Subset, parse_subset
from dashboard.benchmark.target import SWEPT_ALONE, WANTED_RECALL, Target, check_tuned
from dashboard.benchmark.trials import NEIGHBOURS, PlannedTrial, Variant
from db.columns import VectorColumn
from db.distance import Distance, distance_named, distances_for
from db.errors import RequestError
from db.forms import parse_spec
from db.indexes import Parameter
from db.runs import LIVE
from db.survey import Survey, forecast_bytes
from db.words import counted

TYPES = frozenset({"vector", "halfvec", "bit"})
"""Types a run can check by itself: their distances are computed here, beside the server."""

QUERIES = Parameter("queries", 200, 1, 10_000, "Rows held out and searched for; more narrow the intervals.")
REPEATS = Parameter("repeats", 1, 1, 100, "How often each query is asked and timed.")
SEED = Parameter("seed", 0, 0, 2**63 - 1, "The same seed holds out the same rows.")
CLIENTS = Parameter("clients", 1, 1, 64, "Connections that ask at once, each from a process of its own.")
SECONDS = Parameter("seconds", 3, 1, 600, "How long each number of clients asks.")
RATE = Parameter(
    "rate", 0, 0, 1_000_000, "Queries per second to offer, by an open loop of the most clients; 0 for none."
)
REBUILDS = Parameter("rebuilds", 1, 1, 10, "How often each index is built: equal builds differ in recall.")
INSERTS = Parameter("inserts", 0, 0, 100_000, "Rows to insert beside the index, to see what they cost.")
MOST_OFFERED = 10_000_000
"""Queries of an open loop, sent or not: the latency of each is kept until its percentiles are known."""

EXACT_QUERIES = 200
"""How many queries the exact trial asks at most: its recall is known, and each reads every row."""

MAX_TRIALS = 2_000
"""Beyond this a plan is a mistake: it would take days."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan takes: statements sent beside the warm-up, and bytes of scratch space at its widest."""

    statements: int
    scratch_bytes: int


@dataclass(frozen=True, slots=True)
class BenchmarkPlan:
    """What to measure, complete: with it and the same rows a run can be repeated.

    ``column`` is written ``schema.table.column``.  ``sample_rows`` None measures the whole table.
    ``subsets`` are spelled as ``parse_subset`` reads them, None for no filter.  ``live`` also asks the
    table as it stands, read-only: exactly, and through whatever index it has today.

    Raises RequestError for a value out of bounds; ``check`` tells what only the column can.
    """

    column: str
    distance: Distance
    variants: tuple[Variant, ...]
    ks: tuple[int, ...] = (NEIGHBOURS.default,)
    queries: int = QUERIES.default
    seed: int = SEED.default
    repeats: int = REPEATS.default
    sample_rows: int | None = None
    subsets: tuple[str | None, ...] = (None,)
    clients: tuple[int, ...] = ()
    seconds: int = SECONDS.default
    rate: int = RATE.default
    rebuilds: int = REBUILDS.default
    inserts: int = INSERTS.default
    live: bool = False
    live_clients: bool = False
    """Whether the clients also load the live table, by closed loops: whoever else uses it will notice."""
    target: Target | None = None
    """What to tune for: the indexes are then candidates, whose settings are searched and not swept.

    A plan with a target takes nothing of ``target.UNTUNED``."""
    sizes: tuple[int, ...] = ()
    """Rows of the copies to measure everything on, ascending, to see how it grows; none: one copy alone."""
    query_source: str = HELD_OUT
    """What is searched for, as ``parse_source`` reads it."""

    def __post_init__(self) -> None:
        for parameter in (QUERIES, REPEATS, SEED, SECONDS, RATE, REBUILDS, INSERTS):
            parameter.check(getattr(self, parameter.name))
        for parameter, values in ((NEIGHBOURS, self.ks), (CLIENTS, self.clients)):
            for value in values:
                parameter.check(value)
        if not self.ks:
            raise RequestError("The plan has no k.", f"Give at least one, such as {NEIGHBOURS.default}.")
        parse_source(self.query_source)
        if self.target:
            check_tuned(self)
        self._check_rate()
        self._check_live_clients()
        for variant in self.variants:
            if self.target is None:
                variant.check()
            variant.check_scans()
            if variant.index.only not in {None, *self.filters}:
                raise RequestError(
                    f"{variant.index} is over the rows of {variant.index.only!r}, which nothing is asked of.",
                    f"Name the same filter in the plan: {', '.join(self.filters) or 'there is none yet'}.",
                )
        if self.sample_rows is not None and self.sample_rows <= self.held_out + max(self.ks):
            raise RequestError(
                f"A sample of {counted(self.sample_rows)} is too small for {counted(self.queries, 'query')}.",
                "Sample more rows, or ask fewer queries.",
            )
        if list(self.sizes) != sorted(set(self.sizes)) or (self.sizes and self.sample_rows is not None):
            raise RequestError(
                f"The sizes {', '.join(map(str, self.sizes))} do not ascend, or stand beside a sample.",
                "Give each size once, the smallest first, and leave out the sample.",
            )
        if self.sizes and self.sizes[0] <= self.held_out + max(self.ks):
            raise RequestError(
                f"A copy of {counted(self.sizes[0])} is too small for {counted(self.queries, 'query')}.",
                "Begin with more rows, or ask fewer queries.",
            )
        if len(self.trials) > MAX_TRIALS:
            raise RequestError(
                f"The plan has {len(self.trials):,} trials, over {MAX_TRIALS:,}.", "Name fewer values."
            )

    def _check_rate(self) -> None:
        if self.rate and not self.clients:
            raise RequestError(
                f"A rate of {self.rate:,}/s needs clients to offer it, and the plan has none.",
                "Name how many, such as clients = 4, or leave out the rate.",
            )
        if self.rate * self.seconds > MOST_OFFERED:
            raise RequestError(
                f"{self.rate:,}/s for {counted(self.seconds, 'second')} are over {MOST_OFFERED:,} queries.",
                "Offer fewer a second, or for less time.",
            )

    def _check_live_clients(self) -> None:
        if self.live_clients and not (self.live and self.clients):
            raise RequestError(
                f"The plan has no {'clients' if self.live else 'live table'} for live_clients.",
                "Set live = true and name clients, such as clients = [1, 4]; or leave live_clients out.",
            )

    @property
    def k(self) -> int:
        """The first of the numbers of neighbours asked for: the one a run's verdict is about."""
        return self.ks[0]

    @property
    def wanted_recall(self) -> float:
        """What each query's recall should reach: the target's, else the usual."""
        return self.target.recall if self.target else WANTED_RECALL

    @property
    def held_out(self) -> int:
        """Rows of the column that are taken out of the copy, to be searched for."""
        return self.queries if parse_source(self.query_source).holds_out else 0

    @property
    def filters(self) -> dict[str, Subset]:
        """What the searches are limited to, by how it is spelled; no filter left out."""
        parsed = (parse_subset(given or "none") for given in self.subsets)
        return {str(subset): subset for subset in parsed if subset}

    @property
    def trials(self) -> tuple[PlannedTrial, ...]:
        """Exact search first, then each index with each of its settings."""
        asked = [
            {"k": k, "subset": str(subset) if subset else None}
            for subset in (parse_subset(given or "none") for given in self.subsets)
            for k in self.ks
        ]
        last = self.sizes[-1] if self.sizes else None
        exact = [PlannedTrial(0, None, **one) for one in asked]  # type: ignore[arg-type]
        swept = [
            PlannedTrial(0, v.index, value, scan, tuples, build=build, **one)  # type: ignore[arg-type]
            for v in (self.variants if self.target is None else ())
            for build in range(1, self.rebuilds + 1)
            for one, value, scan, tuples in product(asked, v.values, v.scans, v.tuples)
            if v.index.only in {None, one["subset"]}
        ]
        live = [
            PlannedTrial(0, None, arm=LIVE, size=last, today=today, **one)  # type: ignore[arg-type]
            for one in asked
            if self.live and not self._is_share(one["subset"])
            for today in (False, True)
        ]
        copies = [replace(t, size=size) for size in self.sizes or (None,) for t in (*exact, *swept)]
        return tuple(replace(trial, position=i) for i, trial in enumerate([*copies, *live]))

    def _is_share(self, subset: object) -> bool:
        """Whether a subset is drawn on the copy alone."""
        return isinstance(subset, str) and self.filters[subset].share is not None

    def check(self, column: VectorColumn, found: Survey) -> None:
        """Raise RequestError where ``column`` and what it holds do not bear this plan."""
        self.check_type(column)
        for variant in self.variants:
            variant.index.check(column.type, found.dimensions, self.distance)
        if self.held_out + max(self.ks) > found.rows:
            raise RequestError(
                f"{column} has {counted(found.rows)} to measure: "
                f"too few for {counted(self.queries, 'query')}.",
                "Ask fewer queries, or load more rows.",
            )

    def check_type(self, column: VectorColumn) -> None:
        """Raise RequestError where no column of this type can be measured, or not by this distance."""
        if column.type not in TYPES:
            raise RequestError(
                f"{column} is a {column.type} column, which a benchmark cannot check yet.",
                f"Benchmark a column of type {' or '.join(sorted(TYPES))}.",
            )
        if self.distance not in (known := distances_for(column.type)):
            raise RequestError(
                f"{self.distance.label} distance is not defined for {column.type}.",
                f"Choose one of {', '.join(distance.stem for distance in known)}.",
            )

    def asked(self, trial: PlannedTrial) -> int:
        """Count the queries that ``trial`` asks."""
        return self.queries if trial.index else min(self.queries, EXACT_QUERIES)

    def searched_rows(self, rows: int) -> int:
        """Count the rows that stay to be searched, of ``rows`` that could be copied."""
        most = self.sizes[-1] if self.sizes else self.sample_rows
        return min(rows, most or rows) - self.held_out

    def cost(self, column_type: str, found: Survey) -> Cost:
        """Forecast what this plan takes on a column of which ``found`` is known."""
        copied = self.searched_rows(found.rows) + self.held_out
        indexes = [v.index.size_forecast_bytes(copied, column_type, found.dimensions) for v in self.variants]
        return Cost(
            statements=sum(self.asked(trial) for trial in self.trials) * self.repeats,
            scratch_bytes=forecast_bytes(copied, found.dimensions, column_type) + max(indexes, default=0),
        )

    def to_params(self) -> dict[str, Any]:
        """Make the JSON form: the parameters of a job."""
        variants = [
            {
                "index": str(v.index),
                "values": list(v.values),
                "scans": list(v.scans),
                "tuples": list(v.tuples),
            }
            for v in self.variants
        ]
        return asdict(self) | {"distance": self.distance.stem, "variants": variants}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> BenchmarkPlan:
        """Read what ``to_params`` made, today or in an earlier release (which knew one ``k`` alone)."""
        given = dict(params)
        given["ks"] = given.get("ks") or [given["k"]]
        given.pop("k", None)
        given |= {name: tuple(given[name]) for name in ("ks", "subsets", "clients", "sizes") if name in given}
        variants = tuple(
            Variant(
                parse_spec(v["index"]),
                tuple(v["values"]),
                tuple(v.get("scans", (None,))),
                tuple(v.get("tuples", (None,))),
            )
            for v in given["variants"]
        )
        if given.get("target"):
            given["target"] = Target(**given["target"])
            # An earlier release took more beside a target, and ignored it.
            variants = tuple(replace(v, values=(), scans=v.scans[:1], tuples=v.tuples[:1]) for v in variants)
            given |= {name: given[name][:1] for name in ("ks", "subsets") if name in given}
            given = {name: value for name, value in given.items() if name not in SWEPT_ALONE}
        elif not given.get("clients"):
            given["rate"] = RATE.default  # earlier releases took a rate that nobody offered
        given |= {"distance": distance_named(given["distance"]), "variants": variants}
        return cls(**given)
