"""Text to vectors: what every embedder promises, and what the built-in one finds."""

import json

import numpy as np
import pytest

from dashboard.seeding import local_models
from dashboard.seeding.embedders import (
    EMBEDDERS,
    FAMILIES,
    HASHING,
    Embedder,
    embedded_by,
    embedder_named,
    embedder_of,
    has_words,
)
from db.errors import RequestError
from db.notes import write_note
from tests.seeding.movies import MOVIES, needs_movies


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda e: e.key)
def test_vectors_have_the_promised_length_and_unit_size(embedder: Embedder) -> None:
    vectors = embedder.embed(
        ["trail running shoes", "M", "It", "7", "a cast-iron pan, seasoned", "日本 映画"]
    )
    assert np.array(vectors).shape == (6, embedder.dims)
    assert np.linalg.norm(np.array(vectors), axis=1) == pytest.approx(1)


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda e: e.key)
def test_a_text_without_words_has_no_vector(embedder: Embedder) -> None:
    assert embedder.embed(["", "  \n", "?!... --"]) == [None, None, None]
    assert not has_words("?!... --")


def test_word_order_case_and_stop_words_do_not_matter() -> None:
    one, other = HASHING.embed(["The Cast-Iron Skillet", "skillet of cast iron"])
    assert np.array_equal(one, other)  # type: ignore[arg-type]


def test_a_plural_is_near_its_singular() -> None:
    shoes, shoe, hat = np.array(HASHING.embed(["running shoes", "running shoe", "evening hat"]))
    assert shoes @ shoe > 0.7
    assert shoes @ hat < 0.1


def test_the_comment_on_a_column_names_its_embedder() -> None:
    assert embedder_of(write_note(embedded_by(HASHING, ['a "b"', "ü"]))) is HASHING


@pytest.mark.parametrize(
    "comment", [None, "", "mine", "vectorscope: {", "vectorscope: []", 'vectorscope: {"embedder": "gone-9"}']
)
def test_any_other_comment_names_none(comment: str | None) -> None:
    assert embedder_of(comment) is None


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda e: e.key)
def test_an_embedder_is_found_by_its_key(embedder: Embedder) -> None:
    assert embedder_named(embedder.key) is embedder


@pytest.mark.parametrize("key", ["gone-9", "", "openai", "openai:", "cohere:embed-v4"])
def test_an_unknown_embedder_is_named_with_those_there_are(key: str) -> None:
    with pytest.raises(RequestError, match=f"no embedder {key!r}") as refused:
        embedder_named(key)
    assert all(f"{family}:MODEL" in refused.value.remedy for family in FAMILIES)


def test_a_model_whose_package_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_models, "_PACKAGE", "a_package_nobody_has")
    with pytest.raises(RequestError, match="not installed here") as refused:
        embedder_named("sentence-transformers:all-MiniLM-L6-v2")
    assert "pip install sentence-transformers" in refused.value.remedy


@needs_movies
def test_spielbergs_films_come_first() -> None:
    films = json.loads(MOVIES.read_text())
    told = [[film[name] for name in ("Title", "Major Genre", "Director")] for film in films]
    vectors = np.array(HASHING.embed([" ".join(str(v) for v in row if v is not None) for row in told]))
    query = np.array(HASHING.embed(["steven spielberg adventure"])[0])
    nearest = np.argsort(-(vectors @ query), kind="stable")[:10]
    assert [films[i]["Director"] for i in nearest] == ["Steven Spielberg"] * 10
