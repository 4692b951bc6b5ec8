"""What is written is read back the same: by the tools that read such files, and by PostgreSQL."""

import csv
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from dashboard.exporting.csv_file import cell
from dashboard.exporting.formats import FORMATS, Format, format_named
from db.engine import Database, driver_cursor
from db.errors import RequestError
from tests.db.conftest import run
from tests.exporting.conftest import Write

DIFFERENCES = """
WITH was AS (SELECT to_jsonb(g) AS line FROM goods g), came AS (SELECT to_jsonb(c) AS line FROM copied c)
SELECT count(*) FROM ((TABLE was EXCEPT ALL TABLE came) UNION ALL (TABLE came EXCEPT ALL TABLE was)) AS d
"""


def differences(database: Database) -> int:
    with database.reading("test") as connection:
        return int(connection.execute(text(DIFFERENCES)).scalar_one())


def as_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


@pytest.mark.parametrize("entry", FORMATS.values(), ids=lambda entry: entry.key)
def test_every_format_holds_every_row_and_names_every_column(entry: Format, write: Write) -> None:
    exported = write(format=entry.key)
    assert exported.path.suffix == f".{entry.key}"
    assert exported.rows == exported.of_rows == 3
    columns = json.loads(exported.sidecar.read_text())["columns"]
    assert len(columns) == 24
    assert all(column["written_as"] for column in columns)


def test_postgresql_reads_the_csv_back_to_the_last_bit(write: Write, goods: Database) -> None:
    exported = write(format="csv")
    with goods.writing("test") as connection, connection.begin():
        connection.execute(text("CREATE TABLE copied (LIKE goods)"))
        with driver_cursor(connection, "COPY") as cursor, exported.path.open(encoding="utf-8") as file:
            cursor.copy_expert("COPY copied FROM STDIN WITH (FORMAT csv, HEADER MATCH)", file)
    assert exported.neutralised == 0
    assert differences(goods) == 0


def test_postgresql_reads_the_json_lines_back_to_the_last_bit(write: Write, goods: Database) -> None:
    lines = write(format="jsonl").path.read_text(encoding="utf-8").splitlines()
    with goods.writing("test") as connection, connection.begin():
        connection.execute(text("CREATE TABLE copied (LIKE goods)"))
        for line in lines:
            insert = (
                "INSERT INTO copied SELECT * FROM json_populate_record(NULL::copied, CAST(:line AS json))"
            )
            connection.execute(text(insert), {"line": line})
    assert differences(goods) == 0


def test_json_lines_keep_kinds(write: Write) -> None:
    first, second, _ = map(json.loads, write(format="jsonl").path.read_text(encoding="utf-8").splitlines())
    assert first["embedding"] == [0.1, 2, -3e-10]
    assert (first["info"], first["raw"]) == ({"a": [1, None, "x"]}, {"b": 2})
    assert first["words"] == ["a b", "c,d", None]
    assert (first["ok"], first["small"], first["sparse"]) == (True, -7, "{1:0.5,4:-2}/5")
    assert first["seen"] == "2026-02-28T10:34:56.789012+00:00"
    assert second["ratio"] == "NaN"


def test_csv_is_as_the_rfc_has_it(write: Write) -> None:
    exported = write(format="csv")
    assert b"\r\n" in exported.path.read_bytes()
    header, first, second, third = as_csv(exported.path)
    assert header[-6:] == ['Odd, "name"', "embedding", "half", "sparse", "bits", "free"]
    assert first[header.index("title")] == 'two\nlines, "quoted"'
    assert first[header.index("embedding")] == "[0.1,2,-3e-10]"
    assert first[header.index("seen")] == "2026-02-28 10:34:56.789012+00"
    assert second[header.index("bits")] == "00000"
    assert third[0] == "9007199254740993"


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2), min_size=1))
def test_any_text_survives_csv(rows: list[list[str]]) -> None:
    written = "".join(",".join(map(cell, row)) + "\r\n" for row in rows)
    assert list(csv.reader(StringIO(written, newline=""), strict=True)) == rows


def test_a_byte_order_mark_stands_before_csv_where_it_is_wanted(write: Write) -> None:
    assert write(format="csv", bom=True).path.read_bytes().startswith(b"\xef\xbb\xbfid,")
    assert write(format="csv").path.read_bytes().startswith(b"id,")


def test_no_spreadsheet_runs_a_cell(write: Write) -> None:
    exported = write("formulas.embedding", format="csv")
    header, *rows = as_csv(exported.path)
    assert header == ["id", "note", "number", "embedding"]
    notes = {row[0]: row[1] for row in rows}
    assert notes == {
        "1": '\'=HYPERLINK("http://x","y")',
        "2": "'+1-555",
        "3": "-3.5e2",
        "4": "'@SUM(1)",
        "5": "'\t=1",
        "6": "'\r=1",
        "7": "a=1",
        "8": "'-",
    }
    assert [row[2] for row in rows] == ["-1", "-2", "-3", "-4", "-5", "-6", "-7", "-8"]
    assert exported.neutralised == 6
    assert json.loads(exported.sidecar.read_text())["neutralised_cells"] == 6


@pytest.mark.parametrize("key", ["jsonl", "parquet"])
def test_formats_that_no_spreadsheet_opens_leave_text_alone(key: str, write: Write) -> None:
    exported = write("formulas.embedding", format=key)
    assert exported.neutralised == 0
    text = (
        str(pq.read_table(exported.path).to_pydict())
        if key == "parquet"
        else exported.path.read_text(encoding="utf-8")
    )
    assert "=HYPERLINK" in text


