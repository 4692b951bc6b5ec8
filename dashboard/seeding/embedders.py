"""Turning text into vectors: a registry, so that a new embedder is one entry.

An entry of EMBEDDERS is always here.  Those of a family are made of a model's name, as
``family:model``, and need something that an installation may lack: a package, or an address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding import local_models
from dashboard.seeding.embedder import SERVICE, Embedder, has_words
from dashboard.settings import settings
from db.errors import RequestError
from db.notes import read_note

__all__ = [
    "EMBEDDERS",
    "HASHING",
    "Embedder",
    "embedded_by",
    "embedder_named",
    "embedder_of",
    "embedders",
    "has_words",
]

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
    lambda: 384,
    _hashed,
)

EMBEDDERS: tuple[Embedder, ...] = (HASHING,)


def _of_a_service(model: str) -> Embedder:
    # Imported late: httpx takes a quarter of a command's start, and few processes ask a service.
    from dashboard.seeding.remote_embedders import embedder  # noqa: PLC0415

    return embedder(model)


FAMILIES: dict[str, Callable[[str], Embedder]] = {
    local_models.FAMILY: local_models.embedder,
    SERVICE: _of_a_service,
}
"""What makes an embedder of a model's name; raises RequestError where it cannot work here."""


def embedders() -> tuple[Embedder, ...]:
    """List the embedders to choose from: those that are always here, and the one that is configured."""
    chosen = settings()
    if not (chosen.embedding_url and chosen.embedding_model):
        return EMBEDDERS
    return (*EMBEDDERS, _of_a_service(chosen.embedding_model))


def embedder_named(key: str) -> Embedder:
    """Find an embedder by its key, such as ``hashing-384`` or ``sentence-transformers:all-MiniLM-L6-v2``.

    Raises RequestError for an unknown one, or one that cannot work here, saying what it lacks.
    """
    for entry in EMBEDDERS:
        if entry.key == key:
            return entry
    family, colon, model = key.partition(":")
    if not (colon and model and family in FAMILIES):
        known = [*(e.key for e in EMBEDDERS), *(f"{name}:MODEL" for name in FAMILIES)]
        raise RequestError(f"There is no embedder {key!r}.", f"Choose one of {', '.join(known)}.")
    return FAMILIES[family](model)


def embedded_by(embedder: Embedder, text: Sequence[str]) -> dict[str, Any]:
    """Say, for the column's comment, which embedder made its vectors of which columns."""
    return {"embedder": embedder.key, "text": list(text)}


def embedder_of(comment: str | None) -> Embedder | None:
    """Find the embedder a column's comment names; None where it names none that anybody knows.

    One of a known family that cannot work here is found, too: it says what it lacks when it is asked.
    """
    key = (read_note(comment) or {}).get("embedder")
    if not isinstance(key, str):
        return None
    try:
        return embedder_named(key)
    except RequestError as error:
        return _unable(key, error) if key.partition(":")[0] in FAMILIES else None


def _unable(key: str, error: RequestError) -> Embedder:
    def refuse(*_: object) -> NoReturn:
        raise RequestError(f"The vectors were made by {key}. {error.message}", error.remedy)

    return Embedder(key, key, error.message, refuse, refuse)
