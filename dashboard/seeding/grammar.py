"""The words of the demo's catalogue, read from catalogue.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

_WORDS = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Aisle:
    """A category, and the words that fit everything in it."""

    category: str
    brands: list[str]
    products: list[tuple[str, float, float]]
    """What is sold, with its lowest and highest price."""
    materials: list[str]
    features: list[tuple[str, str]]
    """An adjective for the title, and a sentence for the description."""
    uses: list[str]
    sizes: list[str]


AISLES = tuple(Aisle(**aisle) for aisle in _WORDS["aisles"])
LINES: list[str] = _WORDS["lines"]
COLOURS: list[str] = _WORDS["colours"]
TITLES: list[str] = _WORDS["titles"]
OPENINGS: list[str] = _WORDS["openings"]
CLOSINGS: list[str] = _WORDS["closings"]
