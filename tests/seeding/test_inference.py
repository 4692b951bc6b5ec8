"""Types of a file's columns: nothing is changed, and nothing is guessed."""

from datetime import date, datetime
from typing import Any

import pytest

from dashboard.seeding.inference import infer, read_column


@pytest.mark.parametrize(
    ("values", "kind", "converted"),
    [
        ([1, None, -(2**63)], "bigint", None),
        ([1, 2**63], "text", ["1", str(2**63)]),
        ([1, 2.5, None], "double precision", None),
        ([2**53 + 1, 0.5], "text", [str(2**53 + 1), "0.5"]),
        ([True, None, False], "boolean", None),
        ([True, 1], "text", ["true", "1"]),
        (["1776", 1941, None], "text", ["1776", "1941", None]),
        (["a", 6.1, False], "text", ["a", "6.1", "false"]),
        ([None, None], "text", None),
        ([{"a": 1}, None, [2]], "jsonb", None),
        ([{"a": 1}, "b"], "jsonb", None),
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
            "timestamp with time zone",
            [datetime(2023, 12, 31, 23, 30), datetime(2024, 1, 1)],  # noqa: DTZ001
        ),
        (["2024-01-01T01:30:00"], "text", None),
        (["0001-01-01T00:00:00+14:00"], "text", None),
    ],
)
def test_a_column_gets_the_narrowest_type_that_changes_nothing(
    values: list[Any], kind: str, converted: list[Any] | None
) -> None:
    found, result = infer(values)
    assert found.name == kind
    assert result == (values if converted is None else converted)


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["1", None, "-20"], [1, None, -20]),
        (["1", "2.5", "1e3"], [1.0, 2.5, 1000.0]),
        (["true", "FALSE"], [True, False]),
        (["007", "1"], ["007", "1"]),
        (["+1"], ["+1"]),
        (["1 "], ["1 "]),
        (["NA", "null", "1"], ["NA", "null", "1"]),
        (["1,5"], ["1,5"]),
        (["1e400", "1"], ["1e400", "1"]),
        (["NaN", "Infinity", "1"], ["NaN", "Infinity", "1"]),
        (["9" * 5000, "1"], ["9" * 5000, "1"]),
        ([str(2**64), "1"], [str(2**64), "1"]),
        ([str(2**53 + 1), "0.5"], [str(2**53 + 1), "0.5"]),
        ([str(2**63 - 1)], [2**63 - 1]),
        (["\u0663"], ["\u0663"]),
        (["yes"], ["yes"]),
    ],
)
def test_cells_become_numbers_only_where_every_one_is_spelled_as_one(
    cells: list[Any], read: list[Any]
) -> None:
    assert read_column(cells) == read
