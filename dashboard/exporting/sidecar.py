"""What stands beside an exported file: where its rows come from, and whether these are all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dashboard import __version__
from dashboard.exporting.formats import RowFile
from dashboard.exporting.request import ExportRequest
from db.capabilities import Capabilities
from db.conditions import in_words
from db.export import Selection
from db.export_columns import ExportedColumn

SIDECAR = ".meta.json"
"""What a sidecar's name has after the name of its file."""

ANY_ROWS = "any rows: nothing orders this table"
"""What a limit leaves of rows that come as they lie: no sample, and another time others."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and all that its sidecar tells of it.

    ``sql`` selects the same rows; ``of_rows`` counts what there is without the limit; ``not_found``
    spells the first keys of ``missing`` rows.
    """

    selection: Selection
    columns: Sequence[ExportedColumn]
    file: RowFile
    rows: int
    of_rows: int
    not_found: tuple[str, ...]
    sql: str
    server: Capabilities

    @property
    def missing(self) -> int:
        """Rows that were named one by one and are no longer there, or no longer meet the condition."""
        return max(0, len(self.selection.keys or ()) - self.of_rows)


def write_sidecar(path: Path, request: ExportRequest, written: Written, file: Path, at: datetime) -> None:
    """Write the sidecar of ``file``, which will be called ``path`` without SIDECAR."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    name = path.name.removesuffix(SIDECAR)
    document = _document(request, written) | {"file": name, "sha256": digest, "exported_at": at.isoformat()}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _document(request: ExportRequest, written: Written) -> dict[str, Any]:
    selection = written.selection
    return {
        "column": request.column,
        "scope": request.scope,
        "format": request.format,
        "rows": written.rows,
        "of_rows": written.of_rows,
        "truncated": written.rows < written.of_rows,
        "limit": request.rows,
        "kept": _kept(selection) if written.rows < written.of_rows else "every row",
        "missing_rows": written.missing,
        "neutralised_cells": written.file.neutralised,
        "sql": written.sql,
        "parameters": {
            "where": request.where,
            "where_in_words": in_words(selection.where),
            "keys": request.keys and [key if len(key) > 1 else key[0] for key in request.keys],
            "order": _order(selection),
            "byte_order_mark": request.bom,
            "seed": None,
        },
        "columns": [
            {"name": column.name, "type": column.type, "written_as": written_as}
            for column, written_as in zip(written.columns, written.file.written_as, strict=True)
        ],
        "database": written.server.database,
        "versions": {
            "vectorscope": __version__,
            "postgresql": written.server.server_version,
            "pgvector": written.server.pgvector_version,
            "pyarrow": version("pyarrow"),
        },
    }


def _kept(selection: Selection) -> str:
    """Say which rows are in a file that was cut off."""
    return f"the first by {', '.join(order)}" if (order := _order(selection)) else ANY_ROWS


def _order(selection: Selection) -> list[str]:
    """Say by what the rows are sorted; nothing where they come as they lie."""
    if not (sort := selection.sort):
        return list(selection.column.key)
    names = dict.fromkeys((sort.column, *selection.column.key))
    return [f"{name}{' DESC' * sort.descending}" for name in names]
