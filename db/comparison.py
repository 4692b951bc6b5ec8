"""Two answers to one question, line by line: what the index found of the exact answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from db.search import Neighbour, SearchResult

TOLERANCE = 1e-6
"""Slack on the k-th distance, relative above 1 and absolute below.  ann-benchmarks uses 1e-3, which
hides misses among near-duplicates under cosine distance."""


class Mark(Enum):
    """What became of a row."""

    MATCHED = "matched"
    MISSED = "missed"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of either answer, or of both; ranks count from 1.

    A matched line whose two rows differ is a tie: both are as far as the k-th true neighbour, and which
    of them an answer holds is chance.
    """

    mark: Mark
    exact_rank: int | None
    exact: Neighbour | None
    index_rank: int | None
    found: Neighbour | None

    @property
    def shift(self) -> int:
        """Places gained against the exact answer; 0 where the row is not in both."""
        same = self.exact and self.found and self.exact.key == self.found.key
        return (self.exact_rank or 0) - (self.index_rank or 0) if same else 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The exact answer in its order, each row beside the one found for it, then what was found besides."""

    lines: tuple[Line, ...]

    def count(self, mark: Mark) -> int:
        """How many lines carry ``mark``."""
        return sum(line.mark is mark for line in self.lines)

    @property
    def wanted(self) -> int:
        """How many rows the exact answer has."""
        return sum(line.exact is not None for line in self.lines)

    @property
    def recall(self) -> float | None:
        """Share of the exact answer that was found, in [0, 1]; None where that answer is empty."""
        return self.count(Mark.MATCHED) / self.wanted if self.wanted else None


def compare(exact: SearchResult, approximate: SearchResult) -> Comparison:
    """Set the approximate answer beside the exact one; ties at the k-th distance are no misses.

    Where a nearer row was missed and two rows tie for the last place, both found, this counts one
    missed and one extra; recall by distance alone, as a benchmark counts it, cannot see that.
    """
    found = {row.key: (rank, row) for rank, row in enumerate(approximate.rows, 1)}
    known = {row.key for row in exact.rows}
    spare = [place for key, place in found.items() if key not in known]
    ties = [place for place in spare if _is_tied(place[1], exact.rows)]

    lines = []
    for rank, row in enumerate(exact.rows, 1):
        place = found.get(row.key)
        if place is None and ties and _is_tied(row, exact.rows):
            place = ties.pop(0)
        lines.append(Line(Mark.MATCHED if place else Mark.MISSED, rank, row, *(place or (None, None))))
    paired = {line.index_rank for line in lines}
    extra = [Line(Mark.EXTRA, None, None, *place) for place in spare if place[0] not in paired]
    return Comparison((*lines, *extra))


def _is_tied(row: Neighbour, exact: Sequence[Neighbour]) -> bool:
    """Whether ``row`` is as far as the last of the exact answer."""
    if not exact:
        return False
    last = exact[-1].distance
    return abs(row.distance - last) <= TOLERANCE * max(1.0, abs(last))
