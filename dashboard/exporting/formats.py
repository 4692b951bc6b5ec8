"""The files rows can be written to: a registry, so that a new format is one entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dashboard.exporting.csv_file import CsvFile
from dashboard.exporting.jsonl_file import JsonlFile
from dashboard.exporting.parquet_file import ParquetFile
from db.errors import RequestError
from db.export_columns import ExportedColumn, Form


class RowFile(Protocol):
    """A file being written.  ``written_as`` names the type each column has in it."""

    neutralised: int
    """Cells changed so that no spreadsheet runs them."""
    written_as: list[str]

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append rows, whose values stand in the order of the columns."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.  ``form`` is how ``open`` wants the values; its last argument is a byte order mark."""

    key: str
    label: str
    about: str
    form: Form
    has_bom: bool
    bytes_per_number: float
    """About what one element of a vector takes; measured on vectors of unit length."""
    open: Callable[[Path, Sequence[ExportedColumn], bool], RowFile]


FORMATS: dict[str, Format] = {
    entry.key: entry
    for entry in (
        Format(
            "csv",
            "CSV",
            "RFC 4180 in UTF-8, values as PostgreSQL spells them; a cell that a spreadsheet would run as a "
            "formula gets an apostrophe before it",
            "text",
            True,
            11.5,
            CsvFile,
        ),
        Format(
            "jsonl",
            "JSON Lines",
            "one object per line; vectors, numbers, arrays and JSON keep their kind",
            "json",
            False,
            11.5,
            lambda path, columns, _: JsonlFile(path, columns),
        ),
        Format(
            "parquet",
            "Parquet",
            "typed columns, compressed by zstd; vectors as fixed-size lists of 32-bit floats, bit for bit",
            "native",
            False,
            3.8,
            lambda path, columns, _: ParquetFile(path, columns),
        ),
    )
}


def format_named(key: str) -> Format:
    """Find a format.  Raises RequestError for an unknown one."""
    if key not in FORMATS:
        raise RequestError(f"There is no export format {key!r}.", f"Choose one of {', '.join(FORMATS)}.")
    return FORMATS[key]
