"""What will be measured: a column, a distance, some indexes with the settings to try on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from db.columns import VectorColumn
from db.distance import Distance, distance_named, distances_for
from db.errors import RequestError
from db.indexes import Hnsw, IndexMethod, Parameter, parse_index
from db.runs import EXACT
from db.scratch import Survey, forecast_bytes

TYPES = frozenset({"vector", "halfvec"})
"""Types a run can check by itself: their distances are computed here, beside the server."""

NEIGHBOURS = Parameter("k", 10, 1, 1000, "Neighbours each query asks for.")
QUERIES = Parameter("queries", 200, 1, 10_000, "Rows held out and searched for; more narrow the intervals.")
REPEATS = Parameter("repeats", 1, 1, 100, "How often each query is asked and timed.")
SEED = Parameter("seed", 0, 0, 2**63 - 1, "The same seed holds out the same rows.")

EXACT_QUERIES = 200
"""How many queries the exact trial asks at most: its recall is known, and each reads every row."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One index, and the values of its search setting to try on it without building it again."""

    index: IndexMethod
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One index (None: exact search) with one value of its setting; ``position`` orders the run."""

    position: int
    index: IndexMethod | None
    value: int | None = None

    @property
    def method(self) -> str:
        """The index method, or ``exact``."""
        return self.index.name if self.index else EXACT

    @property
    def options(self) -> dict[str, int]:
        """The build options; none for exact search."""
        return self.index.options if self.index else {}

    @property
    def setting(self) -> dict[str, int]:
        """The search setting by name; none for exact search."""
        return {self.index.search.name: self.value} if self.index and self.value is not None else {}

    def note(self, k: int) -> str | None:
        """Say what keeps this trial from ever returning ``k`` rows, if anything does."""
        if isinstance(self.index, Hnsw) and self.value is not None and self.value < k:
            return f"ef_search = {self.value} is below k = {k}: at most {self.value} rows come back."
        return None

    def __str__(self) -> str:
        setting = " ".join(f"{name}={value}" for name, value in self.setting.items())
        return f"{self.index or EXACT} {setting}".strip()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan takes: statements sent beside the warm-up, and bytes of scratch space at its widest."""

    statements: int
    scratch_bytes: int


@dataclass(frozen=True, slots=True)
class BenchmarkPlan:
    """What to measure, complete: with it and the same rows a run can be repeated.

    ``column`` is written ``schema.table.column``.  ``sample_rows`` None measures the whole table.
    Raises RequestError for a value out of bounds; ``check`` tells what only the column can.
    """

    column: str
    distance: Distance
    variants: tuple[Variant, ...]
    k: int = NEIGHBOURS.default
    queries: int = QUERIES.default
    seed: int = SEED.default
    repeats: int = REPEATS.default
    sample_rows: int | None = None

    def __post_init__(self) -> None:
        for parameter in (NEIGHBOURS, QUERIES, REPEATS, SEED):
            parameter.check(getattr(self, parameter.name))
        for variant in self.variants:
            if not variant.values:
                raise RequestError(
                    f"{variant.index} has no value of {variant.index.search.name} to try.",
                    f"Give at least one, such as {variant.index.search.default}.",
                )
            for value in variant.values:
                variant.index.search.check(value)
        if self.sample_rows is not None and self.sample_rows <= self.queries + self.k:
            raise RequestError(
                f"A sample of {self.sample_rows:,} rows is too small for {self.queries:,} queries.",
                "Sample more rows, or ask fewer queries.",
            )

    @property
    def trials(self) -> tuple[PlannedTrial, ...]:
        """Exact search first, then each index with each of its values."""
        swept = [(variant.index, value) for variant in self.variants for value in variant.values]
        return (PlannedTrial(0, None), *(PlannedTrial(i, *pair) for i, pair in enumerate(swept, start=1)))

    def check(self, column: VectorColumn, found: Survey) -> None:
        """Raise RequestError where ``column`` and what it holds do not bear this plan."""
        self.check_type(column)
        for variant in self.variants:
            variant.index.check_column(column.type, found.dimensions, self.distance)
        if self.queries + self.k > found.rows:
            raise RequestError(
                f"{column} has {found.rows:,} rows to measure: too few for {self.queries:,} queries.",
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
        return min(rows, self.sample_rows or rows) - self.queries

    def cost(self, column_type: str, found: Survey) -> Cost:
        """Forecast what this plan takes on a column of which ``found`` is known."""
        copied = self.searched_rows(found.rows) + self.queries
        indexes = [v.index.size_forecast_bytes(copied, found.dimensions, column_type) for v in self.variants]
        return Cost(
            statements=sum(self.asked(trial) for trial in self.trials) * self.repeats,
            scratch_bytes=forecast_bytes(copied, found.dimensions, column_type) + max(indexes, default=0),
        )

    def to_params(self) -> dict[str, Any]:
        """Make the JSON form: the parameters of a job."""
        variants = [{"index": str(v.index), "values": list(v.values)} for v in self.variants]
        return asdict(self) | {"distance": self.distance.stem, "variants": variants}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> BenchmarkPlan:
        """Read what ``to_params`` made."""
        variants = tuple(Variant(parse_index(v["index"]), tuple(v["values"])) for v in params["variants"])
        return cls(**{**params, "distance": distance_named(params["distance"]), "variants": variants})


def sweep(indexes: Sequence[IndexMethod], values: Mapping[str, Sequence[int]]) -> tuple[Variant, ...]:
    """Pair each index with the values given for its search setting, else with that setting's default.

    What is given twice is measured once.

    >>> sweep([parse_index("ivfflat")], {"ef_search": [10, 40], "probes": [1, 10]})
    (Variant(index=Ivfflat(lists=100), values=(1, 10)),)
    """
    return tuple(
        Variant(index, tuple(dict.fromkeys(values.get(index.search.name) or [index.search.default])))
        for index in dict.fromkeys(indexes)
    )
