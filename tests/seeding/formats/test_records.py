"""Files of records, JSON and CSV: what is kept of good ones, and what is said of bad ones."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dashboard.seeding.formats.reading import as_wanted
from dashboard.seeding.formats.recognise import recognised
from dashboard.seeding.formats.table import MAX_CELL_BYTES, Batch, Wanted
from db.errors import RequestError

Read = Callable[..., list[Batch]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a file that holds ``content``, each column as what it is; no process of its own is started."""

    def _read(content: str | bytes | list[Any], name: str = "f.json") -> list[Batch]:
        data = json.dumps(content) if isinstance(content, list) else content
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
        form = recognised(path)
        columns = form.survey(path, None).columns
        wanted = {c.name: Wanted(c.kind, c.dimensions, c.form) for c in columns}
        return list(as_wanted(form.batches(path, tuple(wanted), 0, None), wanted))

    return _read


def columns(batches: list[Batch]) -> dict[str, list[Any]]:
    return {name: [v for batch in batches for v in batch.values[name]] for name in batches[0].values}


def test_names_nulls_and_nested_values_are_kept_as_they_are(read: Read) -> None:
    found = columns(read([{"a": "x", 'Odd "name" 100%': {"k": [1]}}, {"a": None, "späť": True}]))
    assert found == {"a": ["x", None], 'Odd "name" 100%': [{"k": [1]}, None], "späť": [None, True]}


def test_json_lines_and_csv_are_read_alike(read: Read) -> None:
    lines = columns(read('{"a": "x", "n": 1}\n\n{"a": "y, z", "n": null}\n'))
    table = columns(read('\ufeffa,n\r\nx,1\r\n"y, z",\r\n', "f.csv"))
    assert lines == table == {"a": ["x", "y, z"], "n": [1, None]}


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\u0085"], ids=ascii)
def test_a_line_of_json_goes_on_until_a_line_feed(read: Read, odd: str) -> None:
    lines = "".join(f'{{"a": "{text}"}}\r\n' for text in (f"x{odd}y", "z"))
    assert columns(read(lines, "f.jsonl")) == {"a": [f"x{odd}y", "z"]}


def test_one_object_over_many_lines_is_one_record(read: Read) -> None:
    assert columns(read(json.dumps({"a": "x", "n": 1}, indent=2))) == {"a": ["x"], "n": [1]}


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        pytest.param(
            "a,b\nx,1\ny\nz,1,2\n",
            "f.csv",
            {2: "has 1 fields, the header has 2", 3: "has 3 fields"},
            id="ragged",
        ),
        pytest.param('a\nx\n"b\0c"\n', "f.csv", {2: '"a": the text contains a NUL byte'}, id="NUL in CSV"),
        pytest.param('[{"a": "x"}, {"a": "\\u0000"}]', "f.json", {2: "a NUL byte"}, id="NUL in JSON"),
        pytest.param('[{"a": "x"}, {"a": {"k": "\\u0000"}}]', "f.json", {2: "a NUL byte"}, id="NUL inside"),
        pytest.param('[{"a": "x"}, {"a": "\\ud800"}]', "f.json", {2: "surrogate pair"}, id="surrogate"),
        pytest.param(
            '[{"a": "x"}, {"\\ud800": "\\u0000"}]', "f.json", {2: r"'\ud800': the text"}, id="NUL, bad name"
        ),
        pytest.param('[{"a": "x"}, {"a": [NaN]}]', "f.json", {2: "NaN, Infinity"}, id="NaN inside"),
        pytest.param(
            '[{"n": 0.5}, {"n": 1e400}, {"n": NaN}, {"n": -Infinity}]',
            "f.json",
            dict.fromkeys((2, 3, 4), "is not a finite number within 1.7e308"),
            id="not finite",
        ),
        pytest.param('{"n": 0.5}\n{"n": 1e400}\n', "f.jsonl", {2: "1.7e308"}, id="not finite in a line"),
        pytest.param(f"a\nx\n{'y' * (MAX_CELL_BYTES + 1)}\n", "f.csv", {2: "over the limit"}, id="huge cell"),
        pytest.param(
            '[{"a": "x"}, 5, null]', "f.json", {2: "is not an object", 3: "is not an object"}, id="no object"
        ),
        pytest.param(
            '{"a": "x"}\n{"a": \n[1]\n', "f.jsonl", {2: "is not JSON", 3: "is not an object"}, id="bad lines"
        ),
    ],
)
def test_a_bad_row_is_a_fault_and_the_others_are_read(
    read: Read, content: str, name: str, told: dict[int, str]
) -> None:
    faults = [fault for batch in read(content, name) for fault in batch.faults]
    assert [fault.row for fault in faults] == list(told)
    assert all(words in str(fault) for fault, words in zip(faults, told.values(), strict=True))


def test_values_nested_as_deeply_as_can_be_read_are_kept_or_refused_in_a_sentence(read: Read) -> None:
    for depth in range(800, 1000):
        with suppress(RequestError):
            assert len(columns(read(f'[{{"a": "x"}}, {{"a": {"[" * depth}{"]" * depth}}}]'))["a"]) == 2


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
        pytest.param("[1, 2]", "f.json", "rows of f.json hold no values", id="no good row"),
        pytest.param(b'[{"a": "\xff"}]', "f.json", "Byte 0xff at position 8 is not UTF-8", id="not UTF-8"),
        pytest.param('[{"a": 1},', "f.json", "is not JSON", id="cut off"),
        pytest.param("[" * 100_000, "f.json", "is not JSON: it is nested too deeply", id="too deep"),
        pytest.param('a\n"x\n', "f.csv", "is not CSV", id="open quote"),
        pytest.param("a,b,a\n1,2,3\n", "f.csv", 'Column "a" appears twice', id="duplicate header"),
        pytest.param([dict.fromkeys(map(str, range(1600)), 1)], "f.json", "has 1,599 columns", id="too wide"),
    ],
)
def test_a_bad_file_is_refused_in_a_sentence(
    read: Read, content: str | bytes | list[Any], name: str, sentence: str
) -> None:
    with pytest.raises(RequestError, match=sentence) as refused:
        read(content, name)
    assert refused.value.remedy


def test_where_no_row_is_a_record_the_first_is_named(read: Read) -> None:
    with pytest.raises(RequestError) as refused:
        read("[1, 2]")
    assert refused.value.remedy == "Row 1 is not an object with named values."
