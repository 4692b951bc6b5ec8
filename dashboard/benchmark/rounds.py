"""Queries in rounds: a warm-up until the pace is steady, then the timed ones beside an exact control."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.timing import Answers, Asker

WARM_UPS = 3
STEADY = 0.05
"""The warm-up ends when a round's pace is within this of the last one's, or after WARM_UPS rounds."""

BATCH = 50
"""Queries between two looks at whether to go on."""

CONTROL_EVERY = 10
CONTROLS = 20
"""One query in ten, at most twenty, is also asked exactly, so that both arms see the same minutes."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What came back, and how long exact search took in between."""

    answers: Answers
    control_ms: NDArray[np.float64]


def warm_up(asker: Asker, queries: int) -> None:
    """Ask a tenth of the queries, untimed, until two rounds take about as long."""
    some = range(math.ceil(queries / 10))
    before_ms = math.inf
    for _ in range(WARM_UPS):
        taken_ms = asker.ask(some).latencies_ms.sum()
        if abs(taken_ms - before_ms) <= STEADY * before_ms:
            return
        before_ms = taken_ms


def timed(
    asker: Asker, queries: int, repeats: int, *, controlled: bool, tell: Callable[[int], None]
) -> Rounds:
    """Ask queries 0 to ``queries`` - 1, ``repeats`` times over; ``tell`` hears how many are done.

    With ``controlled``, some are asked exactly as well; else the answers are their own control.
    """
    step = max(CONTROL_EVERY, math.ceil(queries / CONTROLS))
    answers: list[Answers] = []
    control_ms: list[NDArray[np.float64]] = []
    for start in range(0, queries * repeats, BATCH):
        batch = [i % queries for i in range(start, min(start + BATCH, queries * repeats))]
        controls = [i for i in batch if i % step == 0] if controlled and start < queries else []
        if controls:
            control_ms.append(asker.ask_exactly(controls).latencies_ms)
            asker.ask(batch[:CONTROL_EVERY])  # exact search has swept the caches; not timed
        answers.append(asker.ask(batch))
        tell(start + len(batch))
    together = Answers.joined(answers)
    return Rounds(together, np.concatenate(control_ms) if control_ms else together.latencies_ms)