def test_parquet_has_the_types_of_the_table(write: Write) -> None:
    table = pq.read_table(write(format="parquet").path)
    types = {field.name: str(field.type) for field in table.schema}
    assert types == dict.fromkeys(types, "string") | {
        "id": "int64",
        "small": "int16",
        "share": "float",
        "ratio": "double",
        "price": "decimal128(10, 2)",
        "paid": "decimal128(8, 3)",
        "ok": "bool",
        "born": "date32[day]",
        "seen": "timestamp[us, tz=UTC]",
        "local": "timestamp[us]",
        "embedding": "fixed_size_list<element: float>[3]",
        "half": "fixed_size_list<element: float>[3]",
        "free": "list<element: float>",
    }


def test_parquet_holds_the_values_of_the_table_bit_for_bit(write: Write, goods: Database) -> None:
    rows = pq.read_table(write(format="parquet").path).to_pylist()
    # A real is read as a double here: its 32 bits, widened.
    plain = "id, small, share::float8 AS share, ratio, price, paid, ok, born, seen, local, title"
    cast = ("exact", "uid", "info", "raw", "words", "size", "data", "sparse", "bits")
    with goods.reading("test") as connection:
        connection.execute(text("SELECT set_config('timezone', 'UTC', true)"))
        wanted = connection.execute(
            text(f"SELECT {plain}, {', '.join(f'{name}::text' for name in cast)} FROM goods ORDER BY id")
        )
        sent = connection.execute(
            text(
                "SELECT vector_send(embedding), halfvec_send(half), vector_send(free) FROM goods ORDER BY id"
            )
        )
        expected = [row._asdict() for row in wanted]
        vectors = [[v and bytes(v) for v in row] for row in sent]
    for row, values, (embedding, half, free) in zip(rows, expected, vectors, strict=True):
        assert {name: _told(row[name]) for name in values} == {n: _told(v) for n, v in values.items()}
        assert bits(row["embedding"], ">f4") == embedding
        assert bits(row["half"], ">f2") == half
        assert bits(row["free"], ">f4") == free


def _told(value: object) -> object:
    """NaN equals itself so; and the same moment the same, whatever object stands for its zone."""
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else repr(value)


def bits(vector: list[float] | None, element: str) -> bytes | None:
    """A vector as pgvector sends it."""
    if vector is None:
        return None
    return len(vector).to_bytes(2, "big") + bytes(2) + np.array(vector, element).tobytes()


def test_many_row_groups_and_null_vectors_keep_their_places(write: Write, goods: Database) -> None:
    with goods.control("test") as connection:
        connection.execute(
            text("""
            CREATE TABLE wide AS SELECT i AS id, CASE WHEN i % 7 <> 0 THEN
              (SELECT array_agg(i + g) FROM generate_series(1, 1000) AS g)::vector(1000) END AS v
            FROM generate_series(1, 3000) AS i""")
        )
        connection.execute(text("ALTER TABLE wide ALTER v TYPE vector(1000), ADD PRIMARY KEY (id)"))
    exported = write("wide.v", format="parquet")
    file = pq.ParquetFile(exported.path)
    assert pa.types.is_fixed_size_list(file.schema_arrow.field("v").type)
    table = file.read()
    assert table["id"].to_pylist() == list(range(1, 3001))
    assert [n + 1 for n, valid in enumerate(table["v"].is_valid().to_pylist()) if not valid] == list(
        range(7, 3001, 7)
    )
    assert table["v"][2999].as_py() == [3000.0 + g for g in range(1, 1001)]


def test_what_a_typed_file_cannot_hold_is_refused_in_words(write: Write, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="such as infinity"):
        write("years.embedding", format="parquet")
    assert list(tmp_path.iterdir()) == []
    assert write("years.embedding", format="csv").rows == 1


def test_nan_in_a_decimal_is_refused_by_the_columns_name(write: Write, goods: Database) -> None:
    with goods.control("test") as connection:
        connection.execute(text("UPDATE goods SET price = 'NaN' WHERE id = 2"))
    with pytest.raises(RequestError, match="The column 'price' holds NaN"):
        write(format="parquet")


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(RequestError, match="'xlsx'"):
        format_named("xlsx")


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("date", "-infinity", "-infinity in the column 'at'"),
        ("timestamptz", "infinity", "infinity in the column 'at'"),
        ("timestamp", "294260-01-01", "294260-01-01 00:00:00 in the column 'at'"),
    ],
)
def test_a_time_no_typed_file_holds_is_named_with_its_column(
    write: Write, goods: Database, kind: str, value: str, told: str
) -> None:
    with goods.control("test") as connection:
        run(connection, f"CREATE TABLE late (id int PRIMARY KEY, born date, at {kind}, e vector(1))")
        run(connection, f"INSERT INTO late VALUES (1, '2020-01-01', '{value}', '[1]')")
    with pytest.raises(RequestError, match=told):
        write("late.e", format="parquet")


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
def test_a_year_beyond_the_calendar_of_python_is_exported(write: Write, goods: Database, kind: str) -> None:
    with goods.control("test") as connection:
        run(connection, f"CREATE TABLE late (id int PRIMARY KEY, at {kind}, e vector(1))")
        run(connection, "INSERT INTO late VALUES (1, '20000-01-01', '[1]')")
    assert write("late.e", format="parquet").rows == 1
