"""What a map will show and how it is made: chosen on the page, carried by a job, stored with the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.mapping.methods import method_named
from dashboard.mapping.plane import FEWEST_ROWS
from db.errors import RequestError

SEED = 42
LARGEST_SEED = 2**31 - 1
ROWS = 5_000
"""Rows of a stored map at first: t-SNE takes about ten seconds on two slow cores."""

PERPLEXITY = 30.0
"""scikit-learn's default: about how many neighbours each row is to keep."""

PERPLEXITIES = (5.0, 100.0)
"""The range in which van der Maaten and Hinton found t-SNE to change little (5 to 50), and some air."""


@dataclass(frozen=True, slots=True)
class MapPlan:
    """A map to be made of ``rows`` rows of ``column``, drawn by ``seed``.

    ``where`` is the condition they meet, as db.conditions.to_text writes it.  Raises RequestError where a
    value is out of bounds.
    """

    column: str
    method: str
    rows: int = ROWS
    seed: int = SEED
    perplexity: float = PERPLEXITY
    where: str = ""

    def __post_init__(self) -> None:
        _check("rows", self.rows, FEWEST_ROWS, method_named(self.method).most_rows)
        _check("seed", self.seed, 0, LARGEST_SEED)
        _check("perplexity", self.perplexity, *PERPLEXITIES)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> MapPlan:
        """Read back what ``to_params`` made."""
        return cls(**params)

    def to_params(self) -> dict[str, Any]:
        """Make the parameters of a job."""
        return asdict(self)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RequestError(
            f"{name} = {value:,g} is outside {low:,g} to {high:,g}.",
            f"Choose {name} from {low:,g} to {high:,g}.",
        )
