"""HDF5, as ann-benchmarks publishes its data sets: train, test, neighbors, distances.

``train`` are the vectors to load.  ``test`` are the queries, each with the ``neighbors`` it has in
train, nearest first (as places in train counted from 0) and their ``distances``; both are its columns.
Other files are read one data set at a time.  Nothing is followed out of the file: no external link, no
external storage, no virtual data set.  Source: github.com/erikbern/ann-benchmarks, "Data sets".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.formats.arrays import VECTOR, cell, column_of
from dashboard.seeding.formats.rowwise import missing
from dashboard.seeding.formats.table import (
    FIRST_ROWS,
    Contents,
    Dataset,
    FileColumn,
    Raw,
    batch_rows,
    refuse_bomb,
    refuse_dimensions,
    refuse_size,
)
from db.errors import RequestError

TRAIN, TEST = "train", "test"
BESIDE_TEST = {"neighbors": "integers", "distances": "numbers"}
MAX_CHUNK_BYTES = 256 << 20
MAX_DATASETS = 256


def survey(path: Path, dataset: str | None) -> Contents:
    """List the data sets, and look at the first rows of one."""
    with _opened(path) as file:
        found = _datasets(file)
        name = dataset or _main(path, found)
        columns = _columns(path, file, name)
        rows = next(iter(columns.values())).shape[0]
        first = {column: _read(data, 0, min(FIRST_ROWS, rows)) for column, data in columns.items()}
        distance = file.attrs.get("distance")
        return Contents(
            "hdf5",
            rows,
            tuple(_described(column, values) for column, values in first.items()),
            tuple(zip(*(map(cell, values) for values in first.values()), strict=True)),
            dataset=name,
            datasets=tuple(found.values()),
            distance=distance if isinstance(distance, str) else None,
        )


def batches(path: Path, names: tuple[str, ...], start_row: int, dataset: str | None) -> Iterator[Raw]:
    """Read slices of rows after ``start_row``."""
    with _opened(path) as file:
        columns = _columns(path, file, dataset or _main(path, _datasets(file)))
        if lacking := next((name for name in names if name not in columns), None):
            raise missing(lacking, tuple(columns))
        total = next(iter(columns.values())).shape[0]
        step = batch_rows(max((_row_bytes(columns[name]) for name in names), default=1))
        for start in range(start_row, total, step):
            rows = min(step, total - start)
            yield Raw(start + 1, rows, {name: _read(columns[name], start, rows) for name in names})


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a file; what its reader raises, now and later, becomes one sentence."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        why = str(error).split("\n")[0][:200]
        raise RequestError(
            f"The file {path.name} is not a readable HDF5 file: {why}.", "Save it again, whole."
        ) from None


def _datasets(file: h5py.File) -> dict[str, Dataset]:
    """List the data sets at the top of the file that are part of it."""
    found = {}
    for name in list(file)[:MAX_DATASETS]:
        if isinstance(file.get(name, getlink=True), h5py.HardLink) and isinstance(file[name], h5py.Dataset):
            data = file[name]
            found[name] = Dataset(name, tuple(data.shape or ()), str(data.dtype))
    return found


def _main(path: Path, found: dict[str, Dataset]) -> str:
    """Choose what is to be read where nobody said: train, or the only data set of vectors."""
    if TRAIN in found:
        return TRAIN
    tables = [name for name, data in found.items() if len(data.shape) == 2]
    if len(tables) != 1:
        listed = ", ".join(f'"{name}"' for name in found) or "none"
        raise RequestError(
            f'The file {path.name} has no data set "{TRAIN}"; found {listed}.',
            "Name the one that holds vectors.",
        )
    return tables[0]


def _columns(path: Path, file: h5py.File, name: str) -> dict[str, h5py.Dataset]:
    """Give the data sets that are the columns of ``name``, each checked."""
    columns = {VECTOR: _checked(path, file, name)}
    if name == TEST:
        beside = [column for column in BESIDE_TEST if column in file]
        columns |= {column: _checked(path, file, column) for column in beside}
    counts = {column: data.shape[0] for column, data in columns.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{rows:,} {column}" for column, rows in counts.items())
        raise RequestError(f"The data sets of {path.name} differ in rows: {said}.", "Save it again.")
    return columns


def _checked(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    if name not in _datasets(file):
        raise missing(name, tuple(_datasets(file)))
    data = file[name]
    if data.external or data.is_virtual:
        raise RequestError(
            f'The data set "{name}" is stored in other files, which are not opened.', "Save it into one file."
        )
    if data.dtype.kind not in "fiu" or data.dtype.itemsize > 8 or data.ndim != 2:
        raise RequestError(
            f'The data set "{name}" is {data.dtype} of shape {data.shape}; vectors are rows of numbers.',
            "Name another data set.",
        )
    if not all(data.shape):
        raise RequestError(f'The data set "{name}" of {path.name} has no rows.', "Choose another file.")
    refuse_size(path.name, rows=data.shape[0])
    refuse_dimensions(f'"{name}"', data.shape[1])
    refuse_bomb(path.name, data.nbytes, path.stat().st_size)
    if data.chunks and math.prod(data.chunks) * data.dtype.itemsize > MAX_CHUNK_BYTES:
        raise RequestError(
            f'The data set "{name}" is in chunks over {MAX_CHUNK_BYTES >> 20} MB.',
            "Save it in smaller chunks.",
        )
    return data


def _read(data: h5py.Dataset, start: int, rows: int) -> NDArray[Any]:
    return np.asarray(data[start : start + rows])


def _row_bytes(data: h5py.Dataset) -> int:
    return int(data.shape[1] * data.dtype.itemsize)


def _described(name: str, first: NDArray[Any]) -> FileColumn:
    column = column_of(name, first)
    return FileColumn(name, BESIDE_TEST.get(name, column.kind), column.dimensions, 0, column.sample)
