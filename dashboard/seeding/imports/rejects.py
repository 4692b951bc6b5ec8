"""The rows that cannot be imported, as a CSV file: to be corrected there and imported again."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.formulas import neutral
from dashboard.seeding.formats import Wanted, read_batches
from dashboard.seeding.formats.table import ARRAY_KINDS, Contents
from dashboard.seeding.imports.texts import spelled_out

REASONS = ("row", "column", "reason")
WRITTEN = 100_000
"""Reasons a reject file holds at most."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that keeps a row, or the whole file, from being imported; rows count from 1."""

    row: int | None
    column: str | None
    code: str
    text: str

    def __str__(self) -> str:
        place = "the file" if self.row is None else f"row {self.row:,}"
        return f"{place}: {self.text}" if self.column is None else f'{place}, "{self.column}": {self.text}'


def write_rejects(path: Path, file: Path, found: Contents, issues: Sequence[Issue]) -> None:
    """Write each reason with the row it is for, and what the row holds; arrays of numbers stay out."""
    by_row = defaultdict(list)
    for issue in issues:
        if issue.row is not None:
            by_row[issue.row].append(issue)
    names = [column.name for column in found.columns if column.kind not in ARRAY_KINDS or _is_text(found)]
    with path.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output)
        writer.writerow([*REASONS, *map(neutral, names)])
        for row, values in _rows(file, found, names, by_row):
            for issue in by_row[row]:
                writer.writerow([row, neutral(issue.column or ""), neutral(issue.text), *map(_cell, values)])


def _is_text(found: Contents) -> bool:
    return found.format in {"csv", "json", "jsonl"}


def _rows(
    file: Path, found: Contents, names: Sequence[str], wanted: Mapping[int, Any]
) -> Iterator[tuple[int, list[Any]]]:
    """Read the rows named by number, as the file has them."""
    texts = {name: Wanted("text") for name in names}
    with closing(read_batches(file, texts, dataset=found.dataset)) as batches:
        for batch in batches:
            torn = {fault.row: list(fault.fields) for fault in batch.faults if fault.fields}
            for place in range(batch.rows):
                if (row := batch.start + place) in wanted:
                    yield row, torn.get(row) or [batch.values[name][place] for name in names]


def _cell(value: Any) -> Any:
    return None if value is None else neutral(spelled_out(value))
