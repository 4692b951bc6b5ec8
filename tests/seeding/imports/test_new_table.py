"""What a file's columns become in a table of their own: its key, its names, its vectors of text."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.seeding.formats import FileColumn
from dashboard.seeding.formats.door import regular
from dashboard.seeding.imports.new_table import settle
from dashboard.seeding.imports.request import ImportRequest
from db.errors import RequestError
from tests.seeding.imports.conftest import ask, asked, do

Settled = Callable[..., dict[str, str]]


def settled(*columns: tuple[str, str], dims: int | None = 384, **more: Any) -> dict[str, str]:
    """The columns of the table by name, with their types; the first is its key."""
    request = ImportRequest(path="f.json", table="t", create=True, text=("a",) if dims else (), **more)
    mapped, key = settle([(FileColumn(name, kind), name) for name, kind in columns], request, dims)
    assert key == (mapped[0].name,)
    return {column.name: column.type for column in mapped}


@pytest.mark.parametrize(
    ("columns", "more", "expected"),
    [
        ([("a", "text")], {}, {"id": "bigint", "a": "text", "embedding": "vector(384)"}),
        ([("a", "text"), ("id", "integer")], {}, {"id": "bigint", "a": "text", "embedding": "vector(384)"}),
        ([("a", "text"), ("id", "text")], {}, {"id": "text", "a": "text", "embedding": "vector(384)"}),
        ([("a", "text")], {"key": ("a",)}, {"a": "text", "embedding": "vector(384)"}),
        (
            [("a", "text")],
            {"vector": "v", "type": "halfvec"},
            {"id": "bigint", "a": "text", "v": "halfvec(384)"},
        ),
    ],
    ids=["row numbers", "an id", "a text id", "a key", "named vectors"],
)
def test_the_files_own_key_comes_first_and_the_vectors_last(
    columns: list[tuple[str, str]], more: dict[str, Any], expected: dict[str, str]
) -> None:
    found = settled(*columns, **more)
    assert found == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (" ", "has no name"),
        ("é" * 32, "has a name over 63 bytes"),
        ("ctid", "PostgreSQL keeps for itself"),
        ("b\nc", "no name can hold"),
        ("embedding", '"embedding" is taken by a column of the file'),
    ],
)
def test_a_name_no_table_can_have_is_refused_with_the_way_out(name: str, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence) as refused:
        settled(("a", "text"), (name, "text"))
    assert refused.value.remedy


def test_what_is_there_but_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "gone.json", tmp_path, tmp_path / "pipe.json", "/dev/zero"):
        with pytest.raises(RequestError, match="cannot be read"):
            regular(path)


def test_text_columns_are_joined_in_the_order_given(database: Any, write: Callable[..., str]) -> None:
    path = write("a,b\nx,5\n,\n")
    vectors = []
    for place, text in enumerate((("a", "b"), ("b", "a"))):
        done = do(database, asked(path, f"t{place}", create=True, text=text))
        assert (done.inserted, done.without_text) == (2, 1)
        vectors.append(ask(database, f"SELECT embedding::text FROM t{place} ORDER BY id"))
    one, other = vectors
    assert one == other  # the built-in embedder counts words
    assert one[1] == (None,)
