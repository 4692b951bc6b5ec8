"""Embedding by a service that speaks OpenAI's ``POST /embeddings``: theirs, Ollama, vLLM, LM Studio...

Source of the form: OpenAI API reference, "Create embeddings".  Nothing that is raised here holds the
key, nor more of the address than its host.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, partial

import httpx
import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.embedder import SERVICE, Embedder, where_words
from dashboard.settings import Settings, settings
from db.errors import DashboardError, RequestError

ATTEMPTS = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
"""A service that asks for more patience than this is given up."""

TIMEOUT_S = 60.0
_TRY_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_SETTING = "Correct VECTORSCOPE_EMBEDDING_URL, _MODEL and _KEY."
_KEY = "Set VECTORSCOPE_EMBEDDING_KEY to a key that the service takes for this model."
_REMEDIES = {
    401: _KEY,
    403: _KEY,
    404: "Correct VECTORSCOPE_EMBEDDING_URL, which ends before /embeddings, and VECTORSCOPE_EMBEDDING_MODEL.",
}
"""What to do about a refusal that trying again does not change, by its HTTP status."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model of a service, and how it is asked: ``batch`` texts at a time."""

    url: str = field(repr=False)
    model: str
    key: str | None = field(repr=False)
    batch: int

    @property
    def host(self) -> str:
        """What of the address may be shown."""
        return httpx.URL(self.url).netloc.decode().rpartition("@")[2]


def embedder(model: str) -> Embedder:
    """Make the embedder of a model at the configured address; nothing is asked of it yet.

    Raises RequestError where no address is configured, or one that cannot be used.
    """
    chosen = settings()
    if not chosen.embedding_url:
        raise RequestError(
            f"The embedder {SERVICE}:{model} needs a service, and none is configured.",
            "Set VECTORSCOPE_EMBEDDING_URL, and VECTORSCOPE_EMBEDDING_KEY if the service wants a key.",
        )
    there = Endpoint(_base(chosen), model, chosen.embedding_key, chosen.embedding_batch)
    about = f"The model {model}, asked at {there.host}: the texts leave this machine."
    return Embedder(f"{SERVICE}:{model}", model, about, partial(_dims, there), partial(_embed, there))


def _base(chosen: Settings) -> str:
    try:
        url = httpx.URL((chosen.embedding_url or "").rstrip("/"))
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise RequestError(
            "VECTORSCOPE_EMBEDDING_URL is not an http:// or https:// address.",
            "Write it like https://api.openai.com/v1",
        )
    # A user in the address would be sent in the place of the key.
    return str(url.copy_with(userinfo=b"") if chosen.embedding_key else url)


@cache
def _dims(there: Endpoint) -> int:
    """Learn the length of the vectors from one text."""
    with httpx.Client(timeout=TIMEOUT_S) as client:
        return int(_ask(client, there, ["dimensions"]).shape[1])


def _embed(there: Endpoint, texts: Sequence[str]) -> NDArray[np.float32]:
    dims = _dims(there)

    def ask(some: list[str]) -> NDArray[np.float32]:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            parts = [
                _ask(client, there, some[start : start + there.batch], dims)
                for start in range(0, len(some), there.batch)
            ]
        return np.concatenate(parts)

    return where_words(texts, dims, ask)


def _ask(
    client: httpx.Client, there: Endpoint, texts: Sequence[str], dims: int | None = None
) -> NDArray[np.float32]:
    """Embed one batch, patiently; shape (texts, dims).

    Raises DashboardError where the service fails for good, or answers something else.
    """
    remedy = f"Try again later. {_SETTING}"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = client.post(
                f"{there.url}/embeddings",
                json={"model": there.model, "input": list(texts)},
                headers={"Authorization": f"Bearer {there.key}"} if there.key else {},
            )
        except httpx.HTTPError as error:
            # Its own words may hold the address, and that a password.
            trouble, asked_s = f"did not answer ({type(error).__name__})", None
        else:
            if answer.is_success:
                return _vectors(answer, there, len(texts), dims)
            trouble, asked_s = _refusal(answer, there), _asked_pause_s(answer)
            if answer.status_code not in _TRY_AGAIN or (asked_s or 0) > LONGEST_PAUSE_S:
                remedy = _REMEDIES.get(answer.status_code, remedy)
                break
        if attempt < ATTEMPTS:
            time.sleep(_pause_s(attempt) if asked_s is None else asked_s)
    raise DashboardError(f"The embedding service at {there.host} {trouble}.", remedy)


def _pause_s(attempt: int) -> float:
    """Wait twice as long each time, and never at the same moment as others."""
    longest_s: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
    return longest_s * random.uniform(0.5, 1)


def _asked_pause_s(answer: httpx.Response) -> float | None:
    """Read Retry-After: seconds, or a date.  Source: RFC 9110, 10.2.3."""
    given = answer.headers.get("Retry-After", "")
    with suppress(ValueError):
        return max(0.0, float(given))
    with suppress(ValueError):
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    return None


def _refusal(answer: httpx.Response, there: Endpoint) -> str:
    """Say what the service said, which may repeat the key it was given."""
    try:
        told = answer.json()["error"]
        told = str(told["message"] if isinstance(told, dict) else told)
    except (ValueError, KeyError, TypeError):
        told = answer.reason_phrase
    if there.key:
        told = told.replace(there.key, "***")
    return f"answered {answer.status_code}: {' '.join(told.split())[:200].rstrip('.')}"


def _vectors(answer: httpx.Response, there: Endpoint, texts: int, dims: int | None) -> NDArray[np.float32]:
    """Read an answer, whose vectors may stand in any order."""
    try:
        by_index = {int(item["index"]): item["embedding"] for item in answer.json()["data"]}
        vectors = np.array([by_index[place] for place in range(texts)], np.float32)
    except (ValueError, KeyError, TypeError):
        raise _unfit(there, f"no vector for each of {texts:,} texts") from None
    if vectors.ndim != 2 or not vectors.size or len(by_index) != texts or not np.isfinite(vectors).all():
        raise _unfit(there, f"no vector of finite numbers for each of {texts:,} texts")
    if dims is not None and vectors.shape[1] != dims:
        raise _unfit(there, f"vectors of {vectors.shape[1]:,} dimensions, and of {dims:,} before")
    return vectors


def _unfit(there: Endpoint, what: str) -> DashboardError:
    return DashboardError(
        f"The embedding service at {there.host} answered with {what}.",
        f"Ask {there.model} for embeddings, at an address that ends before /embeddings. {_SETTING}",
    )
