"""What an embedder is: a way from text to vectors, whoever makes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SERVICE = "openai"
"""The family of models that a service is asked for, in their keys."""

_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Embedder:
    """A way from text to a vector.

    ``transform`` gives shape (texts, dims), with a row of zeros for a text without words.  ``length``
    gives the dims; it may have to load a model or ask a service, which it does once.
    """

    key: str
    label: str
    about: str
    length: Callable[[], int]
    transform: Callable[[Sequence[str]], NDArray[np.float32]]

    @property
    def dims(self) -> int:
        """Length of the vectors.  Raises DashboardError where the model cannot be had."""
        return self.length()

    def embed(self, texts: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Embed each text; None for one without words, as a zero vector has no direction.

        Raises DashboardError where the model cannot be had.
        """
        vectors = self.transform(texts)
        return [v if some else None for v, some in zip(vectors, np.any(vectors, axis=1), strict=True)]


def has_words(text: str) -> bool:
    """Say whether there is anything in ``text`` to embed."""
    return _WORD.search(text) is not None


def where_words(
    texts: Sequence[str], dims: int, embed: Callable[[list[str]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Embed the texts that have words, and leave zeros for the others: a model would invent something."""
    vectors = np.zeros((len(texts), dims), np.float32)
    places = [place for place, text in enumerate(texts) if has_words(text)]
    if places:
        vectors[places] = embed([texts[place] for place in places])
    return vectors
