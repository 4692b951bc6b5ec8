"""How fast a build goes, and whether it still does."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 5.0
"""Over how long a rate is taken; shorter, a checkpoint would look like a standstill."""

FALL = 10
"""So many times slower than at its best, a build is called stalled."""


@dataclass(slots=True)
class Pace:
    """The rate of one phase, in units per second; a new phase begins anew."""

    phase: str = ""
    best: float = 0.0
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, phase: str, done: int, at_s: float) -> None:
        """Note how far ``phase`` is at the moment ``at_s``."""
        if phase != self.phase:
            self.phase, self.best = phase, 0.0
            self._seen.clear()
        self._seen.append((at_s, done))
        while len(self._seen) > 2 and self._seen[1][0] <= at_s - WINDOW_S:
            self._seen.popleft()
        self.best = max(self.best, self.rate or 0.0)

    @property
    def rate(self) -> float | None:
        """Units per second over the last WINDOW_S; None before that tells something."""
        (begin_s, first), (end_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end_s - begin_s) if end_s - begin_s >= WINDOW_S else None

    @property
    def is_stalled(self) -> bool:
        """Whether the rate has fallen FALL times below its best."""
        return self.rate is not None and self.best > 0 and self.rate * FALL <= self.best
