"""Keys that two rows share."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from dashboard.seeding.imports.keys import Keys, Twice, as_texts


def twice(*batches: Any) -> list[Twice]:
    """What is there twice in these batches of key columns, the rows numbered from 1."""
    keys, row = Keys(), 1
    for columns in batches:
        rows = np.arange(row, row + len(columns[0]))
        keys.add(columns, rows)
        row += len(rows)
    return sorted(keys.twice(), key=lambda found: found.again)


@pytest.mark.parametrize("kind", [np.array, list], ids=["arrays", "lists"])
def test_a_key_is_named_with_its_first_row_and_each_later_one(kind: Any) -> None:
    found = twice([kind([7, 5, 8])], [kind([5, 9])], [kind([5, 7])])
    assert found == [Twice("5", 2, 4), Twice("5", 2, 6), Twice("7", 1, 7)]


def test_keys_of_two_columns_are_equal_where_both_are() -> None:
    assert twice([["a", "a", "b", "a"], [1, 2, 1, 2]]) == [Twice("a, 2", 2, 4)]


def test_no_key_is_there_twice() -> None:
    assert twice([np.arange(5)], [np.arange(5, 9)]) == []
    assert twice() == []


def test_keys_are_spelled_as_postgresql_reads_them() -> None:
    assert as_texts([np.array([1, 2]), ["x", "y"], [date(2026, 1, 2), date(2026, 1, 3)]]) == [
        ["1", "2"],
        ["x", "y"],
        ["2026-01-02", "2026-01-03"],
    ]
