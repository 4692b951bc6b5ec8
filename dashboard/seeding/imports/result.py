"""What an import did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, counted by the server.  ``left_out`` rows could not be imported.

    ``queries`` names the table that got an HDF5 file's test vectors and their true neighbours.
    """

    file: str
    sha256: str
    schema: str
    table: str
    column: str
    """The vector column as ``schema.table.column``; "" where the table has none."""
    mode: str
    rows: int
    inserted: int
    updated: int
    skipped: int
    left_out: int
    without_text: int
    rejects: str | None
    queries: str | None
    elapsed_s: float
    """Of this attempt alone, where another went before it."""
    notes: tuple[str, ...] = ()
    """Sentences about what the table is short of."""
