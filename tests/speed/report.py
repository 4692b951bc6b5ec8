"""What a benchmark of our own hands back, and how it is shown."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times something else's speed ours is; milliseconds would not survive a change of machine."""

    name: str
    value: float
    target: float
    detail: str

    @property
    def is_met(self) -> bool:
        """Whether the ratio reaches its target."""
        return self.value >= self.target


def show(ratios: Iterable[Ratio]) -> None:
    """Write one line per ratio to standard output."""
    for ratio in ratios:
        verdict = "ok" if ratio.is_met else "BELOW"
        sys.stdout.write(
            f"{verdict:5} {ratio.value:8.2f}  (>= {ratio.target:g})  {ratio.name}; {ratio.detail}\n"
        )
        sys.stdout.flush()
