"""What somebody asked to be loaded: plain data, which a job can keep and a second worker can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulateRequest:
    """Fill ``schema.table`` from a source.

    ``rows`` and ``dims`` left out are the source's own; ``parameters`` are keyed by Parameter.key.
    ``path`` (absolute, when another process will read it) and ``text`` (the columns to embed, in
    order) belong to the source ``file``.
    """

    source: str
    table: str
    schema: str = "public"
    rows: int | None = None
    dims: int | None = None
    seed: int = 0
    parameters: Mapping[str, float] = field(default_factory=dict)
    path: str | None = None
    text: tuple[str, ...] = ()
    replace: bool = False

    def to_params(self) -> dict[str, Any]:
        """Give the request as JSON-able values."""
        return asdict(self) | {"text": list(self.text)}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> PopulateRequest:
        """Read what ``to_params`` gave."""
        return cls(**{**params, "text": tuple(params["text"])})


def demo_request() -> PopulateRequest:
    """Ask for the demo's catalogue, as the first start of an empty database does."""
    return PopulateRequest(source="demo", table="products")
