"""Kinds found batch by batch are those found of a column as a whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.seeding.formats.kinds import LOOKED_AT, SPELLED, TYPED, Narrowing
from dashboard.seeding.formats.table import KINDS
from dashboard.seeding.inference import infer, read_column

OF_TYPE = {
    "bigint": "integer",
    "double precision": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp with time zone": "timestamp",
    "jsonb": "json",
    "text": "text",
}
"""What ``inference`` calls each kind."""

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
    values = [value for batch in batches for value in batch]
    assert column_of(batches, TYPED) == (OF_TYPE[infer(values)[0].name], values.count(None))


@given(st.lists(st.lists(CELLS, max_size=3), max_size=4))
def test_cells_of_csv_get_the_kind_of_the_whole_column(batches: list[list[Any]]) -> None:
    values = [value for batch in batches for value in batch]
    assert column_of(batches, SPELLED)[0] == OF_TYPE[infer(read_column(values))[0].name]


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
