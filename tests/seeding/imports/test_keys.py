"""Keys that two rows share."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from dashboard.seeding.imports.keys import Keys, Twice, as_texts


def twice(*batches: Any) -> list[Twice]:
    """What is there twice in these batches of key columns, the rows numbered from 1."""
    keys, row, spelled = Keys(), 1, dict[int, str]()
    for columns in batches:
        rows = np.arange(row, row + len(columns[0]))
        keys.add(columns, rows)
        row += len(rows)
        spelled.update(zip(rows.tolist(), map(", ".join, zip(*as_texts(columns), strict=True)), strict=True))
    found = keys.twice(lambda rows: {row: spelled[row] for row in rows.tolist()})
    return sorted(found, key=lambda found: found.again)


@pytest.mark.parametrize("kind", [np.array, list], ids=["arrays", "lists"])
def test_a_key_is_named_with_its_first_row_and_each_later_one(kind: Any) -> None:
    found = twice([kind([7, 5, 8])], [kind([5, 9])], [kind([5, 7])])
    assert found == [Twice("5", 2, 4), Twice("5", 2, 6), Twice("7", 1, 7)]


def test_keys_of_two_columns_are_equal_where_both_are() -> None:
    assert twice([["a", "a", "b", "a"], [1, 2, 1, 2]]) == [Twice("a, 2", 2, 4)]


def test_two_keys_of_one_hash_are_not_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.seeding.imports.keys.hash", len, raising=False)
    assert twice([["a", "b", "c", "b", "a"]]) == [Twice("b", 2, 4), Twice("a", 1, 5)]


def test_of_very_many_the_rows_are_told_and_not_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.seeding.imports.keys.SPELLED", 1)
    assert twice([["a", "a", "a"]]) == [Twice("a", 1, 2), Twice("…", 1, 3)]


def test_no_key_is_there_twice() -> None:
    assert twice([np.arange(5)], [np.arange(5, 9)]) == []
    assert twice() == []


def test_keys_are_spelled_as_postgresql_reads_them() -> None:
    assert as_texts([np.array([1, 2]), ["x", "y"], [date(2026, 1, 2), date(2026, 1, 3)]]) == [
        ["1", "2"],
        ["x", "y"],
        ["2026-01-02", "2026-01-03"],
    ]
