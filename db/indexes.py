"""pgvector's index methods: what they are built with, what they are searched with, what they refuse.

A method is a frozen dataclass whose fields are its build options; METHODS names them all.

Source of bounds, limits and operator classes: pgvector 0.8.5 (hnsw.h, ivfflat.h, pg_amop).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from sqlalchemy import Index, Table

from db.distance import Distance
from db.errors import RequestError

PAGE_BYTES = 8192
PAGE_ROOM_BYTES = 8160
"""What an index page can hold: PAGE_BYTES less its header and pgvector's own trailer."""

WAL_SHARE = 1.02
"""WAL beside the pages themselves: the headers of its records and of its own pages, and IVFFlat's pages once
more while they are empty.  Measured: 1.01 to 1.03 from 250 pages on, of 32 to 1,400 dimensions."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A whole number that an index is built or searched with: its bounds, and what it trades."""

    name: str
    default: int
    low: int
    high: int
    about: str

    def check(self, value: int) -> None:
        """Raise RequestError unless ``low <= value <= high``."""
        if not self.low <= value <= self.high:
            raise RequestError(
                f"{self.name} = {value} is outside {self.low:,} to {self.high:,}.",
                f"Choose {self.name} between {self.low:,} and {self.high:,}. {self.about}",
            )


def _option(parameter: Parameter) -> Any:
    return field(default=parameter.default, metadata={"parameter": parameter})


