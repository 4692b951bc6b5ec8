"""What SQL counts of a column, and the statements that show the rows."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from db.browse import PageRequest, browse
from db.catalog import ColumnInfo, find_column
from db.engine import Database
from db.quality import Duplicates, count_column, rows_sql
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

WEIRD = '"We ""ird"."T %:x; --"'

COPIES = """
CREATE TABLE copies (a text, b int, embedding {type}, PRIMARY KEY (a, b));
INSERT INTO copies SELECT 'it''s %', i, NULLIF((ARRAY{values})[i], '')::{type}
FROM generate_series(1, 7) AS i;
"""
DENSE = "['[1,2]', '[1,2]', '[1,2]', '[0,0]', '[0,0]', '', '[-0,5]']"
SPARSE = "['{1:1}/2', '{1:1}/2', '{1:1}/2', '{}/2', '{}/2', '', '{2:5}/2']"
BITS = "['01', '01', '01', '00', '00', '', '11']"


def test_rows_nulls_and_zeros_are_counted(reading: Connection, items: ColumnInfo) -> None:
    counted = count_column(reading, items)
    # Every five hundredth row is NULL, and another is zero; those of them above 3,000 were moved away.
    zeros = reading.exec_driver_sql(
        "SELECT count(*) FROM items WHERE vector_norm(embedding) = 0"
    ).scalar_one()
    assert (counted.rows, counted.nulls, counted.zeros) == (4000, 8, zeros)
    assert zeros == 6
    assert counted.mix == {}


@pytest.mark.parametrize(
    ("vector_type", "values"),
    [
        ("vector(2)", DENSE),
        ("halfvec(2)", DENSE),
        ("sparsevec(2)", SPARSE),
        ("bit(2)", BITS),
        ("vector", DENSE),
    ],
)
def test_copies_are_found_by_group_and_named_by_key(
    database: Database, vector_type: str, values: str
) -> None:
    with database.control("tests") as connection:
        run(connection, COPIES.format(type=vector_type, values=values))
    with database.reading("tests") as connection:
        counted = count_column(connection, find_column(connection, "copies.embedding"))
    assert counted.duplicates == Duplicates(1, 3, 3, tuple(f'["it\'s %", "{b}"]' for b in (1, 2, 3)))
    assert (counted.rows, counted.nulls, counted.zeros) == (7, 1, 2)


@pytest.mark.parametrize("name", ["items_in_stock.embedding", "keyless.embedding", "parted.embedding"])
def test_views_and_tables_without_a_key_are_counted(reading: Connection, column: Find, name: str) -> None:
    counted = count_column(reading, column(name))
    assert counted.rows
    assert counted.duplicates is not None


def test_the_lengths_of_an_untyped_column_are_counted(reading: Connection, column: Find) -> None:
    assert count_column(reading, column(f"{WEIRD}.free")).mix == {2: 20, 3: 20}


def test_what_takes_too_long_is_left_to_the_sample(reading: Connection, column: Find) -> None:
    counted = count_column(reading, column("items_slow.embedding"), budget_ms=200)
    assert (counted.rows, counted.zeros, counted.duplicates) == (None, None, None)
    assert reading.exec_driver_sql("SELECT 1").scalar_one() == 1


@pytest.mark.parametrize(
    ("problem", "keys", "rows"),
    [
        ("null", (), 8),
        ("zero", (), 6),
        ("duplicates", (), 2),
        ("keys", ("4", "17"), 2),
        ("dimensions", (), 1),
    ],
)
def test_the_statement_shows_the_rows_as_it_stands(
    reading: Connection, items: ColumnInfo, problem: str, keys: tuple[str, ...], rows: int
) -> None:
    sql = rows_sql(reading, items, problem, keys)
    assert len(reading.exec_driver_sql(sql.replace("%", "%%")).all()) == rows


@pytest.mark.parametrize("of", ['"Em ""bed%"', "half", "sparse", "bits", "free"])
@pytest.mark.parametrize("problem", ["null", "zero", "duplicates", "keys", "dimensions"])
def test_the_statement_runs_whatever_the_names_and_types(
    reading: Connection, column: Find, of: str, problem: str
) -> None:
    found = column(f"{WEIRD}.{of}")
    sql = rows_sql(reading, found, problem, ('["k%1\\\\\'", "1"]',))
    shown = reading.exec_driver_sql(sql.replace("%", "%%")).all()
    assert len(shown) == {"keys": 1, "dimensions": 2 if of == "free" else 1}.get(problem, 0)


def test_no_keys_make_no_statement(reading: Connection, items: ColumnInfo) -> None:
    assert rows_sql(reading, items, "keys") == ""


def test_a_vector_too_short_for_a_square_in_four_bytes_is_none_of_the_zeros(database: Database) -> None:
    with database.control("tests") as connection:
        run(connection, "CREATE TABLE tiny (id int PRIMARY KEY, embedding vector(2))")
        run(connection, "INSERT INTO tiny VALUES (1, '[1e-45,0]'), (2, '[0,0]'), (3, '[3.4e38,3.4e38]')")
    with database.reading("tests") as connection:
        column = find_column(connection, "tiny.embedding")
        assert count_column(connection, column).zeros == 1
        states = [row.vector_state for row in browse(connection, PageRequest(column)).rows]
        assert states == ["ok", "zero", "ok"]
