"""Options to begin with, by what matters most.

Source: pgvector README, "HNSW" and "IVFFlat" (defaults, lists = rows / 1,000 up to a million rows, then
their root); measurements in which m buys more recall than ef_construction on hard data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from db.indexes import Hnsw, IndexMethod, Ivfflat

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Preset:
    """One choice: ``make`` turns the number of rows into a method with its options."""

    label: str
    method: str
    about: str
    make: Callable[[int], IndexMethod]


def usual_lists(rows: int) -> int:
    """Choose lists as pgvector's README does, at least one list in a hundred rows.

    >>> [usual_lists(rows) for rows in (500, 100_000, 4_000_000)]
    [5, 100, 2000]
    """
    wanted = rows / 1000 if rows <= MILLION else math.sqrt(rows)
    return min(max(round(wanted), min(10, rows // 100), 1), 32_768)


def _hnsw(m: int, ef_construction: int) -> Callable[[int], IndexMethod]:
    return lambda _: Hnsw(m, ef_construction)


PRESETS = (
    Preset(
        "Fast build", "hnsw", "Half the links: quickest, for data that is easy to tell apart", _hnsw(8, 32)
    ),
    Preset("Balanced", "hnsw", "pgvector's own defaults", _hnsw(16, 64)),
    Preset(
        "High recall", "hnsw", "Twice the links: slower to build, finds more of hard data", _hnsw(32, 128)
    ),
    Preset(
        "Fast build",
        "ivfflat",
        "A quarter of the lists: quick to build, more rows read by each search",
        lambda rows: Ivfflat(max(1, usual_lists(rows) // 4)),
    ),
    Preset("Balanced", "ivfflat", "One list for a thousand rows", lambda rows: Ivfflat(usual_lists(rows))),
)
