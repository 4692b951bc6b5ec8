"""CSV as RFC 4180 has it, that PostgreSQL reads back unchanged and no spreadsheet runs."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from dashboard.formulas import neutral
from db.export_columns import ExportedColumn

_NEEDS_QUOTES = re.compile(r'[",\r\n]')


class CsvFile:
    """A CSV file: a header, then a line per row, in UTF-8 and with CRLF.

    NULL is an empty field and an empty text a quoted one, as in PostgreSQL's COPY.
    """

    def __init__(self, path: Path, columns: Sequence[ExportedColumn], bom: bool) -> None:
        self.neutralised = 0
        self.written_as = ["text"] * len(columns)
        self._cells: list[Callable[[str | None], str]] = [
            self._free_cell if column.is_free_text else cell for column in columns
        ]
        self._file = path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="")
        self._file.write(",".join(self._free_cell(column.name) for column in columns) + "\r\n")

    def write(self, rows: Sequence[Sequence[str | None]]) -> None:
        """Append rows of texts."""
        cells = self._cells
        self._file.writelines(
            ",".join([make(value) for make, value in zip(cells, row, strict=False)]) + "\r\n" for row in rows
        )

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _free_cell(self, value: str | None) -> str:
        if value is None:
            return ""
        safe = neutral(value)
        self.neutralised += safe is not value
        return cell(safe)


def cell(value: str | None) -> str:
    r"""Write one field.

    >>> cell(None), cell(""), cell('5" nails, blue')
    ('', '""', '"5"" nails, blue"')
    """
    if value is None:
        return ""
    # A lone \. would end a COPY before PostgreSQL 18.
    if not value or value == "\\." or _NEEDS_QUOTES.search(value):
        return '"' + value.replace('"', '""') + '"'
    return value
