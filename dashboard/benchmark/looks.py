"""What the server says of its own work on a trial: its time and its buffers, and whether it began cold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from dashboard.benchmark.rounds import Turn, warm_up
from db.explain import Plan
from db.timing import Answers, Asker

COLD_SHARE = 0.1
"""Of the blocks that a trial's first query wants: from so many read on, it began cold."""

LOOKED_INTO, LOOKED_INTO_EXACT = 20, 5
"""Queries of each trial run once more under EXPLAIN, for the server's own time and its buffers."""


@dataclass(frozen=True, slots=True)
class First:
    """How a trial began: its very first query under EXPLAIN, and the first round of its warm-up."""

    plan: Plan
    answers: Answers


def begin(asker: Asker, turn: Turn) -> First:
    """Look into the first query that a trial asks at all, then warm up."""
    return First(asker.plan(turn.number, analyze=True), warm_up(asker, turn))


def look_into(asker: Asker, turn: Turn, *, budget_s: float = math.inf) -> list[Plan]:
    """Run a few queries once more under EXPLAIN; no further one once they have taken ``budget_s``."""
    plans: list[Plan] = []
    started = perf_counter()
    for query in range(min(LOOKED_INTO if turn.group else LOOKED_INTO_EXACT, turn.queries)):
        plans.append(asker.plan(turn.number, analyze=True, query=query))
        if perf_counter() - started > budget_s:
            break
    return plans


def facts(first: First, looks: Sequence[Plan]) -> dict[str, Any]:
    """Put medians of what the server said beside how the trial began."""
    scans = [look.root for look in looks]
    return {
        "server_ms": _median([(look.planning_ms or 0) + (look.execution_ms or 0) for look in looks]),
        "hit_blocks": _median([scan.hit_blocks or 0 for scan in scans]),
        "read_blocks": _median([scan.read_blocks or 0 for scan in scans]),
        "first_round_ms": _median(first.answers.latencies_ms.tolist()),
        "first_hit_blocks": first.plan.root.hit_blocks or 0,
        "first_read_blocks": first.plan.root.read_blocks or 0,
        "began": _temperature(first.plan),
    }


def _temperature(first: Plan) -> str:
    """Say whether the first query found its blocks in the server's memory, or had to have them read."""
    read, hit = first.root.read_blocks or 0, first.root.hit_blocks or 0
    return "cold" if read > COLD_SHARE * (read + hit) else "warm"


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else 0.0
