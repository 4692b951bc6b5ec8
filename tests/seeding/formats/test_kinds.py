"""Kinds found batch by batch are those found of a column as a whole."""

import csv
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.seeding.formats.kinds import LOOKED_AT, SPELLED, TYPED, Narrowing
from dashboard.seeding.formats.reading import as_wanted
from dashboard.seeding.formats.recognise import recognised
from dashboard.seeding.formats.table import KINDS, Wanted

TYPED_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["x", "Jun 12 1998", "01/02/2000", "31/12/2000", "2024-01-01T00:00:00Z", "2024-02-29"]),
    st.sampled_from([{"a": 1}, ["b"]]),
)
CELLS = st.one_of(
    st.none(),
    st.sampled_from(["1", "-20", "007", "1.5", "1e3", "1e400", "true", "FALSE", str(2**53 + 1), str(2**64)]),
    st.sampled_from(["NA", "x", "2024-02-29", "01/02/2000", "02/02/2000", "2024-01-01T00:00:00+02:00"]),
)


def column_of(batches: list[list[Any]], tests: Any) -> tuple[str, int | None]:
    narrowing = Narrowing("a", tests)
    for batch in batches:
        narrowing.add(batch)
    column = narrowing.column()
    return column.kind, column.nulls


@given(st.lists(st.lists(TYPED_VALUES, max_size=3), max_size=4) | st.lists(st.lists(st.integers(0, 9))))
def test_json_values_get_the_kind_of_the_whole_column(batches: list[list[Any]]) -> None:
    assert column_of(batches, TYPED) == column_of([[v for batch in batches for v in batch]], TYPED)


@given(st.lists(st.lists(CELLS, max_size=3), max_size=4))
def test_cells_of_csv_get_the_kind_of_the_whole_column(batches: list[list[Any]]) -> None:
    assert column_of(batches, SPELLED) == column_of([[v for batch in batches for v in batch]], SPELLED)


def kept(path: Path) -> tuple[str, list[Any]]:
    """The kind of the column ``a`` of a file, and its values read as that."""
    form = recognised(path)
    column = form.survey(path, None).columns[0]
    wanted = {column.name: Wanted(column.kind, column.dimensions, column.form)}
    (batch,) = as_wanted(form.batches(path, (column.name,), 0, None), wanted)
    assert batch.faults == ()
    return column.kind, list(batch.values[column.name])


@pytest.mark.parametrize(
    ("values", "kind", "converted"),
    [
        ([1, None, -(2**63)], "integer", None),
        ([1, 2**63], "text", ["1", str(2**63)]),
        ([1, 2.5, None], "number", None),
        ([2**53 + 1, 0.5], "text", [str(2**53 + 1), "0.5"]),
        ([True, None, False], "boolean", None),
        ([True, 1], "text", ["true", "1"]),
        (["1776", 1941, None], "text", ["1776", "1941", None]),
        (["a", 6.1, False], "text", ["a", "6.1", "false"]),
        ([None, None], "text", None),
        ([{"a": 1}, None, [2]], "json", None),
        ([{"a": 1}, "b"], "json", None),
        (["Jun 12 1998", None, "Aug 7 1998"], "date", [date(1998, 6, 12), None, date(1998, 8, 7)]),
        (["2024-02-29"], "date", [date(2024, 2, 29)]),
        (["May 1, 2000", "May 31, 2000"], "date", [date(2000, 5, 1), date(2000, 5, 31)]),
        (["Jun 12 1998", "1998"], "text", None),
        (["Jun 12 1998", "12 Jun 1998"], "text", None),
        (["2023-02-29"], "text", None),
        (["01/02/2000", "03/04/2000"], "text", None),
        (["01/02/2000", "31/12/2000"], "date", [date(2000, 2, 1), date(2000, 12, 31)]),
        (["02/02/2000"], "date", [date(2000, 2, 2)]),
        (
            ["2024-01-01T01:30:00+02:00", "2024-01-01T00:00:00Z"],
            "timestamp",
            [datetime(2023, 12, 31, 23, 30), datetime(2024, 1, 1)],  # noqa: DTZ001
        ),
        (["2024-01-01T01:30:00"], "text", None),
        (["0001-01-01T00:00:00+14:00"], "text", None),
    ],
)
def test_a_column_gets_the_narrowest_kind_that_changes_nothing(
    tmp_path: Path, values: list[Any], kind: str, converted: list[Any] | None
) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps([{"a": value} for value in values]))
    assert kept(path) == (kind, values if converted is None else converted)


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["1", None, "-20"], [1, None, -20]),
        (["1", "2.5", "1e3"], [1.0, 2.5, 1000.0]),
        (["true", "FALSE"], [True, False]),
        (["007", "1"], None),
        (["+1"], None),
        (["1 "], None),
        (["NA", "null", "1"], None),
        (["1,5"], None),
        (["1e400", "1"], None),
        (["NaN", "Infinity", "1"], None),
        (["9" * 5000, "1"], None),
        ([str(2**64), "1"], None),
        ([str(2**53 + 1), "0.5"], None),
        ([str(2**63 - 1)], [2**63 - 1]),
        (["\u0663"], None),
        (["yes"], None),
    ],
)
def test_cells_become_numbers_only_where_every_one_is_spelled_as_one(
    tmp_path: Path, cells: list[str | None], read: list[Any] | None
) -> None:
    path = tmp_path / "file.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], *([cell, "x"] for cell in cells)])
    assert kept(path)[1] == (read or cells)


@pytest.mark.parametrize(
    ("values", "kind", "dimensions"),
    [
        (["[1,2,3]", None, "[4,5,6]"], "vector", 3),
        (["[1,2,3]", "[1,2]", "[4,5,6]"], "vector", 3),
        (["[1,2,3]", "abc"], "text", None),
        ([[1, 2], [0.5, 1]], "vector", 2),
        ([[1, 2], [1], ["a"]], "json", None),
        (["{1:1}/3", "{2:1}/3"], "text", None),
        (["[draft]", "[final]"], "text", None),
        ([[], []], "json", None),
    ],
)
def test_a_column_is_of_vectors_where_most_of_it_is(
    values: list[Any], kind: str, dimensions: int | None
) -> None:
    narrowing = Narrowing("a", TYPED)
    narrowing.add(values)
    assert (narrowing.column().kind, narrowing.column().dimensions) == (kind, dimensions)
    assert kind in KINDS


def test_the_lengths_of_vectors_are_told_the_commonest_first() -> None:
    narrowing = Narrowing("a", SPELLED)
    narrowing.add(["[1,2]", "[1,2,3]", None, "[4,5,6]", "x"])
    assert narrowing.column().kind == "text"
    assert narrowing.column().lengths == (3, 2)


def test_long_values_are_looked_at_only_so_far() -> None:
    narrowing = Narrowing("a", TYPED)
    narrowing.add(["x" * (1 << 20)] * LOOKED_AT)
    assert len(narrowing._first) == 1
    assert narrowing.column().sample[0].endswith("…")
