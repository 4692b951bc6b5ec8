"""What every file format is read as: columns of known kinds, and rows by number.

Rows are numbered from 1 as the file counts them, a header and blank lines not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.errors import RequestError

Values = Sequence[Any] | NDArray[Any]
"""As in db.binary, which the sandbox does without: SQLAlchemy takes longer to load than all the rest."""

FIRST_ROWS = 50
"""Rows shown before an import."""
BATCH_BYTES = 1 << 20
"""Bytes of vectors in a batch: enough that what a batch costs besides does not count, and few enough to
stay in a processor's cache while they are checked and encoded."""
BATCH_ROWS = 8192

MAX_ROWS = 20_000_000
MAX_COLUMNS = 1_598
"""PostgreSQL's 1,600, less the key and the vector."""
MAX_CELL_BYTES = 5 << 20
MAX_DIMENSIONS = 16_000
"""Source: VECTOR_MAX_DIM of pgvector 0.8.5."""
MAX_EXPANSION = 200
"""How many times its size a file may unpack to, over MIN_EXPANDED_BYTES; vectors hardly shrink."""
MIN_EXPANDED_BYTES = 64 << 20

KINDS: dict[str, str] = {
    "text": "str",
    "integer": "int, within a bigint",
    "number": "float, finite",
    "boolean": "bool",
    "date": "datetime.date",
    "timestamp": "datetime.datetime in UTC, without its tzinfo",
    "json": "what json.loads gives",
    "vector": "float32 of shape (dimensions,), every element finite",
    "halfvec": "float32 of shape (dimensions,), every element within a halfvec",
    "sparsevec": "str, as pgvector writes it: {1:0.5,7:2}/100",
    "bit": "str of 0 and 1",
    "integers": "int64 of shape (length,)",
    "numbers": "float64 of shape (length,)",
}
"""What a column can be read as, and the Python or NumPy values it is then of.

A file's own columns are never halfvec, sparsevec or bit: they are text or vectors, to be read so.
"""

VECTOR_KINDS = frozenset({"vector", "halfvec"})
ARRAY_KINDS = {"vector": "<f4", "halfvec": "<f4", "integers": "<i8", "numbers": "<f8"}
"""Kinds whose values are arrays, with the type of their elements."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column as the file has it: ``kind`` is the narrowest of KINDS that changes no value of it.

    ``dimensions`` is the length of its vectors, None where they differ or it has none.  ``nulls`` is None
    where counting them would take reading the file.  ``form`` is how its dates are written, for strptime().
    ``lengths`` are those that its first values have as vectors, the commonest first; () where none is one.
    """

    name: str
    kind: str
    dimensions: int | None = None
    nulls: int | None = None
    sample: tuple[str, ...] = ()
    form: str | None = None
    lengths: tuple[int, ...] = ()

    @property
    def is_likely_vector(self) -> bool:
        """Whether it was meant for vectors, of whatever kind its values make it."""
        return bool(self.lengths) and all(text.lstrip().startswith("[") for text in self.sample)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One of the arrays in an HDF5 or NPZ file; ``shape`` begins with its rows."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file: ``first`` has the texts of its first rows, in the order of ``columns``.

    ``dataset`` names the part of the file that was looked at, where it has several (HDF5); ``distance``
    is the one an ann-benchmarks file was made for.  ``notes`` are sentences about what is unusual.
    """

    format: str
    rows: int
    columns: tuple[FileColumn, ...]
    first: tuple[tuple[str | None, ...], ...]
    dataset: str | None = None
    datasets: tuple[Dataset, ...] = ()
    distance: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a column is to be read as: a key of KINDS, and for vectors how long each must be.

    ``keeps_empty`` says whether a text without characters is a value, and not how CSV spells NULL.
    """

    kind: str = "text"
    dimensions: int | None = None
    form: str | None = None
    keeps_empty: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that cannot be read as wanted; ``column`` is None where the whole row cannot be read.

    ``code`` is one of FAULTS; ``reason`` is the rest of a sentence that begins with the row.
    """

    row: int
    column: str | None
    code: str
    reason: str
    fields: tuple[str | None, ...] = ()
    """What a row of CSV that cannot be read has all the same, in the order of the header."""

    def __str__(self) -> str:
        where = "" if self.column is None else f", {quoted(self.column)}"
        return f"Row {self.row:,}{where}: {self.reason}."


FAULTS: dict[str, str] = {
    "row": "the row is not of the file's form",
    "type": "the value is not of the wanted kind",
    "range": "the value is outside what the kind holds",
    "dimensions": "the vector is longer or shorter than wanted",
    "vector": "the text is not a vector",
    "stored": "PostgreSQL cannot store the text",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows, the first of them row ``start``.

    ``values`` has ``rows`` values for each column wanted: an array where none is missing (of shape
    (rows, length) for vectors of one length), else a list in which None is NULL.  A value with a fault
    is None, and every value of a row with one is.
    """

    start: int
    rows: int
    values: Mapping[str, Values]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows as a format gives them: per column a list, NumPy or Arrow array, not read as anything yet.

    ``typed`` says that a string is a string, and not the spelling of a number or a JSON value.
    """

    start: int
    rows: int
    values: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    typed: bool = False


def quoted(name: str) -> str:
    """Put a name into a sentence, in plain characters where it has others."""
    return f'"{name}"' if name.isprintable() else ascii(name)


def batch_rows(width_bytes: int) -> int:
    """Choose how many rows of ``width_bytes`` each make a batch."""
    return int(np.clip(BATCH_BYTES // max(width_bytes, 1), 1, BATCH_ROWS))


def refuse_size(name: str, *, rows: int = 0, columns: int = 0) -> None:
    """Raise RequestError where a file has more rows or columns than are taken."""
    if rows > MAX_ROWS:
        raise RequestError(
            f"The file {name} has {rows:,} rows, over the limit of {MAX_ROWS:,}.",
            "Split it into smaller files.",
        )
    if columns > MAX_COLUMNS:
        raise RequestError(
            f"The file {name} has {columns:,} columns.", f"A table holds at most {MAX_COLUMNS:,} of them."
        )


def refuse_bomb(name: str, expanded_bytes: int, size_bytes: int) -> None:
    """Raise RequestError where a file unpacks to far more than it is."""
    limit = max(MIN_EXPANDED_BYTES, MAX_EXPANSION * size_bytes)
    if expanded_bytes > limit:
        raise RequestError(
            f"The file {name} expands to {expanded_bytes >> 20:,} MB, over the limit of {limit >> 20:,} MB "
            f"for a file of {size_bytes:,} bytes.",
            "Save it with less compression, or check where it is from.",
        )


def refuse_dimensions(name: str, dimensions: int) -> None:
    """Raise RequestError where vectors are longer than a vector can be."""
    if dimensions > MAX_DIMENSIONS:
        raise RequestError(
            f"The vectors of {name} have {dimensions:,} numbers each.",
            f"A vector holds at most {MAX_DIMENSIONS:,} of them.",
        )
