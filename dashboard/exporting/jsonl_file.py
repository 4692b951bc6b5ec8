"""JSON Lines: one object per row, put together from the JSON that PostgreSQL writes of each value."""

import json
from collections.abc import Sequence
from pathlib import Path

from db.export_columns import ExportedColumn

_ONE_LINE = str.maketrans("\r\n", "  ")
"""Between the values of a json column line breaks may stand, inside of its texts never."""


class JsonlFile:
    """A JSON Lines file in UTF-8.  Numbers keep every digit; NaN and infinity, unknown to JSON, are texts."""

    def __init__(self, path: Path, columns: Sequence[ExportedColumn]) -> None:
        self.neutralised = 0
        self.written_as = ["array" if c.base in {"vector", "halfvec"} else "json" for c in columns]
        self._names = [f"{json.dumps(column.name, ensure_ascii=False)}: " for column in columns]
        self._json = [column.base == "json" for column in columns]
        self._file = path.open("w", encoding="utf-8", newline="")

    def write(self, rows: Sequence[Sequence[str | None]]) -> None:
        """Append rows of JSON texts; None becomes null."""
        self._file.writelines(f"{{{', '.join(self._members(row))}}}\n" for row in rows)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _members(self, row: Sequence[str | None]) -> list[str]:
        return [
            name + ("null" if value is None else value.translate(_ONE_LINE) if may_break else value)
            for name, value, may_break in zip(self._names, row, self._json, strict=False)
        ]
