"""Files of records: what is kept of good ones, and what is said of bad ones."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dashboard.seeding.formats.table import MAX_CELL_BYTES
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import Rows
from dashboard.seeding.sources import open_rows
from db.errors import RequestError
from tests.seeding.movies import MOVIES, needs_movies

Open = Callable[..., Rows]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open a file that holds ``content``, embedding its columns ``text``."""

    def _open(content: str | bytes | list[Any], *text: str, name: str = "file.json") -> Rows:
        data = json.dumps(content) if isinstance(content, list) else content
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
        return open_rows(PopulateRequest(source="file", table="t", path=str(path), text=text or ("a",)))

    return _open


def columns(rows: Rows) -> dict[str, list[Any]]:
    return {field.name: list(values) for field, values in zip(rows.fields, rows.block(0), strict=True)}


@needs_movies
def test_every_movie_is_kept_with_its_types() -> None:
    text = ("Title", "Major Genre", "Director")
    rows = open_rows(PopulateRequest(source="file", table="movies", path=str(MOVIES), text=text))
    assert (rows.count, rows.rejected, rows.without_text) == (3201, 0, 0)
    types = {field.name: field.kind.name for field in rows.fields}
    assert list(types)[:3] == ["id", "Title", "US Gross"]
    assert types["Title"] == "text"
    assert types["Release Date"] == "date"
    assert types["IMDB Rating"] == "double precision"
    assert types["US DVD Sales"] == "bigint"
    titles = [title for batch in rows for title in batch[1]]
    assert {"1941", "9", None} < set(titles)


def test_names_nulls_and_nested_values_are_kept_as_they_are(opened: Open) -> None:
    rows = opened([{"a": "x", 'Odd "name" 100%': {"k": [1]}}, {"a": None, "späť": True}])
    kept = columns(rows)
    kept.pop("embedding")
    assert kept == {
        "id": [1, 2],
        "a": ["x", None],
        'Odd "name" 100%': [{"k": [1]}, None],
        "späť": [None, True],
    }


def test_text_columns_are_joined_in_the_order_given(opened: Open) -> None:
    assert opened([{"a": "x", "b": 5}], "b", "a").embedded_by["text"] == ["b", "a"]
    one, other = (
        columns(opened([{"a": a, "b": b}], "a", "b"))["embedding"][0] for a, b in (("x", 5), ("5", "x"))
    )
    assert (one == other).all()


def test_a_row_without_words_is_loaded_without_a_vector_and_counted(opened: Open) -> None:
    rows = opened([{"a": "word"}, {"a": None}, {"a": " - "}])
    assert rows.without_text == 2
    assert [v is None for v in columns(rows)["embedding"]] == [False, True, True]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param([7, 3], {"id": [7, 3]}, id="whole numbers, each once: the key"),
        pytest.param([7, 7], {"id": [1, 2], "file_id": [7, 7]}, id="one twice"),
        pytest.param([7, None], {"id": [1, 2], "file_id": [7, None]}, id="one missing"),
        pytest.param(["x", "y"], {"id": [1, 2], "file_id": ["x", "y"]}, id="text"),
    ],
)
def test_the_files_own_id_is_the_key_where_it_can_be(
    opened: Open, ids: list[Any], expected: dict[str, Any]
) -> None:
    found = columns(opened([{"a": "x", "id": n} for n in ids]))
    assert {name: found[name] for name in expected} == expected
    assert next(iter(found)) == "id"


def test_json_lines_and_csv_are_read_alike(opened: Open) -> None:
    lines = columns(opened('{"a": "x", "n": 1}\n\n{"a": "y, z", "n": null}\n'))
    table = columns(opened('\ufeffa,n\r\nx,1\r\n"y, z",\r\n', name="file.csv"))
    assert lines["a"] == table["a"] == ["x", "y, z"]
    assert lines["n"] == table["n"] == [1, None]


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\u0085"], ids=ascii)
def test_a_line_of_json_goes_on_until_a_line_feed(opened: Open, odd: str) -> None:
    lines = "".join(f'{{"a": "{text}"}}\r\n' for text in (f"x{odd}y", "z"))
    assert columns(opened(lines, name="file.jsonl"))["a"] == [f"x{odd}y", "z"]


def test_one_object_over_many_lines_is_one_record(opened: Open) -> None:
    assert columns(opened(json.dumps({"a": "x", "n": 1}, indent=2)))["n"] == [1]


