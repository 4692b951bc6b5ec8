"""What importing a file would do to a table, and why it cannot be done, where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
    without_text: int
    """Rows that get a NULL vector, as there is no word to embed."""
    zero_vectors: int
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
            "without_text": self.without_text,
            "zero_vectors": self.zero_vectors,
            "errors": [asdict(issue) for issue in self.errors],
            "error_count": self.error_count,
            "codes": dict(self.codes),
            "rejects": request.rejects if self.error_count else None,
            "notes": [*self.contents.notes, *self.forewarnings, *self.unlisted],
            "refusal": self.refusal.message if self.refusal else None,
            "remedy": self.refusal.remedy if self.refusal else None,
        }
