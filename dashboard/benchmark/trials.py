"""The trials a plan is made of: one index with one setting of its search each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.benchmark.subset import parse_subset
from db.errors import RequestError
from db.forms import IndexSpec, parse_spec
from db.indexes import Hnsw, IndexMethod, Ivfflat, Parameter
from db.nearest import ITERATIVE_SCANS
from db.runs import COPY, EXACT, LIVE
from db.words import counted

NEIGHBOURS = Parameter("k", 10, 1, 1000, "Neighbours each query asks for.")
MAX_SCAN_TUPLES = Parameter(
    "max_scan_tuples", 20_000, 1, 2_147_483_647, "Rows an iterative scan of HNSW visits at most."
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One index, and the settings to try on it without building it again: every combination of them.

    ``values`` are of the method's own search setting; ``scans`` kinds of iterative scan, None for the
    server's default; ``tuples`` values of hnsw.max_scan_tuples, None for the default.
    """

    index: IndexSpec
    values: tuple[int, ...]
    scans: tuple[str | None, ...] = (None,)
    tuples: tuple[int | None, ...] = (None,)

    def __str__(self) -> str:
        """Spell it as ``plan_file.read_variant`` reads it: ``ivfflat:lists=50 @ probes=5,10``."""
        tried: dict[str, Sequence[object]] = {
            self.index.method.search.name: self.values,
            "iterative_scan": () if self.scans == (None,) else self.scans,
            "max_scan_tuples": () if self.tuples == (None,) else self.tuples,
        }
        settings = [f"{name}={','.join(map(_worded, some))}" for name, some in tried.items() if some]
        return " ".join([str(self.index), *(["@"] if settings else []), *settings])

    def check(self) -> None:
        """Raise RequestError for a value of the search setting out of its bounds, or none at all."""
        method = self.index.method
        if not self.values:
            raise RequestError(
                f"{self.index} has no value of {method.search.name} to try.",
                f"Give at least one, such as {method.search.default}.",
            )
        for value in self.values:
            method.search.check(value)

    def check_scans(self) -> None:
        """Raise RequestError for an iterative scan that the method has not, or one out of its bounds."""
        method = self.index.method
        for scan in filter(None, self.scans):
            if not knows_scan(method, scan):
                raise RequestError(
                    f"{method.name} has no iterative scan {scan!r}.",
                    f"Choose among {', '.join(s for s in ITERATIVE_SCANS if knows_scan(method, s))}.",
                )
        for tuples in self.tuples:
            if tuples is not None:
                MAX_SCAN_TUPLES.check(tuples)
        if self.tuples != (None,) and not isinstance(method, Hnsw):
            raise RequestError(f"{method.name} has no max_scan_tuples.", "Leave it out, or give it to hnsw.")


DEFAULT = "default"
"""Stands for the server's own setting, where a file or a spelling has no word for nothing."""


def _worded(value: object) -> str:
    return DEFAULT if value is None else str(value)


def read_index(given: str) -> IndexSpec:
    """Read an index as ``parse_spec`` does, the rows it is limited to spelled as a plan spells them.

    >>> read_index("hnsw:only=price<=9").only
    'price <= 9'
    """
    spec = parse_spec(given)
    return replace(spec, only=str(parse_subset(spec.only))) if spec.only else spec


def knows_scan(method: IndexMethod, scan: str) -> bool:
    """Tell whether an index method has this kind of iterative scan."""
    return f"{method.name}.iterative_scan" in ITERATIVE_SCANS.get(scan, ())


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One index (None: exact search) asked with one setting; ``position`` orders the run.

    ``k`` neighbours are asked for, of the rows in ``subset``; ``build`` counts the builds of one index.
    """

    position: int
    index: IndexSpec | None
    value: int | None = None
    scan: str | None = None
    tuples: int | None = None
    k: int = NEIGHBOURS.default
    subset: str | None = None
    build: int = 1
    arm: str = COPY
    size: int | None = None
    """Rows of the copy it is measured on, where a plan measures several; None for the one there is."""
    today: bool = False
    """On the live table: as it is searched today, by whatever index it has, and not exactly."""

    @property
    def method(self) -> str:
        """The index method, or ``exact``."""
        return self.index.method.name if self.index else EXACT

    @property
    def options(self) -> dict[str, int | str]:
        """The build options; none for exact search."""
        rebuilt: dict[str, int | str] = {"build": self.build} if self.build > 1 else {}
        return {**self.index.options, **rebuilt} if self.index else {}

    @property
    def setting(self) -> dict[str, int | str]:
        """The search settings by name; none for exact search."""
        if not self.index:
            return {}
        named = {
            self.index.method.search.name: self.value,
            "iterative_scan": self.scan,
            "max_scan_tuples": self.tuples,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def parameters(self) -> dict[str, str]:
        """The server settings that make a search use this trial's."""
        if not self.index:
            return {}
        return {f"{self.method}.{name}": str(value) for name, value in self.setting.items()}

    def note(self) -> str | None:
        """Say what keeps this trial from ever returning ``k`` rows, if anything does."""
        stops = isinstance(self.index and self.index.method, Hnsw) and self.scan in {None, "off"}
        if stops and self.value is not None and self.value < self.k:
            most = counted(self.value)
            return f"ef_search = {self.value} is below k = {self.k}: no more than {most} can come back."
        return None

    def __str__(self) -> str:
        parts = [f"{name}={value}" for name, value in self.setting.items()]
        parts += [f"k={self.k}"] if self.k != NEIGHBOURS.default else []
        parts += [f"where {self.subset}"] if self.subset else []
        parts += [f"on {self.size:,} rows"] if self.size is not None else []
        name = ("as it is today" if self.today else EXACT) if self.index is None else str(self.index)
        return " ".join([name, *parts, *(["on the live table"] if self.arm == LIVE else [])])


def sweep(
    indexes: Sequence[IndexSpec],
    values: Mapping[str, Sequence[int]],
    scans: Sequence[str] = (),
    tuples: Sequence[int] = (),
) -> tuple[Variant, ...]:
    """Pair each index with the values given for its search setting, else with that setting's default.

    What is given twice is measured once.  ``scans`` and ``tuples`` go to the methods that know them.

    >>> sweep([parse_spec("ivfflat")], {"ef_search": [10, 40], "probes": [1, 10]})[0].values
    (1, 10)
    """
    return tuple(
        Variant(
            index,
            tuple(dict.fromkeys(values.get(index.method.search.name) or [index.method.search.default])),
            tuple(s for s in dict.fromkeys(scans) if knows_scan(index.method, s)) or (None,),
            tuple(dict.fromkeys(tuples)) if tuples and not isinstance(index.method, Ivfflat) else (None,),
        )
        for index in dict.fromkeys(indexes)
    )
