"""What a search must reach."""

from __future__ import annotations

from dataclasses import dataclass

from db.errors import RequestError

WANTED_RECALL = 0.95
"""What is asked for where nobody says."""


@dataclass(frozen=True, slots=True)
class Target:
    """Mean recall at least, and the latency that 95 % of queries stay below.

    Raises RequestError for a recall outside 0 to 1, or a latency that is not above 0.
    """

    recall: float = WANTED_RECALL
    p95_ms: float = 20.0

    def __post_init__(self) -> None:
        if not 0 <= self.recall <= 1:
            raise RequestError(f"A recall of {self.recall:g} cannot be reached.", "Give a share from 0 to 1.")
        if not self.p95_ms > 0:
            raise RequestError(f"A latency of {self.p95_ms:g} ms cannot be reached.", "Give more than 0 ms.")
