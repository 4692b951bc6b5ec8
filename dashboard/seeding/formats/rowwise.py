"""What CSV and JSON share: records one after another, gathered into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from dashboard.seeding.formats.kinds import Narrowing, Test, shortened
from dashboard.seeding.formats.table import FIRST_ROWS, Contents, Fault, Raw, quoted, refuse_size
from dashboard.seeding.spelling import as_text
from db.errors import RequestError
from db.words import counted

Record = dict[str, Any]
Numbered = Iterator[tuple[int, Record | str]]
"""Rows by number, from 1: the record, or why there is none."""

BATCH_ROWS = 1024
BATCH_BYTES = 8 << 20
"""Characters of values, about, after which a batch is not filled further."""


class Ragged(str):
    """Why a row is no record, with what it has of the header's fields."""

    fields: tuple[str | None, ...]

    def __new__(cls, reason: str, fields: Sequence[str | None]) -> Ragged:
        """Make the reason, a text like any other, and keep the fields with it."""
        made = super().__new__(cls, reason)
        made.fields = tuple(fields)
        return made


def survey(path: Path, key: str, records: Numbered, tests: dict[str, Test], notes: list[str]) -> Contents:
    """Read every record, and say what the columns are.

    Raises RequestError where there are no rows, no values, or too many columns.
    """
    columns: dict[str, Narrowing] = {}
    first: list[dict[str, str | None]] = []
    rows, unread = 0, 0
    for start, gathered, faults in _gathered(records, 0):
        _narrow(columns, gathered, tests, start, path.name)
        first += [
            {name: _cell(value) for name, value in (record or {}).items()}
            for record in gathered[: FIRST_ROWS - len(first)]
        ]
        rows, unread = start + len(gathered) - 1, unread + len(faults)
        refuse_size(path.name, rows=rows)
        if faults and unread == len(faults):
            notes.append(f"Row {faults[0].row:,} {faults[0].reason}.")
    if not rows:
        raise RequestError(f"The file {path.name} has no rows.", "Choose another file.")
    if not columns:
        why = notes[-1] if unread else "Choose another file."
        raise RequestError(f"The rows of {path.name} hold no values.", why)
    if unread:
        notes.append(f"{unread:,} of {counted(rows)} cannot be read.")
    shown = [tuple(record.get(name) for name in columns) for record in first]
    return Contents(key, rows, tuple(c.column() for c in columns.values()), tuple(shown), notes=tuple(notes))


def _narrow(
    columns: dict[str, Narrowing],
    gathered: list[Record | None],
    tests: dict[str, Test],
    start: int,
    file: str,
) -> None:
    found = [record for record in gathered if record is not None]
    for name in dict.fromkeys(name for record in found for name in record):
        if name not in columns:
            columns[name] = Narrowing(name, tests)
            columns[name].add([None] * (start - 1))
            refuse_size(file, columns=len(columns))
    for name, column in columns.items():
        column.add([record.get(name) for record in found])


def _cell(value: Any) -> str | None:
    return None if value is None else shortened(as_text(value))


def batches(records: Numbered, names: tuple[str, ...], start_row: int, *, typed: bool) -> Iterator[Raw]:
    """Gather the rows after ``start_row``.

    Raises RequestError where the rows have other names, and none of one that is asked for.
    """
    for start, gathered, faults in _gathered(records, start_row):
        empty: Record = {}
        found = [empty if record is None else record for record in gathered]
        values = {name: [record.get(name) for record in found] for name in names}
        yield Raw(start, len(found), values, faults, typed)


def _gathered(
    records: Numbered, start_row: int
) -> Iterator[tuple[int, list[Record | None], tuple[Fault, ...]]]:
    """Gather rows: the number of the first, the records (None where there is none), and why there is none."""
    rest = islice(records, start_row, None)
    while batch := list(_some(rest)):
        faults = tuple(_fault(row, why) for row, why in batch if isinstance(why, str))
        yield batch[0][0], [None if isinstance(r, str) else r for _, r in batch], faults


def _fault(row: int, why: str) -> Fault:
    return Fault(row, None, "row", str(why), why.fields if isinstance(why, Ragged) else ())


def _some(records: Numbered) -> Numbered:
    """Take rows until they are many or long."""
    room = BATCH_BYTES
    for number, record in islice(records, BATCH_ROWS):
        yield number, record
        room -= _length(record)
        if room < 0:
            break


def _length(record: Record | str) -> int:
    if isinstance(record, Ragged):
        return sum(len(field or "") for field in record.fields)
    if isinstance(record, str):
        return len(record)
    sized = (value for value in record.values() if isinstance(value, str | list))
    return sum(len(value) if isinstance(value, str) else 16 * len(value) for value in sized)


def missing(name: str, found: tuple[str, ...]) -> RequestError:
    """Make the error for a column that the file does not have."""
    some = ", ".join(map(quoted, found[:20])) + (", …" if len(found) > 20 else "")
    return RequestError(f"Missing column {quoted(name)}; found {some}.", "Name one of these.")
