"""What importing a file would do to a table, and why it cannot be done, where it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.embedders import Embedder
from dashboard.seeding.formats import Contents, Spool
from dashboard.seeding.imports.columns import Route
from dashboard.seeding.imports.forewarning import unlisted
from dashboard.seeding.imports.rejects import Issue
from dashboard.seeding.imports.request import ImportRequest
from db.columns import spelled
from db.errors import RequestError
from db.targets import Target
from db.words import counted

FIRST = 5
"""Rows that a sentence names by number."""


@dataclass(slots=True)
class Numbers:
    """Rows that have something in common: how many, and the numbers of the first."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, numbers: Sequence[int] | NDArray[np.int64]) -> None:
        """Take in more rows, by their numbers."""
        self.count += len(numbers)
        self.first += [int(number) for number in numbers[: FIRST - len(self.first)]]

    def in_words(self) -> str:
        """Name them, the start of a sentence.

        >>> Numbers(1, [7]).in_words(), Numbers(2, [7, 9]).in_words(), Numbers(1200, [7, 9]).in_words()
        ('Row 7', 'Rows 7, 9', '1,200 rows (7, 9…)')
        """
        named = ", ".join(f"{number:,}" for number in self.first)
        if self.count > len(self.first):
            return f"{counted(self.count)} ({named}…)"
        return f"Row {named}" if self.count == 1 else f"Rows {named}"


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What importing a file would do to a table, row for row.

    ``errors`` are the first of ``error_count``; ``bad`` are the numbers of the rows they are about.
    ``existing`` rows have a key that the table has already.
    """

    request: ImportRequest
    contents: Contents
    target: Target | None
    route: Route
    embedder: Embedder | None
    rows: int
    bad: NDArray[np.int64]
    errors: tuple[Issue, ...]
    error_count: int
    codes: Mapping[str, int]
    existing: int
    examples: tuple[str, ...]
    """Keys of some of the ``existing`` rows."""
    silent: Numbers
    """Rows that get a NULL vector, as there is no word to embed."""
    zeros: Numbers
    """Rows of the file's own vectors that are all zeros: no cosine distance to them is defined."""
    forewarnings: tuple[str, ...]
    """Sentences about what no row shows, such as the rules of the table."""
    spool: Spool
    """The rows as the sandbox read them, where they are to be imported and were not too many to keep."""

    @property
    def file_name(self) -> str:
        """What the reader calls the file."""
        return self.request.name or Path(self.request.path).name

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Sentences about a new table that no page will list, as it has no vectors."""
        return tuple(unlisted(self.contents, self.route)) if self.request.create else ()

    @property
    def odd_rows(self) -> tuple[str, ...]:
        """Sentences about rows that can be imported, and that some searches will not return."""
        told, made = [], self.route.embedding
        if self.zeros.count:
            has, them = ("has", "it") if self.zeros.count == 1 else ("have", "them")
            told.append(f"{self.zeros.in_words()} {has} zero length; cosine distance to {them} is undefined.")
        if self.silent.count and made and not made.not_null:
            has, vector = ("has", "a NULL vector") if self.silent.count == 1 else ("have", "NULL vectors")
            told.append(f"{self.silent.in_words()} {has} no word to embed, and so {vector}.")
        return tuple(told)

    @property
    def ok_rows(self) -> int:
        """How many rows can be imported."""
        return self.rows - len(self.bad)

    @property
    def outcome(self) -> dict[str, int]:
        """Count what becomes of the rows in the mode asked for."""
        return {
            "inserted": self.ok_rows - self.existing,
            "updated": self.existing if self.request.mode == "update" else 0,
            "skipped": self.existing if self.request.mode == "skip" else 0,
            "left_out": len(self.bad),
        }

    @property
    def refusal(self) -> RequestError | None:
        """Why the plan cannot be applied as it stands; None where it can."""
        table = spelled(self.request.schema, self.request.table)
        if len(self.bad) and not (self.request.leave_out_bad_rows and self.ok_rows):
            return RequestError(
                f"{len(self.bad):,} of {counted(self.rows)} cannot be imported; the first: {self.errors[0]}.",
                "Correct them in the file, or import the others without them (--leave-out-bad-rows).",
            )
        if self.existing and self.request.mode == "insert":
            some = ", ".join(self.examples) + ("…" if self.existing > len(self.examples) else "")
            noun = "key already exists" if self.existing == 1 else "keys already exist"
            return RequestError(
                f"{self.existing:,} {noun} in {table}: {some}.",
                "Choose update or skip (--mode), or take these rows out of the file.",
            )
        return None

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, which a job's result and ``--dry-run --json`` show."""
        request = self.request
        return {
            "dry_run": True,
            "file": self.file_name,
            "format": self.contents.format,
            "sha256": request.sha256,
            "schema": request.schema,
            "table": request.table,
            "fingerprint": request.fingerprint,
            "create": request.create,
            "mode": request.mode,
            "key": list(self.route.key),
            "vector": self.route.vector,
            "columns": [
                {"file": mapped.source, "table": mapped.name, "type": mapped.type}
                for mapped in self.route.columns
            ],
            "left_out": list(self.route.left_out),
            "rows": self.rows,
            "ok_rows": self.ok_rows,
            "outcome": self.outcome,
            "existing": self.existing,
            "without_text": self.silent.count,
            "zero_vectors": self.zeros.count,
            "errors": [asdict(issue) for issue in self.errors],
            "error_count": self.error_count,
            "codes": dict(self.codes),
            "rejects": request.rejects if self.error_count else None,
            "notes": [*self.contents.notes, *self.forewarnings, *self.unlisted, *self.odd_rows],
            "refusal": self.refusal.message if self.refusal else None,
            "remedy": self.refusal.remedy if self.refusal else None,
        }
