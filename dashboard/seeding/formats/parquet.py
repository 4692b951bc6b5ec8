"""Parquet: vectors are lists of numbers, of a fixed size or not.

Its metadata cannot be trusted to say how much it unpacks to, so what comes out is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dashboard.seeding.formats.cells import spelled
from dashboard.seeding.formats.kinds import TYPED, Narrowing, shortened
from dashboard.seeding.formats.reading import plain
from dashboard.seeding.formats.rowwise import missing
from dashboard.seeding.formats.table import (
    BATCH_ROWS,
    FIRST_ROWS,
    Contents,
    FileColumn,
    Raw,
    batch_rows,
    refuse_bomb,
    refuse_size,
)
from db.errors import RequestError

BUFFER_BYTES = 1 << 20
MAX_STRING_BYTES = 64 << 20
"""Of the footer: what describes columns and row groups."""
DECIMAL_DIGITS = 15
"""Digits a double keeps.  Source: DBL_DIG of C."""


def survey(path: Path, _: str | None) -> Contents:
    """Read the footer, and look at the first rows."""
    with _opened(path) as file:
        schema = file.schema_arrow
        first = next(file.iter_batches(FIRST_ROWS), None)
        if first is None:
            raise RequestError(f"The file {path.name} has no rows.", "Choose another file.")
        nulls = _nulls(file)
        columns, notes = [], []
        for field in schema:
            if pa.types.is_timestamp(field.type) and field.type.tz is None:
                notes.append(f'The times in "{field.name}" have no time zone; they are read as UTC.')
            values = stored(first.column(field.name))
            columns.append(_column(field.name, values, nulls.get(field.name)))
        shown = zip(*(map(_cell, plain(stored(values))) for values in first.columns), strict=True)
        return Contents("parquet", file.metadata.num_rows, tuple(columns), tuple(shown), notes=tuple(notes))


def batches(path: Path, names: tuple[str, ...], start_row: int, _: str | None) -> Iterator[Raw]:
    """Read rows after ``start_row``; row groups before it are passed over."""
    with _opened(path) as file:
        found = tuple(file.schema_arrow.names)
        if lacking := next((name for name in names if name not in found), None):
            raise missing(lacking, found)
        group, passed = _group_of(file, start_row)
        groups = list(range(group, file.num_row_groups))
        start, unpacked, size = passed, 0, path.stat().st_size
        for batch in file.iter_batches(_step(file), groups, list(names), use_threads=False):
            unpacked += _unpacked_bytes(batch)
            refuse_bomb(path.name, unpacked, size)
            batch.validate(full=True)  # text that is not UTF-8, offsets that point elsewhere
            kept = batch.slice(max(start_row - start, 0))
            start += batch.num_rows
            if kept.num_rows:
                values = {name: stored(kept.column(name)) for name in names}
                yield Raw(start - kept.num_rows + 1, kept.num_rows, values)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file; what its reader raises, now and later, becomes one sentence."""
    try:
        with pq.ParquetFile(
            path,
            buffer_size=BUFFER_BYTES,
            pre_buffer=False,  # it would read a row group whole, and one may be the whole file
            thrift_string_size_limit=MAX_STRING_BYTES,
            thrift_container_size_limit=MAX_STRING_BYTES,
        ) as file:
            _check(path, file)
            yield file
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, MemoryError):
            raise
        why = str(error).split("\n")[0][:200]
        raise RequestError(
            f"The file {path.name} is not a readable Parquet file: {why}",
            "Save it again, whole and not encrypted.",
        ) from None


def _check(path: Path, file: pq.ParquetFile) -> None:
    names = file.schema_arrow.names
    refuse_size(path.name, rows=file.metadata.num_rows, columns=len(names))
    if twice := next((name for name, times in Counter(names).items() if times > 1), None):
        raise RequestError(f'Column "{twice}" appears twice.', "Rename one of the two.")
    if not file.metadata.num_rows:
        raise RequestError(f"The file {path.name} has no rows.", "Choose another file.")


def _nulls(file: pq.ParquetFile) -> dict[str, int]:
    """Count the NULLs of the columns for which every row group says how many it has."""
    counts: dict[str, int] = {}
    unknown = set()
    for group in range(file.num_row_groups):
        for index in range(file.metadata.num_columns):
            column = file.metadata.row_group(group).column(index)
            name = column.path_in_schema
            if column.is_stats_set and column.statistics.has_null_count:
                counts[name] = counts.get(name, 0) + column.statistics.null_count
            else:
                unknown.add(name)
    return {name: count for name, count in counts.items() if name not in unknown}


def stored(values: pa.Array) -> pa.Array:
    """Take lists out of an extension type, such as that of tensors; the others (uuid) know their text."""
    is_list = isinstance(values, pa.ExtensionArray) and pa.types.is_nested(values.storage.type)
    return values.storage if is_list else values


def _column(name: str, values: pa.Array, nulls: int | None) -> FileColumn:
    """Describe a column by its type, and lists and text by their first values too."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    narrowing = Narrowing(name, TYPED)
    narrowing.add([spelled(v) if isinstance(v, date) else v for v in plain(values)])
    looked = narrowing.column()
    found = "vector" if looked.kind == "vector" else _kind(kind)
    return FileColumn(name, found, looked.dimensions, nulls, looked.sample, lengths=looked.lengths)


def _kind(kind: pa.DataType) -> str:
    types = pa.types
    if types.is_boolean(kind):
        return "boolean"
    if types.is_integer(kind):
        return "integer"
    if types.is_floating(kind) or (types.is_decimal(kind) and kind.precision <= DECIMAL_DIGITS):
        return "number"
    if types.is_date(kind):
        return "date"
    if types.is_timestamp(kind):
        return "timestamp"
    return "json" if types.is_nested(kind) else "text"


def _cell(value: object) -> str | None:
    return None if value is None else shortened(spelled(value))


def _group_of(file: pq.ParquetFile, row: int) -> tuple[int, int]:
    """Find the row group that holds row ``row`` (from 0), and the rows before that group."""
    passed = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if passed + rows > row:
            return group, passed
        passed += rows
    return file.num_row_groups, passed


def _step(file: pq.ParquetFile) -> int:
    """Choose the rows of a batch by what the first few of them take."""
    first = next(file.iter_batches(FIRST_ROWS))
    return min(batch_rows(_unpacked_bytes(first) // max(first.num_rows, 1)), BATCH_ROWS)


def _unpacked_bytes(batch: pa.RecordBatch) -> int:
    """Count the bytes of a batch's values, a text that is kept once for many rows as often as it stands."""
    repeated = 0
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type):
            lengths = pc.binary_length(column.dictionary).take(column.indices)
            repeated += pc.sum(lengths.cast(pa.int64())).as_py() or 0
    return int(batch.nbytes + repeated)
