"""Turning text into vectors: a registry, so that a new embedder is one entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from db.notes import read_note


@dataclass(frozen=True, slots=True)
class Embedder:
    """A way from text to a vector.

    ``transform`` gives shape (texts, dims), with a row of zeros for a text without words.
    """

    key: str
    label: str
    about: str
    dims: int
    transform: Callable[[Sequence[str]], NDArray[np.float32]]

    def embed(self, texts: Sequence[str]) -> list[NDArray[np.float32] | None]:
        """Embed each text; None for one without words, as a zero vector has no direction."""
        vectors = self.transform(texts)
        return [v if some else None for v, some in zip(vectors, np.any(vectors, axis=1), strict=True)]


_WORD = re.compile(r"\w+")

_STOP_WORDS = frozenset(
    _WORD.findall(
        """a about all an and any are as at be been but by can did do does for from had has have he her him
        his how i if in into is it its me more most my no not of off on or our out over s she so some t
        than that the their them then there these they this those through to too under until up us very
        was we were what when where which while who why will with you your"""
    )
)

_STEM = 4
"""Letters that stand for a word's family, so that "shoe" finds "shoes"."""


def has_words(text: str) -> bool:
    """Say whether there is anything in ``text`` to embed."""
    return _WORD.search(text) is not None


def _features(text: str) -> list[str]:
    """List each word and its stem; stop words only where there is nothing else, as in a film named "It".

    >>> _features("The Running Shoes")
    ['running', '^runn', 'shoes', '^shoe']
    """
    words = _WORD.findall(text.lower())
    telling = [word for word in words if word not in _STOP_WORDS] or words
    return [feature for word in telling for feature in (word, "^" + word[:_STEM])]


@cache
def _hashing_vectorizer() -> Any:
    # Imported late: scikit-learn takes a second, and most processes never embed.
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415

    # Without signs a text with words always has a vector: colliding words of opposite sign would cancel.
    return HashingVectorizer(
        n_features=384, analyzer=_features, alternate_sign=False, norm="l2", dtype=np.float32
    )


def _hashed(texts: Sequence[str]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = _hashing_vectorizer().transform(texts).toarray()
    return vectors


HASHING = Embedder(
    "hashing-384",
    "Hashed words (offline)",
    "Counts words and their first letters in 384 hashed features, scaled to unit length. Lexical, not "
    "semantic: it finds texts that share words, and knows nothing of what they mean.",
    384,
    _hashed,
)

EMBEDDERS: tuple[Embedder, ...] = (HASHING,)


def embedded_by(embedder: Embedder, text: Sequence[str]) -> dict[str, Any]:
    """Say, for the column's comment, which embedder made its vectors of which columns."""
    return {"embedder": embedder.key, "text": list(text)}


def embedder_of(comment: str | None) -> Embedder | None:
    """Find the embedder a column's comment names; None where it names none that is here."""
    key = (read_note(comment) or {}).get("embedder")
    return next((e for e in EMBEDDERS if e.key == key), None)
