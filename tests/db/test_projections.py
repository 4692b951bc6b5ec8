"""Stored maps come back as they were, and the rows of a map are found by their keys, whatever these are."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from db.catalog import ColumnInfo, find_column
from db.engine import Database
from db.errors import RequestError
from db.projections import (
    Placed,
    list_projections,
    load_points,
    load_projection,
    store_projection,
    values_of,
)
from db.sampling import take_sample

ODD_KEYS = ("7", '["k%1\\\\\'", "1"]', "emoji 🎈", 'quote " and \\ and {braces}', "")


@pytest.fixture
def filled(database: Database) -> ColumnInfo:
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE t (id text PRIMARY KEY, name text, e vector(2))")
        connection.exec_driver_sql(
            "INSERT INTO t SELECT 'row ' || i, 'n', '[1,2]' FROM generate_series(1, 9) i"
        )
    with database.reading("tests") as connection:
        return find_column(connection, "t.e")


def store(database: Database, column: ColumnInfo, keys: tuple[str, ...] = ODD_KEYS) -> int:
    points = (np.arange(2 * len(keys)).reshape(-1, 2) / 3).astype(np.float32)
    with database.writing("tests") as connection, connection.begin():
        return store_projection(
            connection,
            column,
            Placed(keys, points),
            method="tsne",
            params={"seed": 42},
            quality={"kept": 7.5},
            created_by="local",
            job_id=None,
        )


def test_a_stored_map_comes_back_bit_by_bit(database: Database, filled: ColumnInfo) -> None:
    number = store(database, filled)
    with database.reading("tests") as connection:
        stored, placed = load_projection(connection, number), load_points(connection, number)
    assert (stored.subject, stored.method, stored.rows) == ("public.t.e", "tsne", len(ODD_KEYS))
    assert (stored.params, stored.quality) == ({"seed": 42}, {"kept": 7.5})
    assert placed.keys == ODD_KEYS
    assert placed.points.dtype == np.float32
    assert (placed.points == (np.arange(10).reshape(-1, 2) / 3).astype(np.float32)).all()


def test_what_else_places_rows_comes_back_with_the_points(database: Database, filled: ColumnInfo) -> None:
    points, axes = np.zeros((2, 2), np.float32), np.eye(2, 7, dtype=np.float32)
    with database.writing("tests") as connection, connection.begin():
        number = store_projection(
            connection,
            filled,
            Placed(("1", "2"), points, {"axes": axes, "keys": points}),
            method="pca",
            params={},
            quality={},
            created_by="local",
            job_id=None,
        )
    with database.reading("tests") as connection:
        placed = load_points(connection, number)
    assert set(placed.frame) == {"axes", "keys"}
    assert (placed.frame["axes"] == axes).all()
    assert placed.keys == ("1", "2")


def test_the_maps_of_a_column_come_newest_first(database: Database, filled: ColumnInfo) -> None:
    numbers = [store(database, filled) for _ in range(3)]
    with database.reading("tests") as connection:
        assert [stored.id for stored in list_projections(connection, filled)] == numbers[::-1]
        assert [stored.id for stored in list_projections(connection, filled, limit=1)] == numbers[-1:]


@pytest.mark.parametrize("load", [load_projection, load_points])
def test_a_map_that_is_not_there_is_named(
    database: Database, load: Callable[[Connection, int], object]
) -> None:
    with database.reading("tests") as connection, pytest.raises(RequestError, match="There is no map 99"):
        load(connection, 99)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("items.embedding", ("title", "category")),
        ("items_in_stock.embedding", ("title",)),
        ("keyless.embedding", ("name",)),
        ("parted.embedding", ("region",)),
        ('"We ""ird"."T %:x; --"."Em ""bed%"', ("distance", "a'b")),
    ],
)
def test_the_values_of_sampled_rows_are_found_by_key(
    reading: Connection, column: Callable[[str], ColumnInfo], name: str, names: tuple[str, ...]
) -> None:
    info = column(name)
    sample = take_sample(reading, info, rows=25, columns=names)
    found = values_of(reading, info, sample.keys, names)
    expected = dict(zip(sample.keys, zip(*(sample.labels[n] for n in names), strict=True), strict=True))
    assert found == expected
    assert found


def test_a_row_that_is_gone_is_left_out_and_long_text_is_cut(reading: Connection, items: ColumnInfo) -> None:
    found = values_of(reading, items, ["1", "999999"], ("filler",))
    assert list(found) == ["1"]
    assert len(found["1"][0] or "") == 200


def test_keys_are_looked_up_through_the_primary_key(database: Database, filled: ColumnInfo) -> None:
    with database.reading("tests") as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        keys = [f"row {number}" for number in range(1, 4)]
        assert len(values_of(connection, filled, keys, ("name",))) == 3
        scans = connection.exec_driver_sql(
            "SELECT idx_scan FROM pg_stat_xact_user_tables WHERE relname = 't'"
        ).scalar_one()
    assert scans == 1


def test_a_key_that_does_not_fit_its_type_is_refused(reading: Connection, items: ColumnInfo) -> None:
    with pytest.raises(DBAPIError, match="invalid input syntax"):
        values_of(reading, items, ["seven"], ("title",))
