"""Reading a JSON or CSV file of records, whole, with each row that cannot be used named and left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from dashboard.seeding.formats import delimited, jsonfile, regular, sha256_of
from dashboard.seeding.formats.recognise import recognised
from dashboard.seeding.formats.rowwise import Numbered, Record
from dashboard.seeding.formats.table import MAX_CELL_BYTES, quoted, refuse_size
from dashboard.seeding.inference import read_column
from dashboard.seeding.source import Rejection
from db.errors import RequestError

MAX_FILE_MB = 256
"""A file is read whole, and its values take several times its size in memory."""


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
    file = _bounded(path)
    is_json = _is_json(file)
    found, rejections = _checked(jsonfile.records(file) if is_json else delimited.records(file))
    if not found:
        raise RequestError(
            f"The file {file.name} has no rows." if not rejections else f"No row of {file.name} can be used.",
            f"Row {rejections[0].row} {rejections[0].reason}." if rejections else "Choose another file.",
        )
    names = dict.fromkeys(name for record in found for name in record)
    if not names:
        raise RequestError(f"The rows of {file.name} hold no values.", "Choose another file.")
    refuse_size(file.name, columns=len(names))
    columns = {name: [record.get(name) for record in found] for name in names}
    if not is_json:
        columns = {name: read_column([v or None for v in values]) for name, values in columns.items()}
    return Records(columns, len(found), tuple(rejections), sha256_of(file))


def _bounded(path: Path) -> Path:
    file = regular(path)
    if file.stat().st_size > MAX_FILE_MB << 20:
        raise RequestError(f"The file {path.name} is over {MAX_FILE_MB} MB.", "Split it into smaller files.")
    return file


def _is_json(file: Path) -> bool:
    form = recognised(file)
    if form.key not in {"json", "csv"}:
        raise RequestError(
            f"The file {file.name} is {form.label}; records are read from JSON and CSV.",
            "Load it with: python -m dashboard import",
        )
    return form.key == "json"


def _checked(read: Numbered) -> tuple[list[Record], list[Rejection]]:
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
        (f"holds {fault} in {quoted(name)}" for name, value in record.items() if (fault := _flaw(value))),
        None,
    )


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
