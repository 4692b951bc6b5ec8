"""Rows to try a search with."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from db.catalog import ColumnInfo
from db.examples import examples
from tests.db.test_recipes import ODD

Find = Callable[[str], ColumnInfo]


def test_examples_have_a_name_and_a_vector_and_stay_the_same(reading: Connection, items: ColumnInfo) -> None:
    found = examples(reading, items, ["title"])
    assert len({example.text for example in found}) == 3
    assert all(example.text == f"item {example.key}" for example in found)
    assert found == examples(reading, items, ["title"])


@pytest.mark.parametrize("name", ["keyless.embedding", "items_in_stock.embedding", f"{ODD}.half"])
def test_rows_of_any_table_can_be_examples(reading: Connection, column: Find, name: str) -> None:
    info = column(name)
    assert len(examples(reading, info, info.key)) == 3


def test_a_key_of_several_columns_stays_whole(reading: Connection, column: Find) -> None:
    [example, *_] = examples(reading, column(f"{ODD}.half"), ["a'b"])
    name, number = example.key
    assert name == example.text
    assert number.isdecimal()
