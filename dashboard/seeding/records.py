"""Reading a JSON or CSV file of records, whole, with each row that cannot be used named and left out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from dashboard.seeding.inference import read_column
from dashboard.seeding.source import Rejection
from db.errors import RequestError

MAX_FILE_MB = 256
"""A file is read whole, and its values take several times its size in memory."""
MAX_CELL_BYTES = 5 << 20
MAX_COLUMNS = 1_598
"""PostgreSQL's 1,600, less the key and the vector."""

JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
_JSON_RECORDS = re.compile(r'\s*(\[\s*)?\{\s*["}]')

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Records:
    """The usable rows of a file, as columns of one length in the file's order; None is NULL."""

    columns: dict[str, list[Any]]
    rows: int
    rejections: tuple[Rejection, ...]
    sha256: str


def read_records(path: Path) -> Records:
    """Read a list of JSON objects, one JSON object per line, or CSV with a header.

    Raises RequestError where the file as a whole cannot be used, or no row of it.
    """
    data = _bytes(path)
    text = _text(data)
    if not text.strip():
        raise RequestError(f"The file {path.name} is empty.", "Choose a file of records.")
    is_json = _is_json(path, text)
    found, rejections = _checked(_json_records(text)) if is_json else _checked(_csv_records(text))
    if not found:
        raise RequestError(
            f"The file {path.name} has no rows." if not rejections else f"No row of {path.name} can be used.",
            f"Row {rejections[0].row} {rejections[0].reason}." if rejections else "Choose another file.",
        )
    names = dict.fromkeys(name for record in found for name in record)
    if not names:
        raise RequestError(f"The rows of {path.name} hold no values.", "Choose another file.")
    if len(names) > MAX_COLUMNS:
        raise RequestError(
            f"The file has {len(names):,} columns.", f"A table holds at most {MAX_COLUMNS:,} of them."
        )
    columns = {name: [record.get(name) for record in found] for name in names}
    if not is_json:
        columns = {name: read_column(values) for name, values in columns.items()}
    return Records(columns, len(found), tuple(rejections), hashlib.sha256(data).hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe may never begin, a device never end
            raise RequestError(
                f"The file {str(path)!r} cannot be read: it is a directory, a pipe or a device.",
                "Choose a regular file.",
            )
        with path.open("rb") as file:
            data = file.read((MAX_FILE_MB << 20) + 1)
    except OSError as error:
        raise RequestError(
            f"The file {str(path)!r} cannot be read: {error.strerror}.",
            "Check the path, and that it may be read.",
        ) from error
    if len(data) > MAX_FILE_MB << 20:
        raise RequestError(f"The file {path.name} is over {MAX_FILE_MB} MB.", "Split it into smaller files.")
    return data


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"Byte 0x{data[error.start]:02x} at position {error.start:,} is not UTF-8.",
            "Save the file as UTF-8.",
        ) from None


def _is_json(path: Path, text: str) -> bool:
    """Go by the file's name and, where that does not tell, by how it begins."""
    suffix = path.suffix.lower()
    if suffix == ".csv" and _JSON_RECORDS.match(text):
        raise RequestError(f"The file {path.name} holds JSON, not CSV.", "Rename it to end in .json.")
    return suffix in JSON_SUFFIXES or (suffix != ".csv" and text.lstrip()[:1] in {"[", "{"})


Read = Iterator[tuple[int, Record | str]]
"""Rows by number, from 1: the record, or why there is none."""


def _json_records(text: str) -> Read:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith("{"):
            raise RequestError(f"The file is not JSON: {error}.", "Correct the file.") from None
        # Not splitlines(): a string may hold U+2028 and its like as they are.
        lines = (line for line in text.split("\n") if line.strip())
        return ((row, _json_line(line)) for row, line in enumerate(lines, 1))
    if isinstance(values, dict):
        values = [values]
    if not isinstance(values, list):
        raise RequestError(
            "The file is JSON, but not a list of records.", "Give a list of objects, or one object per line."
        )
    return (
        (row, value if isinstance(value, dict) else "is not an object with named values")
        for row, value in enumerate(values, 1)
    )


def _json_line(line: str) -> Record | str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return value if isinstance(value, dict) else "is not an object with named values"


def _csv_records(text: str) -> Read:
    csv.field_size_limit(MAX_FILE_MB << 20)  # a cell over MAX_CELL_BYTES costs its row, not the file
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [row for row in lines if row]
    except csv.Error as error:
        raise RequestError(f"Line {lines.line_num:,} is not CSV: {error}.", "Correct the file.") from None
    header, *rest = rows
    if twice := next((name for name, times in Counter(header).items() if times > 1), None):
        raise RequestError(f'Column "{twice}" appears twice.', "Rename one of the two.")
    for number, cells in enumerate(rest, 1):
        if len(cells) == len(header):
            yield number, {name: cell or None for name, cell in zip(header, cells, strict=True)}
        else:
            yield number, f"has {len(cells)} fields, the header has {len(header)}"


def _checked(read: Read) -> tuple[list[Record], list[Rejection]]:
    found: list[Record] = []
    rejections: list[Rejection] = []
    for row, record in read:
        reason = record if isinstance(record, str) else _fault(record)
        if reason is None:
            found.append(record)  # type: ignore[arg-type]
        else:
            rejections.append(Rejection(row, reason))
    return found, rejections


def _fault(record: Record) -> str | None:
    """Say what PostgreSQL could not store of ``record``."""
    return next(
        (f"holds {fault} in {_quoted(name)}" for name, value in record.items() if (fault := _flaw(value))),
        None,
    )


def _quoted(name: str) -> str:
    return f'"{name}"' if name.isprintable() else ascii(name)


def _flaw(value: Any) -> str | None:
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return None
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        return "half a surrogate pair"
    except RecursionError:
        return "values nested too deeply"
    except ValueError:
        return "NaN, Infinity or a number over 1.7e308"
    if "\0" in text or (text is not value and "\\u0000" in text):
        return "a NUL byte"
    return f"over {MAX_CELL_BYTES >> 20} MB" if size > MAX_CELL_BYTES else None
