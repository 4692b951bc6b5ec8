"""The source ``demo``: a shop's catalogue, composed from a grammar and embedded by its words."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.embedders import HASHING, embedded_by
from dashboard.seeding.grammar import AISLES, CLOSINGS, COLOURS, LINES, OPENINGS, TITLES
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import Rows, embedding, generated
from db.binary import DOUBLE, JSON, MONEY, TEXT, TIMESTAMP, Field, Values

FIELDS = (
    Field("title", TEXT),
    Field("description", TEXT),
    Field("category", TEXT),
    Field("brand", TEXT),
    Field("price", MONEY),
    Field("rating", DOUBLE),
    Field("created_at", TIMESTAMP),
    Field("attributes", JSON),
    embedding(HASHING.dims),
)

FIRST_DAY = np.datetime64("2023-01-01", "s")
DAYS = 3 * 365
UNRATED = 0.04
"""Share of products nobody has rated yet, whose rating is NULL."""


def open_demo(request: PopulateRequest) -> Rows:
    """Open the catalogue; its vectors are those of title and description."""
    return generated(request, FIELDS, _products, embedded_by=embedded_by(HASHING, ["title", "description"]))


def _products(numbers: np.random.Generator, ids: NDArray[np.int64]) -> tuple[Values, ...]:
    choices = Random(int(numbers.integers(2**63)))
    titles, texts, categories, brands, prices, attributes = zip(*(_item(choices) for _ in ids), strict=True)
    ratings = (1 + 4 * numbers.beta(5, 1.6, len(ids))).round(1)
    return (
        titles,
        texts,
        categories,
        brands,
        np.array(prices),
        [r if rated else None for r, rated in zip(ratings, numbers.random(len(ids)) >= UNRATED, strict=True)],
        FIRST_DAY + numbers.integers(0, DAYS * 86_400, len(ids)),
        attributes,
        HASHING.embed([f"{title}. {text}" for title, text in zip(titles, texts, strict=True)]),
    )


def _item(choices: Random) -> tuple[str, str, str, str, float, dict[str, Any]]:
    aisle = choices.choice(AISLES)
    noun, low, high = choices.choice(aisle.products)
    brand, material = choices.choice(aisle.brands), choices.choice(aisle.materials)
    (adjective, sentence), (other_adjective, other_sentence) = choices.sample(aisle.features, 2)
    use, other_use = choices.sample(aisle.uses, 2)
    attributes = {
        "line": choices.choice(LINES),
        "colour": choices.choice(COLOURS),
        "material": material,
        "size": choices.choice(aisle.sizes),
        "features": [adjective, other_adjective],
        "warranty_years": choices.randint(1, 5),
    }
    title = choices.choice(TITLES).format(brand=brand, adjective=adjective, noun=noun, **attributes)
    opening = choices.choice(OPENINGS).format(
        noun=noun.lower(), material=material, use=use, other_use=other_use
    )
    text = ". ".join((opening, sentence, other_sentence, choices.choice(CLOSINGS))) + "."
    return _capitals(title), text, aisle.category, brand, _price(low, high, choices), attributes


def _capitals(title: str) -> str:
    """Capitalise each word, and leave the rest of it as it is.

    >>> _capitals("Ember & Oak cast iron Skillet, 24 cm, in sky blue")
    'Ember & Oak Cast Iron Skillet, 24 cm, in Sky Blue'
    """
    return re.sub(r"(?<![\w'-])(?!(?:in|by|cm|ml|litre)\b)[a-z]", lambda match: match[0].upper(), title)


def _price(low: float, high: float, choices: Random) -> float:
    """Draw a price as shops write them: cheap ones likelier, ending in .00, .50, .95 or .99."""
    return int(low * (high / low) ** choices.random()) + choices.choice((0.0, 0.5, 0.95, 0.99))
