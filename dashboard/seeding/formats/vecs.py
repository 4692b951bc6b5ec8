"""TEXMEX's .fvecs, .bvecs and .ivecs: every row is its length as an int32, then so many elements.

Source: the data set descriptions of INRIA TEXMEX, http://corpus-texmex.irisa.fr.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.formats.arrays import VECTOR, cell, column_of
from dashboard.seeding.formats.rowwise import missing
from dashboard.seeding.formats.table import (
    FIRST_ROWS,
    Contents,
    Raw,
    batch_rows,
    refuse_dimensions,
    refuse_size,
)
from db.errors import RequestError

ELEMENTS = {".fvecs": np.dtype("<f4"), ".bvecs": np.dtype("u1"), ".ivecs": np.dtype("<i4")}
SUFFIXES = tuple(ELEMENTS)
NEIGHBOURS = "A file that ends in .ivecs usually holds the neighbours of queries, not vectors."
_REMEDY = "Check that the file is whole, and that its name says what its elements are."


def survey(path: Path, _: str | None) -> Contents:
    """Check the first row's length against the file's size, and look at the first rows."""
    with path.open("rb") as file:
        row, rows = _layout(path, file)
        first = _read(path, file, row, 0, min(FIRST_ROWS, rows))
    notes = (NEIGHBOURS,) if path.suffix.lower() == ".ivecs" else ()
    return Contents("vecs", rows, (column_of(VECTOR, first),), tuple((cell(v),) for v in first), notes=notes)


def batches(path: Path, names: tuple[str, ...], start_row: int, _: str | None) -> Iterator[Raw]:
    """Read rows after ``start_row``, from where they begin.

    Raises RequestError at a row that is longer or shorter than the first: the rest is then not in step.
    """
    with path.open("rb") as file:
        row, rows = _layout(path, file)
        if lacking := next((name for name in names if name != VECTOR), None):
            raise missing(lacking, (VECTOR,))
        file.seek(start_row * row.itemsize)
        step = batch_rows(row.itemsize)
        for start in range(start_row, rows, step):
            count = min(step, rows - start)
            yield Raw(start + 1, count, {VECTOR: _read(path, file, row, start, count)})


def _layout(path: Path, file: IO[bytes]) -> tuple[np.dtype[Any], int]:
    """Give what a row consists of and how many there are; the file is then at its beginning."""
    size = path.stat().st_size
    dimensions = int.from_bytes(file.read(4), "little", signed=True)
    file.seek(0)
    if dimensions < 1 or size < 4:
        raise RequestError(f"The first row of {path.name} says it has {dimensions:,} numbers.", _REMEDY)
    refuse_dimensions(path.name, dimensions)
    row = np.dtype([("length", "<i4"), ("elements", ELEMENTS[path.suffix.lower()], (dimensions,))])
    if size % row.itemsize:
        raise RequestError(
            f"The file {path.name} has {size:,} bytes, which is no whole number of rows of "
            f"{dimensions:,} numbers ({row.itemsize:,} bytes).",
            _REMEDY,
        )
    refuse_size(path.name, rows=size // row.itemsize)
    return row, size // row.itemsize


def _read(path: Path, file: IO[bytes], row: np.dtype[Any], start: int, count: int) -> NDArray[Any]:
    """Read rows, row ``start`` + 1 first; shape (count, dimensions)."""
    rows = np.frombuffer(file.read(count * row.itemsize), row)
    if len(rows) < count:
        raise RequestError(f"The file {path.name} ends before its last row.", _REMEDY)
    dimensions = row["elements"].shape[0]
    if (wrong := rows["length"] != dimensions).any():
        at = int(np.argmax(wrong))
        raise RequestError(
            f"Row {start + at + 1:,} of {path.name} says it has {rows['length'][at]:,} numbers; "
            f"the first has {dimensions:,}.",
            _REMEDY,
        )
    return rows["elements"]
