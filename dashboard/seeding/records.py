"""Reading a JSON or CSV file of records, whole, with each row that cannot be used named and left out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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
    is_json = path.suffix.lower() != ".csv" and text.lstrip()[:1] in {"[", "{"}
    found, rejections = _checked(_json_records(text)) if is_json else _checked(_csv_records(text))
    if not found:
        raise RequestError(
            f"The file {path.name} has no rows." if not rejections else f"No row of {path.name} can be used.",
            f"Row {rejections[0].row} {rejections[0].reason}." if rejections else "Choose another file.",
        )
    names = dict.fromkeys(name for record in found for name in record)
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
        if path.stat().st_size > MAX_FILE_MB << 20:
            raise RequestError(
                f"The file {path.name} is over {MAX_FILE_MB} MB.", "Split it into smaller files."
            )
        data = path.read_bytes()
    except OSError as error:
        raise RequestError(
            f"The file {str(path)!r} cannot be read: {error.strerror}.",
            "Check the path, and that it may be read.",
        ) from error
    if not data.strip():
        raise RequestError(f"The file {path.name} is empty.", "Choose a file of records.")
    return data


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"Byte 0x{data[error.start]:02x} at position {error.start:,} is not UTF-8.",
            "Save the file as UTF-8.",
        ) from None


Read = Iterator[tuple[int, Record | str]]
"""Rows by number, from 1: the record, or why there is none."""


def _json_records(text: str) -> Read:
    try:
        values = json.loads(text) if text.lstrip().startswith("[") else None
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The file is not JSON: {error}.", "Correct the file.") from None
    if values is None:
        lines = (line for line in text.splitlines() if line.strip())
        return ((row, _json_line(line)) for row, line in enumerate(lines, 1))
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
    csv.field_size_limit(MAX_CELL_BYTES)
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
        (f'holds {fault} in "{name}"' for name, value in record.items() if (fault := _flaw(value))), None
    )


def _flaw(value: Any) -> str | None:
    if not isinstance(value, str | list | dict):
        return None
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        return "half a surrogate pair"
    except ValueError:
        return "NaN or Infinity"
    if "\0" in text or (text is not value and "\\u0000" in text):
        return "a NUL byte"
    return f"over {MAX_CELL_BYTES >> 20} MB" if size > MAX_CELL_BYTES else None
