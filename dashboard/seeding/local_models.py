"""Embedding by a sentence-transformers model: a folder on this machine, or a name on the Hugging Face hub.

The package is no dependency, as it brings PyTorch with it; whoever has it may use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.embedder import Embedder, where_words
from db.errors import RequestError

FAMILY = "sentence-transformers"
_PACKAGE = "sentence_transformers"


def embedder(model: str) -> Embedder:
    """Make the embedder of a model; the model itself is loaded when it is first needed.

    Raises RequestError where the package is not installed.
    """
    if find_spec(_PACKAGE) is None:
        raise RequestError(
            f"The embedder {FAMILY}:{model} needs a package that is not installed here.",
            "Install it: pip install sentence-transformers",
        )
    name = Path(model).name
    about = f"The sentence-transformers model {model}, run on this machine."
    return Embedder(f"{FAMILY}:{model}", name, about, partial(_dims, model), partial(_embed, model))


@cache
def _loaded(model: str) -> Any:
    try:
        return import_module(_PACKAGE).SentenceTransformer(model)
    except (OSError, ValueError, RuntimeError) as error:  # as it and the hub's client raise them
        told = str(error).strip().partition("\n")[0][:200]
        raise RequestError(
            f"The model {model} cannot be loaded: {told}",
            "Give the folder of a model, or its name on the Hugging Face hub, which must then be reachable.",
        ) from error


def _dims(model: str) -> int:
    return int(_loaded(model).get_sentence_embedding_dimension())


def _embed(model: str, texts: Sequence[str]) -> NDArray[np.float32]:
    def encode(some: list[str]) -> NDArray[np.float32]:
        # It makes batches of its own.
        vectors = _loaded(model).encode(some, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    return where_words(texts, _dims(model), encode)
