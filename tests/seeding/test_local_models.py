"""What we make of sentence-transformers, by a stand-in for the package, which is no dependency.

What the package itself does, with a model and PyTorch, is not seen here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.seeding import local_models
from dashboard.seeding.embedders import embedder_named
from db.errors import RequestError

STAND_IN = """
import numpy

class SentenceTransformer:
    loaded = []

    def __init__(self, name):
        if "missing" in name:
            raise OSError(f"{name} is not a local folder and is not a valid model identifier\\nmore")
        self.loaded.append(name)

    def get_sentence_embedding_dimension(self):
        return 2

    def encode(self, texts, convert_to_numpy, show_progress_bar):
        return numpy.array([[len(text), 1] for text in texts], dtype="float64")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "stand_in_transformers.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(local_models, "_PACKAGE", "stand_in_transformers")
    yield
    local_models._loaded.cache_clear()
    sys.modules.pop("stand_in_transformers", None)


@pytest.mark.usefixtures("package")
def test_texts_with_words_are_embedded_and_others_are_not() -> None:
    embedder = embedder_named("sentence-transformers:/models/tiny")
    assert (embedder.label, embedder.dims) == ("tiny", 2)
    one, none, three = embedder.embed(["a", " ?", "abc"])
    assert one is not None
    assert none is None
    assert three is not None
    assert (one.tolist(), three.tolist()) == ([1, 1], [3, 1])


@pytest.mark.usefixtures("package")
def test_a_model_is_loaded_once_and_not_before_it_is_needed() -> None:
    embedder = embedder_named("sentence-transformers:tiny")
    assert "stand_in_transformers" not in sys.modules
    embedder.embed(["a"])
    embedder.embed(["b"])
    assert sys.modules["stand_in_transformers"].SentenceTransformer.loaded == ["tiny"]


@pytest.mark.usefixtures("package")
def test_a_model_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(
        RequestError, match="The model missing cannot be loaded: missing is not a local folder"
    ):
        _ = embedder_named("sentence-transformers:missing").dims
