"""CSV with a header, split by comma, semicolon, tab or bar: one record a row.

An empty field is NULL, and where it is quoted a text without characters: COPY and our export write both so.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from re import Pattern
from typing import Any

from dashboard.seeding.formats import rowwise
from dashboard.seeding.formats.kinds import SPELLED
from dashboard.seeding.formats.rowwise import Numbered, Ragged, Record
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
    # Programs that quote every field mean NULL in a column of numbers: its kind is that of the others.
    filled = ((number, _filled(record)) for number, record in records(path))
    return rowwise.survey(path, "csv", filled, SPELLED, notes)


def batches(path: Path, names: tuple[str, ...], start_row: int, _: str | None) -> Iterator[Raw]:
    """Read rows after ``start_row`` as text.

    Raises RequestError where the header lacks one of ``names``.
    """
    header = tuple(name or "" for name in next(_rows(path), []))
    if lacking := next((name for name in names if name not in header), None):
        raise rowwise.missing(lacking, header)
    return rowwise.batches(records(path), names, start_row, typed=False)


def records(path: Path) -> Numbered:
    """Read row after row; a row with more or fewer fields than the header is not a record.

    Raises RequestError where the file is not CSV, or its header cannot be one.
    """
    rows = _rows(path)
    header = [name or "" for name in next(rows, [])]
    _check(path.name, header)
    for number, cells in enumerate(rows, 1):
        if len(cells) == len(header):
            yield number, dict(zip(header, cells, strict=True))
        else:
            reason = f"has {len(cells)} fields, the header has {len(header)}"
            yield number, Ragged(reason, [*cells, *[None] * len(header)][: len(header)])


def _filled(record: Record | str) -> Record | str:
    return record if isinstance(record, str) else {name: cell or None for name, cell in record.items()}


def _rows(path: Path) -> Iterator[list[Any]]:
    """Read the fields of each row that has any; None is an empty one without quotes."""
    csv.field_size_limit(MAX_LINE_CHARACTERS)  # a cell over MAX_CELL_BYTES costs its row, not the file
    delimiter, written = _delimiter(path), _Written(lines(path, newline=""))
    read = csv.reader(written, strict=True, delimiter=delimiter)
    # Possessive: else the engine remembers every place it might go back to, at some 100 bytes each.
    split = re.escape(delimiter)
    field = re.compile(rf'(?:^|{split})("[^"]*+(?:""[^"]*+)*+"|[^{split}\r\n]*)')
    try:
        for cells in read:
            text = written.taken()
            if cells:
                yield cells if all(cells) else _with_nulls(cells, text, field)
    except csv.Error as error:
        raise RequestError(f"Line {read.line_num:,} is not CSV: {error}.", "Correct the file.") from None


class _Written:
    """Hands on lines, and the text of those that a row was made of: csv does not tell "" from nothing."""

    def __init__(self, given: Iterator[str]) -> None:
        self._given = given
        self._since: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._given:
            self._since.append(line)
            yield line

    def taken(self) -> str:
        text = "".join(self._since)
        self._since.clear()
        return text


def _with_nulls(cells: list[str], text: str, field: Pattern[str]) -> list[str | None]:
    """Tell the empty fields of a row that are quoted from those that are NULL."""
    if '""' not in text:
        return [cell or None for cell in cells]
    quoted = [found[1].startswith('"') for found in field.finditer(text)]
    return [cell if cell or is_quoted else None for cell, is_quoted in zip(cells, quoted, strict=False)]


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
