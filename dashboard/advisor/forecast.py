"""What an index over rows of a given shape would take: disk, memory, workers, and what to know first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from db.columns import VECTOR_TYPES
from db.distance import distances_for
from db.errors import RequestError
from db.forms import IndexSpec
from db.index_forecast import (
    PARALLEL_MEMORY_BYTES,
    SPARSE_ELEMENTS,
    BuildSettings,
    build_memory_bytes,
    graph_row_bytes,
    heap_bytes,
    last_dimensions,
)
from db.indexes import PAGE_BYTES, Hnsw, Ivfflat

MOST_ROWS = 2**48 // 2**8
"""More rows than any table holds: PostgreSQL ends at 32 TB."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Rows that may be indexed one day.  For sparsevec ``dimensions`` counts the elements not zero.

    Raises RequestError where no table could hold them.
    """

    rows: int
    dimensions: int
    type: str = "vector"

    def __post_init__(self) -> None:
        if self.type not in VECTOR_TYPES:
            raise RequestError(
                f"There is no vector type {self.type!r}.", f"Choose one of {', '.join(VECTOR_TYPES)}."
            )
        if not 1 <= self.rows <= MOST_ROWS:
            raise RequestError(f"{self.rows:,} rows cannot be indexed.", f"Choose 1 to {MOST_ROWS:,}.")
        if self.dimensions < 1:
            raise RequestError(
                f"A vector has no {self.dimensions:,} dimensions.", "Choose a length of at least 1."
            )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one index would take.

    ``build_memory_bytes`` is the maintenance_work_mem that keeps the build in memory.  ``workers`` help
    the one process that builds; None without a server to ask.
    """

    size_bytes: int
    build_memory_bytes: int
    workers: int | None
    notes: tuple[str, ...]

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, as ``forecast --json`` prints it."""
        return {
            "size_bytes": self.size_bytes,
            "build_memory_bytes": self.build_memory_bytes,
            "workers": self.workers,
            "notes": list(self.notes),
        }


def forecast(shape: Shape, index: IndexSpec, settings: BuildSettings | None = None) -> Forecast:
    """Forecast ``index`` over rows of ``shape``, on a server with these ``settings``.

    Raises RequestError where pgvector has no such index on such vectors.
    """
    held_type, held = _held(shape, index)
    size_bytes = index.size_forecast_bytes(shape.rows, shape.type, shape.dimensions)
    memory_bytes = build_memory_bytes(index.method, shape.rows, held, held_type)
    heap = heap_bytes(shape.rows, shape.dimensions, shape.type)
    notes = [*_page_notes(index.method, held_type, held), *_list_notes(index.method, shape.rows)]
    if shape.type == "sparsevec":
        notes.append(f"--dims {shape.dimensions:,} was read as the elements that are not zero, per row.")
    if settings:
        notes += [*_memory_notes(index.method, shape.rows, memory_bytes, settings)]
        notes += [*_worker_notes(heap, settings), *_cache_notes(size_bytes, settings)]
    return Forecast(size_bytes, memory_bytes, settings.workers(heap) if settings else None, tuple(notes))


def _held(shape: Shape, index: IndexSpec) -> tuple[str, int]:
    """Type and dimensions of what the index holds."""
    if index.only:
        raise RequestError(
            "only=... names a column, and a forecast reads no table.",
            "Leave it out, and give the rows that the partial index would hold as --rows.",
        )
    distance = distances_for(shape.type)[0]
    index.check(shape.type, shape.dimensions, distance)
    held_type, held, _ = index.holds(shape.type, shape.dimensions, distance)
    if held_type == "sparsevec" and held > SPARSE_ELEMENTS:
        raise RequestError(
            f"hnsw indexes a sparsevec of at most {SPARSE_ELEMENTS:,} elements that are not zero, "
            f"not {held:,}.",
            "Keep the largest elements of each vector only, or search exactly.",
        )
    return held_type, held


def _page_notes(method: object, held_type: str, held: int) -> Iterator[str]:
    """Tell how many rows share a page of the graph, and what would let one more in."""
    if not isinstance(method, Hnsw):
        return
    row_bytes = graph_row_bytes(method, held, held_type)
    of_type = "non-zero elements" if held_type == "sparsevec" else f"dimensions of {held_type}"
    if row_bytes > PAGE_BYTES:
        last = last_dimensions(method, held_type, 1)
        yield (
            f"A row takes two 8 kB pages, {row_bytes:,} bytes: "
            f"with at most {last:,} {of_type} it takes one, and the index half the size."
        )
        return
    rows = PAGE_BYTES // row_bytes
    if rows > _CLIFFS or not (last := last_dimensions(method, held_type, rows + 1)):
        return
    share = {1: "One row fills", 2: "Two rows share", 3: "Three rows share"}[rows]
    yield (
        f"{share} an 8 kB page, {row_bytes:,} bytes a row: with at most {last:,} {of_type} "
        f"{rows + 1} rows do, and the index is {rows}/{rows + 1} of the size."
    )
    if held_type == "vector" and (half := graph_row_bytes(method, held, "halfvec")) * 2 <= row_bytes:
        yield f"As halfvec (as=halfvec) a row takes {half:,} bytes: {row_bytes / half:.1f} times smaller."


_CLIFFS = 3
"""Beyond so many rows to a page, one more saves less than a quarter."""


def _list_notes(method: object, rows: int) -> Iterator[str]:
    if not isinstance(method, Ivfflat):
        return
    if rows < method.lists:
        yield f"{rows:,} rows are fewer than lists = {method.lists:,}: the index would find next to nothing."
    elif rows < 50 * method.lists:
        yield (
            f"Centres are found among {50 * method.lists:,} rows for lists = {method.lists:,}; "
            f"{rows:,} are too few for good ones."
        )


def _memory_notes(method: object, rows: int, memory_bytes: int, settings: BuildSettings) -> Iterator[str]:
    if memory_bytes <= settings.memory_bytes:
        return
    needs = f"The build needs {_size(memory_bytes)}, and maintenance_work_mem is "
    has = _size(settings.memory_bytes)
    if isinstance(method, Hnsw):
        fit = rows * settings.memory_bytes // memory_bytes
        yield (
            f"{needs}{has}: after about {fit:,} rows the graph leaves memory, and the rest is built "
            "several times slower."
        )
    else:
        yield f"{needs}{has}: the server would refuse it. Raise it, or choose fewer lists."


def _worker_notes(heap: int, settings: BuildSettings) -> Iterator[str]:
    """Name what makes the build serial, all of it: mending one cause alone would not help."""
    if settings.workers(heap):
        return
    if settings.memory_bytes < PARALLEL_MEMORY_BYTES:
        yield f"Serial: maintenance_work_mem is {_size(settings.memory_bytes)}, and workers need 64.0 MB."
    if heap < settings.smallest_heap_bytes:
        yield (
            f"Serial: the heap would be about {_size(heap)} (vectors in TOAST do not count), below "
            f"min_parallel_table_scan_size of {_size(settings.smallest_heap_bytes)}; "
            "ALTER TABLE ... SET (parallel_workers = N) overrides that."
        )
    for name, count in (
        ("max_parallel_maintenance_workers", settings.maintenance_workers),
        ("max_parallel_workers", settings.pool_workers),
    ):
        if not count:
            yield f"Serial: {name} is 0."


def _cache_notes(size_bytes: int, settings: BuildSettings) -> Iterator[str]:
    if size_bytes > settings.buffers_bytes:
        yield (
            f"The index of {_size(size_bytes)} does not fit shared_buffers of "
            f"{_size(settings.buffers_bytes)}: searches will also read from outside."
        )


def _size(size_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < 1024:
            return f"{size_bytes:,.0f} {unit}" if unit == "bytes" else f"{size_bytes:,.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:,.1f} TB"
