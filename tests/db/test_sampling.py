"""Samples: the same seed draws the same rows, however the table is keyed, typed or stored."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import Connection

from db import sampling
from db.catalog import ColumnInfo, find_column
from db.engine import Database
from db.errors import RequestError
from db.filters import Filter
from db.sampling import ALL, BERNOULLI, HASHED, METHODS, SYSTEM, take_sample
from db.search import query_of_row
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

WEIRD = '"We ""ird"."T %:x; --"'


def vector_of(connection: Connection, column: ColumnInfo, key: str) -> list[float]:
    return [float(x) for x in query_of_row(connection, column, key).vector.strip("[]").split(",")]


def test_a_small_table_is_read_whole(reading: Connection, items: ColumnInfo) -> None:
    sample = take_sample(reading, items)
    assert (sample.method, sample.n, sample.nulls, sample.drawn) == (ALL, 3992, 8, 4000)
    assert (sample.of_rows, sample.of_rows_exact, sample.share, sample.is_whole) == (4000, True, 1.0, True)
    assert sample.vectors.shape == (3992, 8)
    assert sample.vectors.dtype == np.float32


def test_a_larger_one_is_sampled_row_by_row_and_never_gives_more(
    reading: Connection, items: ColumnInfo
) -> None:
    sample = take_sample(reading, items, rows=500)
    assert (sample.method, sample.drawn, sample.is_whole) == (BERNOULLI, 500, False)
    assert sample.share == 0.125


def test_the_same_seed_draws_the_same_rows_and_another_seed_others(
    reading: Connection, items: ColumnInfo
) -> None:
    first, again = (take_sample(reading, items, rows=300, seed=7) for _ in range(2))
    assert first.keys == again.keys
    assert np.array_equal(first.vectors, again.vectors)
    assert take_sample(reading, items, rows=300, seed=8).keys != first.keys


def test_a_table_too_large_to_be_read_gives_whole_pages(
    reading: Connection, items: ColumnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "WHOLE_SCAN_BYTES", 0)
    sample = take_sample(reading, items, rows=400)
    assert sample.method == SYSTEM
    assert 200 <= sample.drawn <= 400


def test_vectors_and_labels_belong_to_their_keys(reading: Connection, items: ColumnInfo) -> None:
    sample = take_sample(reading, items, rows=50, columns=("category", "title", "filler"))
    for place in (0, 20, sample.n - 1):
        assert sample.vectors[place] == pytest.approx(vector_of(reading, items, sample.keys[place]))
        assert sample.labels["title"][place] in {f"item {sample.keys[place]}", None}
    assert set(sample.labels["category"]) <= {"red", "green", "blue", "far"}
    assert {len(text or "") for text in sample.labels["filler"]} == {200}


def test_only_rows_that_meet_the_condition_are_drawn(reading: Connection, items: ColumnInfo) -> None:
    sample = take_sample(
        reading, items, rows=200, where=Filter("category", "=", "far"), columns=("category",)
    )
    assert set(sample.labels["category"]) == {"far"}
    assert sample.drawn == 200


def test_a_condition_that_the_planner_misjudges_still_fills_the_sample(
    reading: Connection, items: ColumnInfo
) -> None:
    sample = take_sample(reading, items, rows=20, where=Filter("title", "contains", "item 11"))
    assert sample.drawn == 20
    assert sample.method in {BERNOULLI, HASHED}


def test_a_condition_on_a_column_that_is_not_there_is_refused(reading: Connection, items: ColumnInfo) -> None:
    with pytest.raises(RequestError, match="colour"):
        take_sample(reading, items, where=Filter("colour", "=", "red"))


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (f'{WEIRD}."Em ""bed%"', [1.0, 1.0, 1.0]),
        (f"{WEIRD}.half", [1.0, 1.0, 1.0]),
        (f"{WEIRD}.sparse", [1.0, 0.0, 0.0, 1.0, 1.0]),
        (f"{WEIRD}.bits", [0.0] * 13 + [1.0, 1.0, 1.0]),
    ],
)
def test_every_vector_type_and_an_odd_composite_key_come_along(
    reading: Connection, column: Find, name: str, first: list[float]
) -> None:
    found = column(name)
    sample = take_sample(reading, found)
    place = sample.keys.index('["k%1\\\\\'", "1"]')
    assert sample.vectors[place].tolist() == first
    assert query_of_row(reading, found, sample.keys[place]).row == ("k%1\\'", "1")


@pytest.mark.parametrize("name", ["keyless.embedding", "parted.embedding", "items_in_stock.embedding"])
def test_tables_without_a_key_and_views_are_sampled(reading: Connection, column: Find, name: str) -> None:
    found = column(name)
    sample = take_sample(reading, found, rows=20)
    assert sample.drawn == 20
    assert sample.keys == take_sample(reading, found, rows=20).keys
    assert sample.vectors[3] == pytest.approx(vector_of(reading, found, sample.keys[3]))


def test_a_view_is_drawn_from_by_hash_as_nobody_knows_its_rows(reading: Connection, column: Find) -> None:
    sample = take_sample(reading, column("items_in_stock.embedding"), rows=20)
    assert (sample.method, sample.of_rows, sample.share) == (HASHED, None, None)


def test_of_an_untyped_column_the_commonest_length_is_kept_and_the_mix_told(
    reading: Connection, column: Find
) -> None:
    sample = take_sample(reading, column(f"{WEIRD}.free"))
    assert sample.mix == {3: 20, 2: 20}
    assert (sample.n, sample.drawn, sample.vectors.shape) == (20, 40, (20, 3))


def test_long_vectors_make_a_smaller_sample(
    reading: Connection, items: ColumnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SAMPLE_BYTES", 100 * 8 * 4)
    assert take_sample(reading, items).drawn == 100


def test_a_sparsevec_too_long_to_be_written_out_is_refused(
    reading: Connection, column: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MAX_DENSE_DIMENSIONS", 4)
    with pytest.raises(RequestError, match="5 dimensions is too long"):
        take_sample(reading, column(f"{WEIRD}.sparse"))


def test_an_empty_table_gives_an_empty_sample(database: Database) -> None:
    with database.control("tests") as connection:
        run(connection, "CREATE TABLE nothing (id int PRIMARY KEY, embedding vector(3))")
    with database.reading("tests") as connection:
        sample = take_sample(connection, find_column(connection, "nothing.embedding"))
    assert (sample.n, sample.drawn, sample.share, sample.vectors.shape) == (0, 0, None, (0, 3))


def test_every_method_is_explained() -> None:
    assert set(METHODS) == {ALL, BERNOULLI, SYSTEM, HASHED}
