"""CSV with a header, split by comma, semicolon, tab or bar: one record a row, an empty field is NULL."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dashboard.seeding.formats import rowwise
from dashboard.seeding.formats.kinds import SPELLED
from dashboard.seeding.formats.rowwise import Numbered
from dashboard.seeding.formats.table import Contents, Raw, refuse_size
from dashboard.seeding.formats.text import MAX_LINE_CHARACTERS, lines
from db.errors import RequestError

DELIMITERS = ",;\t|"
_NAMES = {";": "semicolons", "\t": "tabs", "|": "bars"}


def survey(path: Path, _: str | None) -> Contents:
    """Read the file through, and say what its columns are."""
    notes = []
    if (delimiter := _delimiter(path)) != ",":
        notes.append(f"Fields are separated by {_NAMES[delimiter]}.")
    return rowwise.survey(path, "csv", records(path), SPELLED, notes)


def batches(path: Path, names: tuple[str, ...], start_row: int, _: str | None) -> Iterator[Raw]:
    """Read rows after ``start_row`` as text.

    Raises RequestError where the header lacks one of ``names``.
    """
    header = tuple(next(_rows(path), []))
    if lacking := next((name for name in names if name not in header), None):
        raise rowwise.missing(lacking, header)
    return rowwise.batches(records(path), names, start_row, typed=False)


def records(path: Path) -> Numbered:
    """Read row after row; a row with more or fewer fields than the header is not a record.

    Raises RequestError where the file is not CSV, or its header cannot be one.
    """
    rows = _rows(path)
    header = next(rows, [])
    _check(path.name, header)
    for number, cells in enumerate(rows, 1):
        if len(cells) == len(header):
            yield number, {name: cell or None for name, cell in zip(header, cells, strict=True)}
        else:
            yield number, f"has {len(cells)} fields, the header has {len(header)}"


def _rows(path: Path) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_LINE_CHARACTERS)  # a cell over MAX_CELL_BYTES costs its row, not the file
    read = csv.reader(lines(path, newline=""), strict=True, delimiter=_delimiter(path))
    try:
        yield from filter(None, read)
    except csv.Error as error:
        raise RequestError(f"Line {read.line_num:,} is not CSV: {error}.", "Correct the file.") from None


def _check(name: str, header: list[str]) -> None:
    refuse_size(name, columns=len(header))
    if twice := next((name for name, times in Counter(header).items() if times > 1), None):
        raise RequestError(f'Column "{twice}" appears twice.', "Rename one of the two.")


def _delimiter(path: Path) -> str:
    """Choose what splits the header into the most fields; the comma where nothing splits it into more."""
    first = next((line for line in lines(path, newline="") if line.strip()), "")
    return max(DELIMITERS, key=lambda delimiter: _fields(first, delimiter))


def _fields(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 0
