"""What somebody asked to be loaded: plain data, which a job can keep and a second worker can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulateRequest:
    """Fill ``schema.table`` from a source.

    ``rows`` and ``dims`` left out are the source's own; ``parameters`` are keyed by Parameter.key.
    """

    source: str
    table: str
    schema: str = "public"
    rows: int | None = None
    dims: int | None = None
    seed: int = 0
    parameters: Mapping[str, float] = field(default_factory=dict)
    replace: bool = False

    def to_params(self) -> dict[str, Any]:
        """Give the request as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> PopulateRequest:
        """Read what ``to_params`` gave, also before files were imported by jobs of their own."""
        return cls(**{name: value for name, value in params.items() if name not in {"path", "text"}})


def demo_request() -> PopulateRequest:
    """Ask for the demo's catalogue, as the first start of an empty database does."""
    return PopulateRequest(source="demo", table="products")
