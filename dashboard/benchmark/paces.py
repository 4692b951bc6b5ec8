"""How much slower or quicker than usual a server is, by what it does."""

from __future__ import annotations

from dataclasses import dataclass

SLOWEST, QUICKEST = 10.0, 0.2
"""Bounds of a pace: a table that was read from a cold disk tells little of what is computed."""


@dataclass(frozen=True, slots=True)
class Paces:
    """How many times as long as usual this server takes to read vectors, build graphs, and search them."""

    read: float = 1.0
    build: float = 1.0
    search: float = 1.0


def bounded(times: float) -> float:
    """Keep a pace within what is believed of one.

    >>> bounded(1.5), bounded(1e6)
    (1.5, 10.0)
    """
    return min(max(times, QUICKEST), SLOWEST)