@dataclass(frozen=True, slots=True)
class IndexMethod:
    """What every method has.  ``search`` is the setting that trades recall for speed, per query."""

    name: ClassVar[str]
    search: ClassVar[Parameter]
    max_dimensions: ClassVar[Mapping[str, int]]
    distances: ClassVar[frozenset[Distance]]

    def __post_init__(self) -> None:
        for parameter in self.parameters():
            parameter.check(getattr(self, parameter.name))

    def __str__(self) -> str:
        return f"{self.name}:{','.join(f'{name}={value}' for name, value in self.options.items())}"

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """List the build options."""
        return tuple(f.metadata["parameter"] for f in fields(cls))

    @property
    def options(self) -> dict[str, int]:
        """The build options as CREATE INDEX ... WITH takes them."""
        return asdict(self)

    def setting(self, value: int) -> dict[str, str]:
        """Name and value of the server setting that makes a search use ``value``."""
        return {f"{self.name}.{self.search.name}": str(value)}

    @classmethod
    def supports(cls, vector_type: str, distance: Distance) -> bool:
        """Tell whether an operator class joins this method, type and distance."""
        known = vector_type in cls.max_dimensions and vector_type in distance.types
        return known and distance in cls.distances

    def check_column(self, vector_type: str, dimensions: int, distance: Distance) -> None:
        """Raise RequestError where this index cannot be built on such a column for ``distance``."""
        if not self.supports(vector_type, distance):
            raise RequestError(
                f"{self.name} has no operator class for {distance.label} on {vector_type}.",
                "Choose another distance, or another index method.",
            )
        if dimensions > (limit := self.max_dimensions[vector_type]):
            raise RequestError(
                f"{self.name} indexes a {vector_type} of at most {limit:,} dimensions; "
                f"this column has {dimensions:,}.",
                _remedy_for_dimensions(vector_type, dimensions, self.max_dimensions["halfvec"]),
            )

    def on(self, table: Table, column: str, vector_type: str, distance: Distance, *, name: str) -> Index:
        """Make the Index, called ``name``, that serves ``distance`` on a column of ``table``."""
        return Index(
            name,
            table.c[column],
            postgresql_using=self.name,
            postgresql_with=self.options,
            postgresql_ops={column: distance.operator_class(vector_type)},
        )

    def size_forecast_bytes(self, rows: int, dimensions: int, vector_type: str) -> int:
        """Forecast the finished index's size; pgvector's own are within 10 % of it."""
        raise NotImplementedError

    def wal_forecast_bytes(self, size_bytes: int, rows: int, dimensions: int, vector_type: str) -> int:
        """Forecast the WAL that building it on a logged table writes, of an index found ``size_bytes`` large.

        Each page is written once, whole, less what is free in its middle: HNSW's when all are done
        (pgvector, hnswbuild.c: log_newpage_range with page_std), IVFFlat's as they fill up (ivfutils.c:
        GENERIC_XLOG_FULL_IMAGE; PostgreSQL, xloginsert.c: REGBUF_STANDARD leaves the hole out).  Both
        whatever full_page_writes says; wal_compression makes less of it.
        """
        kept_bytes = self._held_bytes(rows, dimensions, vector_type)
        headers = size_bytes // PAGE_BYTES * (PAGE_BYTES - PAGE_ROOM_BYTES)
        return round(min(size_bytes, kept_bytes + headers) * WAL_SHARE)

    def _held_bytes(self, rows: int, dimensions: int, vector_type: str) -> int:
        """What the pages hold, without their headers."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Hnsw(IndexMethod):
    """A graph of near neighbours in layers: best recall for its speed, slow and large to build."""

    name = "hnsw"
    search = Parameter("ef_search", 40, 1, 1000, "Candidates kept while searching: more finds more, slower.")
    max_dimensions = {"vector": 2000, "halfvec": 4000, "bit": 64_000, "sparsevec": 1_000_000_000}  # noqa: RUF012
    distances = frozenset(Distance)

    m: int = _option(Parameter("m", 16, 2, 100, "Links per row and layer: more finds more, takes more."))
    ef_construction: int = _option(
        Parameter("ef_construction", 64, 4, 1000, "Candidates kept while building: more link better, slower.")
    )

    def __post_init__(self) -> None:
        IndexMethod.__post_init__(self)
        if self.ef_construction < 2 * self.m:
            raise RequestError(
                f"ef_construction = {self.ef_construction} is below twice m = {self.m}.",
                f"Choose ef_construction of at least {2 * self.m}.",
            )

    def size_forecast_bytes(self, rows: int, dimensions: int, vector_type: str) -> int:
        """Count pages: a row's element and its links share one, where both fit."""
        taken_bytes = self._taken_bytes(dimensions, vector_type)
        if taken_bytes > PAGE_ROOM_BYTES:
            return rows * 2 * PAGE_BYTES
        return math.ceil(rows / (PAGE_ROOM_BYTES // taken_bytes)) * PAGE_BYTES

    def page_share(self, dimensions: int, vector_type: str) -> float:
        """Forecast the share of its pages that rows of the graph fill.

        >>> [round(Hnsw().page_share(dimensions, "vector"), 2) for dimensions in (948, 949, 1968, 1969)]
        [1.0, 0.5, 1.0, 0.5]
        """
        taken_bytes = self._taken_bytes(dimensions, vector_type)
        if taken_bytes > PAGE_ROOM_BYTES:
            return taken_bytes / (2 * PAGE_ROOM_BYTES)
        return PAGE_ROOM_BYTES // taken_bytes * taken_bytes / PAGE_ROOM_BYTES

    def _held_bytes(self, rows: int, dimensions: int, vector_type: str) -> int:
        return rows * self._taken_bytes(dimensions, vector_type)

    def _taken_bytes(self, dimensions: int, vector_type: str) -> int:
        return _aligned(72 + stored_bytes(vector_type, dimensions)) + 4 + _aligned(4 + 12 * self.m) + 4


@dataclass(frozen=True, slots=True)
class Ivfflat(IndexMethod):
    """Lists around centres: quick and small to build; needs its rows first, and again as they change."""

    name = "ivfflat"
    search = Parameter("probes", 1, 1, 32_768, "Lists read per search: more find more, slower.")
    max_dimensions = {"vector": 2000, "halfvec": 4000, "bit": 64_000}  # noqa: RUF012
    distances = frozenset({Distance.L2, Distance.INNER_PRODUCT, Distance.COSINE, Distance.HAMMING})

    lists: int = _option(
        Parameter("lists", 100, 1, 32_768, "Centres: rows / 1,000 up to a million rows, then their root.")
    )

    def size_forecast_bytes(self, rows: int, dimensions: int, vector_type: str) -> int:
        """Count pages of rows, half a page of slack per list, and the centres."""
        pages = math.ceil(rows / (PAGE_ROOM_BYTES // self._row_bytes(dimensions, vector_type)))
        return pages * PAGE_BYTES + self.lists * (PAGE_BYTES // 2 + stored_bytes(vector_type, dimensions))

    def _held_bytes(self, rows: int, dimensions: int, vector_type: str) -> int:
        # A centre takes what a row does: two block numbers stand in for the header of an index tuple.
        return (rows + self.lists) * self._row_bytes(dimensions, vector_type)

    @staticmethod
    def _row_bytes(dimensions: int, vector_type: str) -> int:
        return _aligned(8 + stored_bytes(vector_type, dimensions)) + 4


METHODS: dict[str, type[Hnsw] | type[Ivfflat]] = {method.name: method for method in (Hnsw, Ivfflat)}


def parse_index(given: str) -> IndexMethod:
    """Read an index as the command line spells it; options left out keep their defaults.

    >>> parse_index("hnsw:m=24,ef_construction=100")
    Hnsw(m=24, ef_construction=100)

    Raises RequestError naming what cannot be read.
    """
    name, _, rest = given.strip().partition(":")
    if name not in METHODS:
        raise RequestError(f"There is no index method {name!r}.", f"Choose {' or '.join(METHODS)}.")
    method = METHODS[name]
    known = [parameter.name for parameter in method.parameters()]
    options: dict[str, int] = {}
    for part in filter(None, rest.split(",")):
        option, _, value = part.partition("=")
        if option.strip() not in known:
            raise RequestError(
                f"{name} has no build option {option.strip()!r}.",
                f"Its build options: {', '.join(known)}; {method.search.name} is chosen per search.",
            )
        try:
            options[option.strip()] = int(value.encode("ascii"))  # int() alone reads any script's digits
        except ValueError:
            raise RequestError(
                f"{option.strip()}={value[:40]!r} is not a whole number.", f"Write it as {method()}"
            ) from None
    return method(**options)


def _remedy_for_dimensions(vector_type: str, dimensions: int, halfvec_limit: int) -> str:
    if vector_type == "vector" and dimensions <= halfvec_limit:
        return f"Store the column as halfvec (up to {halfvec_limit:,}), or shorten the vectors."
    return "Shorten the vectors, or search exactly: indexes on quantised vectors are not made here yet."


def stored_bytes(vector_type: str, dimensions: int) -> int:
    """Bytes one value takes; for sparsevec ``dimensions`` counts the elements that are not zero."""
    return {
        "vector": 8 + 4 * dimensions,
        "halfvec": 8 + 2 * dimensions,
        "sparsevec": 16 + 8 * dimensions,
        "bit": 8 + math.ceil(dimensions / 8),
    }[vector_type]


def _aligned(size_bytes: int) -> int:
    """Round up to PostgreSQL's MAXALIGN of 8."""
    return math.ceil(size_bytes / 8) * 8
