"""What a watch tells of a column: its promise, how exact search did, and how the table grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from dashboard.advisor.crossing import Crossing, Fit, Point, along, in_proportion
from db import watches
from db.columns import VectorColumn
from db.watches import Look, Watch
from db.words import counted


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch with its looks, the oldest first."""

    watch: Watch
    looks: tuple[Look, ...]


def watched(connection: Connection, column: VectorColumn) -> Watched | None:
    """Read the watch on a column; None where there is none, or its tables are not there to be read."""
    if not watches.are_kept(connection):
        return None
    watch = watches.watch_of(connection, column)
    return Watched(watch, watches.looks(connection, watch.id)) if watch else None


def points(looks: Sequence[Look]) -> list[Point]:
    """Take from the looks what exact search took over how many rows; one that was stopped tells nothing."""
    return [
        (look.rows, *(look.figures[f"exact_p95_ms{end}"] for end in ("", "_low", "_high")))  # type: ignore[misc]
        for look in looks
        if look.rows and "exact_p95_ms_low" in look.figures
    ]


def sizes(looks: Sequence[Look]) -> list[tuple[datetime, int]]:
    """Give when each look saw how many rows."""
    return [(look.at, look.rows) for look in looks if look.rows is not None]


def line(looks: Sequence[Look], p95_ms: float, fit: Fit) -> Crossing | None:
    """Forecast by the line through the looks; None until the table has doubled under watch."""
    known = points(looks)
    reached = along(known, p95_ms, fit)
    return Crossing(*reached, f"growth over {counted(len(known), 'look')} of its watch") if reached else None


def foretold(looks: Sequence[Look], p95_ms: float, fit: Fit) -> Crossing | None:
    """Forecast at how many rows exact search reaches ``p95_ms``; None before a look has timed it.

    Until the table has doubled its time is taken to be in proportion to the rows, and the band is that of
    the last look's p95.
    """
    known = points(looks)
    if not known:
        return None
    return line(looks, p95_ms, fit) or in_proportion(*known[-1], p95_ms, "the last look")
