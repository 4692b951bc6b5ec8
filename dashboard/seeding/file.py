"""The source ``file``: somebody's records, with the text columns they name embedded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dashboard.seeding.embedders import HASHING, embedded_by, has_words
from dashboard.seeding.inference import as_text, infer
from dashboard.seeding.records import Records, read_records
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import EMBEDDING, KEY, LISTED, Rows, block_rows, embedding
from db.binary import BIGINT, Batch, Field, Kind, Values
from db.errors import RequestError

Columns = dict[str, tuple[Kind, Values]]

KEPT_KEY = "file_id"

SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


def open_file(request: PopulateRequest) -> Rows:
    """Read the file and settle its columns: ``id``, then the file's own, then ``embedding``.

    Raises RequestError where there is no file, no text to embed, or a column that no table can have.
    """
    if not request.path:
        raise RequestError("The source 'file' needs a file.", "Name it with --path.")
    records = read_records(Path(request.path))
    _check_text(request.text, records)

    texts = _joined(records, request.text)
    columns = _keyed({name: infer(values) for name, values in records.columns.items()}, records.rows)
    _check_names(columns)
    size = block_rows(HASHING.dims)

    def make(index: int) -> Batch:
        rows = slice(index * size, (index + 1) * size)
        return *(values[rows] for _, values in columns.values()), HASHING.embed(texts[rows])

    return Rows(
        (*(Field(name, kind) for name, (kind, _) in columns.items()), embedding(HASHING.dims)),
        records.rows,
        size,
        make,
        {"source": "file", "rows": records.rows, "sha256": records.sha256, "text": list(request.text)},
        embedded_by=embedded_by(HASHING, request.text),
        rejected=len(records.rejections),
        rejections=records.rejections[:LISTED],
        without_text=sum(not has_words(text) for text in texts),
    )


def _joined(records: Records, text: tuple[str, ...]) -> list[str]:
    columns = [records.columns[name] for name in text]
    return [" ".join(as_text(v) for v in row if v is not None) for row in zip(*columns, strict=True)]


def _keyed(columns: Columns, rows: int) -> Columns:
    """Put the primary key first: the file's own ``id`` where it can be one, else the number of the row.

    An ``id`` that cannot be a key is kept as ``file_id``.
    """
    if _is_key(columns.get(KEY)):
        return {KEY: columns[KEY], **columns}
    if KEY in columns and KEPT_KEY in columns:
        raise RequestError(
            f'"{KEY}" is not a key, and "{KEPT_KEY}" is taken.', f'Rename "{KEY}" in the file.'
        )
    others = {KEPT_KEY if name == KEY else name: column for name, column in columns.items()}
    return {KEY: (BIGINT, np.arange(1, rows + 1)), **others}


def _is_key(column: tuple[Kind, Values] | None) -> bool:
    """Say whether a column can be the primary key as it is: whole numbers, none missing, none twice."""
    if column is None or column[0] is not BIGINT:
        return False
    return None not in column[1] and len(set(column[1])) == len(column[1])


def _check_text(text: tuple[str, ...], records: Records) -> None:
    found = ", ".join(f'"{name}"' for name in records.columns)
    if not text:
        raise RequestError("No text column is named.", f"Name those to embed (--text); found {found}.")
    if missing := next((name for name in text if name not in records.columns), None):
        raise RequestError(
            f'Missing column "{missing}"; found {found}.', "Name one of these to embed (--text)."
        )


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if problem := _problem(name):
            raise RequestError(f"The column {name[:80]!r} {problem}.", "Rename it in the file.")


def _problem(name: str) -> str | None:
    if not name.strip():
        return "has no name"
    if not name.isprintable():
        return "has a character in its name that no name can hold"
    if len(name.encode()) > 63:
        return "has a name over 63 bytes"
    if name == EMBEDDING:
        return "has the name of the vectors to be made"
    return "has a name PostgreSQL keeps for itself" if name in SYSTEM_COLUMNS else None
