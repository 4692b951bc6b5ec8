"""Every source of rows there is; the page and the command line are drawn from this.

A file is none: ``dashboard.seeding.imports`` reads those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dashboard.seeding.catalogue import open_demo
from dashboard.seeding.embedders import HASHING
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import Parameter, Rows, Source
from dashboard.seeding.vectors import open_clusters, open_nasty, open_uniform
from db.errors import RequestError

FILE = "file"
"""What was a source before there were imports; jobs of that time still name it."""
MAX_ROWS = 100_000_000
MAX_SEED = 2**63 - 1
MAX_DIMS = 16_000
"""Most dimensions of the type vector.  Source: pgvector README, "Vector Type"."""

_ALL = (
    Source(
        "demo",
        "Demo catalogue",
        "Products of an invented shop: titles and descriptions to search by words, with category, brand, "
        "price, rating, date and JSON attributes to filter by.",
        "products",
        10_000,
        HASHING.dims,
        open_demo,
        fixed_dims=True,
    ),
    Source(
        "clusters",
        "Clusters",
        "A Gaussian mixture, as embeddings of real things tend to be: the usual case for an index.",
        "clusters",
        10_000,
        128,
        open_clusters,
        (
            Parameter("clusters", "Clusters", 100, 1, 2_000, "How many groups there are."),
            Parameter(
                "spread", "Spread", 1.0, 0.0, 10.0, "Width of a group; 1: as wide as groups lie apart."
            ),
            Parameter(
                "intrinsic", "Intrinsic dimension", 32, 1, 1_000, "Directions a group really varies in."
            ),
            Parameter(
                "skew", "Skew", 0.7, 0.0, 3.0, "0: groups of one size; higher: a few large, many small."
            ),
        ),
    ),
    Source(
        "uniform",
        "Uniform",
        "Evenly spread vectors, the hardest case: every row is about as far as any other.",
        "uniform",
        10_000,
        128,
        open_uniform,
    ),
    Source(
        "nasty",
        "Nasty",
        "NULL and zero vectors, exact and near duplicates, clusters stored in order, one huge group.",
        "nasty",
        10_000,
        128,
        open_nasty,
    ),
)

SOURCES: Mapping[str, Source] = {source.key: source for source in _ALL}


def open_rows(request: PopulateRequest) -> Rows:
    """Open what ``request`` asks for, filling in what it leaves to the source.

    Raises RequestError naming the value that no source can be opened with.
    """
    source = source_named(request.source)
    return source.open(
        replace(
            request,
            rows=_rows(source, request.rows),
            dims=_dims(source, request.dims),
            seed=_seed(request.seed),
            parameters=_parameters(source, request.parameters),
        )
    )


def source_named(key: str) -> Source:
    """Find a source.  Raises RequestError for an unknown one, and for a file, which was one once."""
    if key == FILE:
        raise RequestError(
            "populate_db makes rows of its own; files are imported.",
            "Run: python -m dashboard import FILE --table T --create (--embed makes vectors of its text)",
        )
    if key not in SOURCES:
        raise RequestError(f"There is no source {key!r}.", f"Choose one of {', '.join(SOURCES)}.")
    return SOURCES[key]


def _rows(source: Source, rows: int | None) -> int:
    if rows is not None and not 1 <= rows <= MAX_ROWS:
        raise RequestError(f"{rows:,} rows cannot be loaded.", f"Ask for 1 to {MAX_ROWS:,} rows.")
    return source.rows if rows is None else rows


def _dims(source: Source, dims: int | None) -> int:
    if dims is not None and source.fixed_dims and dims != source.dims:
        raise RequestError(
            f"The source {source.key!r} is embedded in {source.dims} dimensions, not {dims:,}.",
            "Leave out --dims, or choose a source of bare vectors such as clusters.",
        )
    if dims is not None and not 1 <= dims <= MAX_DIMS:
        raise RequestError(
            f"A vector cannot have {dims:,} dimensions.", f"Ask for 1 to {MAX_DIMS:,} dimensions."
        )
    return source.dims if dims is None else dims


def _seed(seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise RequestError(f"The seed cannot be {seed}.", f"Use a whole number from 0 to {MAX_SEED:,}.")
    return seed


def _parameters(source: Source, given: Mapping[str, float]) -> dict[str, float]:
    known = {p.key: p for p in source.parameters}
    if unknown := next((key for key in given if key not in known), None):
        raise RequestError(
            f"The source {source.key!r} has no parameter {unknown!r}.",
            f"It has {', '.join(known)}." if known else "Leave the parameter out.",
        )
    return {key: _value(p, given.get(key, p.default)) for key, p in known.items()}


def _value(parameter: Parameter, value: float) -> float:
    whole = isinstance(parameter.default, int)
    if not parameter.low <= value <= parameter.high or (whole and value != int(value)):
        number = "a whole number" if whole else "a number"
        raise RequestError(
            f"{parameter.label} cannot be {value}.",
            f"Give {number} from {parameter.low:g} to {parameter.high:g}.",
        )
    return int(value) if whole else float(value)