@pytest.mark.parametrize(
    ("content", "name", "rejected"),
    [
        pytest.param(
            "a,b\nx,1\ny\nz,1,2\n",
            "f.csv",
            {2: "has 1 fields, the header has 2", 3: "has 3 fields"},
            id="ragged",
        ),
        pytest.param('a\nx\n"b\0c"\n', "f.csv", {2: 'holds a NUL byte in "a"'}, id="NUL in CSV"),
        pytest.param('[{"a": "x"}, {"a": "\\u0000"}]', "f.json", {2: "holds a NUL byte"}, id="NUL in JSON"),
        pytest.param(
            '[{"a": "x"}, {"a": {"k": "\\u0000"}}]', "f.json", {2: "holds a NUL byte"}, id="NUL inside"
        ),
        pytest.param(
            '[{"a": "x"}, {"a": "\\ud800"}]', "f.json", {2: "holds half a surrogate pair"}, id="surrogate"
        ),
        pytest.param(
            '[{"a": "x"}, {"\\ud800": "\\u0000"}]', "f.json", {2: r"byte in '\ud800'"}, id="NUL, bad name"
        ),
        pytest.param('[{"a": "x"}, {"a": [NaN]}]', "f.json", {2: "holds NaN, Infinity"}, id="NaN inside"),
        pytest.param(
            '[{"a": "x"}, {"n": 1e400}, {"n": NaN}, {"n": -Infinity}]',
            "f.json",
            dict.fromkeys((2, 3, 4), 'a number over 1.7e308 in "n"'),
            id="not finite",
        ),
        pytest.param('{"a": "x"}\n{"n": 1e400}\n', "f.jsonl", {2: "over 1.7e308"}, id="not finite in a line"),
        pytest.param(
            f"a\nx\n{'y' * (MAX_CELL_BYTES + 1)}\n", "f.csv", {2: 'holds over 5 MB in "a"'}, id="huge cell"
        ),
        pytest.param(
            '[{"a": "x"}, 5, null]', "f.json", {2: "is not an object", 3: "is not an object"}, id="no object"
        ),
        pytest.param(
            '{"a": "x"}\n{"a": \n[1]\n', "f.jsonl", {2: "is not JSON", 3: "is not an object"}, id="bad lines"
        ),
    ],
)
def test_a_bad_row_is_left_out_and_named(
    opened: Open, content: str, name: str, rejected: dict[int, str]
) -> None:
    rows = opened(content, name=name)
    assert rows.count == 1
    assert rows.rejected == len(rejected)
    assert [r.row for r in rows.rejections] == list(rejected)
    assert all(reason in r.reason for r, reason in zip(rows.rejections, rejected.values(), strict=True))


def test_values_nested_as_deeply_as_can_be_read_are_kept_or_refused_in_a_sentence(opened: Open) -> None:
    for depth in range(800, 1000):
        with suppress(RequestError):
            assert opened(f'[{{"a": "x"}}, {{"a": {"[" * depth}{"]" * depth}}}]').count in {1, 2}


def test_a_hundred_bad_rows_are_named_and_the_rest_counted(opened: Open) -> None:
    rows = opened([{"a": "x"}, *range(250)])
    assert (rows.rejected, len(rows.rejections)) == (250, 100)


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        pytest.param("", "f.json", "f.json is empty", id="empty file"),
        pytest.param(" \n", "f.csv", "f.csv is empty", id="blank file"),
        pytest.param(b"\xef\xbb\xbf", "f.csv", "f.csv is empty", id="byte order mark only"),
        pytest.param("[]", "f.json", "f.json has no rows", id="empty list"),
        pytest.param([{}, {}], "f.json", "rows of f.json hold no values", id="empty objects"),
        pytest.param('"abc"', "f.json", "not a list of records", id="a string"),
        pytest.param("5", "f.jsonl", "not a list of records", id="a number"),
        pytest.param("null", "f.json", "not a list of records", id="null"),
        pytest.param("a\nx\n", "f.json", "is not JSON", id="CSV as JSON"),
        pytest.param([{"a": "x"}], "f.csv", "f.csv holds JSON, not CSV", id="JSON as CSV"),
        pytest.param('{"a": "x"}\n', "f.csv", "f.csv holds JSON, not CSV", id="JSON lines as CSV"),
        pytest.param("a,b\n", "f.csv", "f.csv has no rows", id="header only"),
        pytest.param("[1, 2]", "f.json", "No row of f.json can be used", id="no good row"),
        pytest.param(b'[{"a": "\xff"}]', "f.json", "Byte 0xff at position 8 is not UTF-8", id="not UTF-8"),
        pytest.param('[{"a": 1},', "f.json", "is not JSON", id="cut off"),
        pytest.param("[" * 100_000, "f.json", "is not JSON", id="too deep"),
        pytest.param('a\n"x\n', "f.csv", "is not CSV", id="open quote"),
        pytest.param("a,b,a\n1,2,3\n", "f.csv", 'Column "a" appears twice', id="duplicate header"),
        pytest.param("b,c\n1,2\n", "f.csv", 'Missing column "a"; found "b", "c"', id="missing column"),
        pytest.param("a,\n1,2\n", "f.csv", "has no name", id="blank name"),
        pytest.param([{"a": "x", "é" * 32: 1}], "f.json", "has a name over 63 bytes", id="long name"),
        pytest.param([{"a": "x", "embedding": 1}], "f.json", "the name of the vectors", id="embedding"),
        pytest.param([{"a": "x", "ctid": 1}], "f.json", "PostgreSQL keeps for itself", id="system column"),
        pytest.param([{"a": "x", "b\nc": 1}], "f.json", "no name can hold", id="line break in a name"),
        pytest.param([{"a": "x", "id": "y", "file_id": 1}], "f.json", '"file_id" is taken', id="both ids"),
        pytest.param([dict.fromkeys(map(str, range(1600)), 1)], "f.json", "has 1,600 columns", id="too wide"),
    ],
)
def test_a_bad_file_is_refused_in_a_sentence(
    opened: Open, content: str | bytes | list[Any], name: str, sentence: str
) -> None:
    with pytest.raises(RequestError, match=sentence) as refused:
        opened(content, name=name)
    assert refused.value.remedy


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "gone.json", tmp_path, tmp_path / "pipe.json", "/dev/zero"):
        with pytest.raises(RequestError, match="cannot be read"):
            open_rows(PopulateRequest(source="file", table="t", path=str(path), text=("a",)))


def test_no_text_column_is_refused_with_those_there_are(opened: Open, tmp_path: Path) -> None:
    opened([{"a": "x"}])
    with pytest.raises(RequestError, match="No text column") as refused:
        open_rows(PopulateRequest(source="file", table="t", path=str(tmp_path / "file.json")))
    assert 'found "a"' in refused.value.remedy


def test_a_file_over_the_limit_is_refused(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.seeding.records.MAX_FILE_MB", 0)
    with pytest.raises(RequestError, match="is over 0 MB"):
        opened([{"a": "x"}])
