"""Queries in rounds: a warm-up until the pace is steady, then all arms in turns beside an exact control."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.timing import Answers, Asker

WARM_UPS = 3
STEADY = 0.05
"""The warm-up ends when a round's pace is within this of the last one's, or after WARM_UPS rounds."""

BATCH = 50
"""Queries between two looks at whether to go on, and until the next arm's turn."""

CONTROL_EVERY = 10
CONTROLS = 20
"""One query in ten, at most twenty, is also asked exactly, so that every arm sees the same minutes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One arm's part in the rounds: its ``number``, and how many ``queries`` it asks.

    ``group`` tells which arms share a control: the same rows searched exactly.  None: it is exact itself.
    """

    number: int
    queries: int
    group: str | None


@dataclass(frozen=True, slots=True)
class Rounds:
    """What came back, and how long exact search took in between."""

    answers: Answers
    control_ms: NDArray[np.float64]


def warm_up(asker: Asker, turn: Turn) -> Answers:
    """Ask a tenth of the queries, until two rounds take about as long; return the first, colder round.

    An exact search reads the same blocks for every query: a fortieth warms as well.
    """
    some = range(math.ceil(turn.queries / (10 if turn.group else 40)))
    first = before = asker.ask(turn.number, some)
    for _ in range(WARM_UPS - 1):
        answers = asker.ask(turn.number, some)
        before_ms, taken_ms = before.latencies_ms.sum(), answers.latencies_ms.sum()
        if abs(taken_ms - before_ms) <= STEADY * before_ms:
            break
        before = answers
    return first


def timed(
    asker: Asker, turns: Sequence[Turn], repeats: int, tell: Callable[[int], None]
) -> dict[int, Rounds]:
    """Let every arm ask its queries, ``repeats`` times over, batch by batch in turns.

    ``tell`` hears how many are done.  The order of the turns rotates, so that no arm always follows the
    same other.
    """
    answers: dict[int, list[Answers]] = {turn.number: [] for turn in turns}
    controls: dict[str, list[NDArray[np.float64]]] = {turn.group: [] for turn in turns if turn.group}
    done = 0
    for start in range(0, max(turn.queries for turn in turns) * repeats, BATCH):
        shift = start // BATCH % len(turns)
        controlled: set[str] = set()
        for turn in (*turns[shift:], *turns[:shift]):
            batch = _batch(turn, start, repeats)
            if not batch:
                continue
            if turn.group and turn.group not in controlled and start < turn.queries:
                controlled.add(turn.group)
                _control(asker, turn, batch, controls[turn.group])
            answers[turn.number].append(asker.ask(turn.number, batch))
            done += len(batch)
            tell(done)
    return {turn.number: _together(turn, answers[turn.number], controls) for turn in turns}


def _batch(turn: Turn, start: int, repeats: int) -> list[int]:
    return [i % turn.queries for i in range(start, min(start + BATCH, turn.queries * repeats))]


def _control(asker: Asker, turn: Turn, batch: list[int], kept: list[NDArray[np.float64]]) -> None:
    """Ask a few of the batch exactly, and warm the caches again that this has swept; that is not timed."""
    step = max(CONTROL_EVERY, math.ceil(turn.queries / CONTROLS))
    if some := [i for i in batch if i % step == 0]:
        kept.append(asker.ask_exactly(turn.number, some).latencies_ms)
        asker.ask(turn.number, batch[:CONTROL_EVERY])


def _together(turn: Turn, answers: list[Answers], controls: dict[str, list[NDArray[np.float64]]]) -> Rounds:
    joined = Answers.joined(answers)
    control = controls.get(turn.group or "")
    return Rounds(joined, np.concatenate(control) if control else joined.latencies_ms)
