"""What is said of a file before any of it is written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.seeding.imports.validate import LISTED, validate
from db.engine import Database
from db.errors import RequestError
from tests.seeding.imports.conftest import Write, again, ask, asked, do, found, run


def csv_of(*rows: tuple[object, ...]) -> str:
    """Write rows as CSV, the names of the columns first."""
    output = io.StringIO()
    csv.writer(output).writerows(rows)
    return output.getvalue()


BAD_VECTORS = {
    "[1,2]": "expected 3 numbers, found 2",
    "[1,NaN,3]": "element 2",
    "[1,2,Infinity]": "element 3 is infinite",
    "[1,1e39,3]": "element 2",
    "[]": "mpty vector",
    "abc": 'must start with "["',
    "[1,2,3],": 'after the closing "]"',
    "[[1,2,3]]": "ested lists",
    "[1,null,3]": "element 2 is missing",
    "[\u22121,2,3]": "element 1",
    "{1:1,3:1}/3": "sparsevec",
}


def test_a_bad_vector_is_told_by_row_column_and_element(places: Database, write: Write) -> None:
    rows = [(i, "a", vector) for i, vector in enumerate(BAD_VECTORS)]
    good = [(i, "b", "[1,2,3]") for i in range(100, 120)]
    plan = validate(places, asked(write(csv_of(("id", "name", "embedding"), *rows, *good))))
    sentences = dict(zip(BAD_VECTORS, found(plan), strict=True))
    for row, (vector, said) in enumerate(BAD_VECTORS.items(), 1):
        assert sentences[vector].startswith(f'row {row}, "embedding": ')
        assert said in sentences[vector]
    assert plan.refusal
    assert "11 of 31 rows cannot be imported" in plan.refusal.message


BAD_VALUES = [
    ("id", "", 'is empty, and "id" takes no NULL'),
    ("id", "5000000000", "5000000000 is not a 32-bit integer"),
    ("id", "7", "key 7 in rows 1 and 4"),
    ("name", "", 'is empty, and "name" takes no NULL'),
    ("name", "a\0b", "a NUL byte"),
    ("small", "40000", "40000 is not a 16-bit integer"),
    ("ratio", "1e300", "1e+300 exceeds the range of a 4-byte float, 3.4e38"),
    ("code", "abcd", "value too long for type character varying(3)"),
    ("uid", "zebra", 'invalid input syntax for type uuid: "zebra"'),
    ("price", "1234567.8", "numeric field overflow"),
    ("tags", "{x,y", 'malformed array literal: "{x,y"'),
]


def test_a_value_the_table_would_refuse_is_told(places: Database, write: Write) -> None:
    names = ("id", "name", "small", "ratio", "code", "uid", "price", "tags")
    rows = [{"id": 7, "name": "good"}]
    rows += [
        {"id": 10 + n, "name": "bad"} | {column: value} for n, (column, value, _) in enumerate(BAD_VALUES)
    ]
    path = write(csv_of(names, *(tuple(row.get(name, "") for name in names) for row in rows)))
    plan = validate(places, asked(path))
    told = found(plan)
    assert len(told) == len(BAD_VALUES)
    for row, ((column, _, said), sentence) in enumerate(zip(BAD_VALUES, told, strict=True), 2):
        assert sentence.startswith(f'row {row}, "{column}": ')
        assert said in sentence
    assert plan.ok_rows == 1


@pytest.mark.parametrize("key", ["1180591620717411303424", "1.5"], ids=["2**70", "no whole number"])
def test_a_key_that_is_no_64_bit_integer_is_told(places: Database, write: Write, key: str) -> None:
    plan = validate(places, asked(write(f"id,name\n{key},a\n1,b\n")))
    (sentence,) = found(plan)
    assert sentence.startswith('row 1, "id": ')
    assert "64-bit integer" in sentence


def test_a_ragged_row_is_told_whole(places: Database, write: Write) -> None:
    (sentence,) = found(validate(places, asked(write("id,name\n1,a\n2\n"))))
    assert sentence == "row 2: has 1 fields, the header has 2"


@pytest.mark.parametrize(
    ("content", "more", "told"),
    [
        ("", {}, ("is empty", "")),
        ("id,name\n", {}, ("has no rows", "")),
        ("id,id\n1,2\n", {}, ('Column "id" appears twice', "")),
        ("id\n1\n", {}, ('Missing column "name"; found "id".', "--map")),
        ("number\n1\n", {}, ('Missing column "id"; found none that the table has', "--map")),
        ("id,name\n1,a\n", {"key": ("code",)}, ('Missing column "code"; found "id", "name".', "--map")),
        ("id,name\n1,a\n", {"columns": {"x": "name"}}, ('Missing column "x"; found "id", "name".', "has")),
        ("id,name\n1,a\n", {"columns": {"name": "x"}}, ('public.places has no column "x"', "--map")),
        ("id,name\n1,a\n", {"columns": {"id": "twice"}}, ('gives "twice" its values itself', "Leave out")),
        ("id,name,x\n1,a,b\n", {"columns": {"x": "name", "name": "name"}}, ('go into "name"', "--map")),
        ("id,name\n1,a\n", {"mode": "replace"}, ("There is no mode 'replace'.", "insert, update, skip")),
        ("id,name\n1,a\n", {"mode": "update", "key": ("name",)}, ("no unique index", 'Use "id"')),
        ("id,name\n1,a\n", {"table": "nosuch"}, ("There is no table public.nosuch.", "--create")),
        ("id,name\n1,a\n", {"create": True}, ("public.places exists already.", "--create")),
        ("id,name\n1,a\n", {"schema": "nosuch"}, ("There is no schema 'nosuch'.", "Create it")),
        ("id,name\n1,a\n", {"schema": "vectorscope"}, ("is not for data", "public")),
        ("id,name\n1,a\n", {"table": "x" * 64}, ("is not a name PostgreSQL keeps whole", "63 bytes")),
        ("id,name\n1,a\n", {"table": "seen"}, ("public.seen is not a table.", "views")),
        ("id,name\n1,a\n", {"text": ("name",)}, ('"embedding" takes 3 dimensions; the embedder', "--vector")),
        ("id,name\n1,a\n", {"text": ("title",)}, ('Missing column "title"', "")),
        (
            "id,name\n1,a\n",
            {"text": ("name",), "embedder": "nosuch"},
            ("no embedder 'nosuch'", "hashing-384"),
        ),
    ],
)
def test_what_cannot_be_imported_at_all_is_told_before_a_row_is_read(
    places: Database, write: Write, content: str, more: dict[str, Any], told: tuple[str, str]
) -> None:
    run(places, "CREATE VIEW seen AS SELECT id, name FROM places")
    request = asked(write(content), **{"table": "places", **more})
    sentence, remedy = told
    with pytest.raises(RequestError) as refused:
        validate(places, request)
    assert sentence in refused.value.message
    assert remedy in refused.value.remedy


def test_vectors_of_another_length_are_told_before_any_is_read(
    places: Database, vectors: Callable[..., str]
) -> None:
    run(places, "ALTER TABLE places ALTER name DROP NOT NULL, ALTER id ADD GENERATED BY DEFAULT AS IDENTITY")
    with pytest.raises(RequestError, match="5 numbers each; 3 are expected"):
        validate(places, asked(vectors(4, 5)))


def test_keys_that_exist_are_counted_and_named_and_the_ways_out(places: Database, write: Write) -> None:
    run(places, "INSERT INTO places SELECT i, 'there' FROM generate_series(1, 12) AS i")
    path = write("id,name\n" + "".join(f"{i},new\n" for i in range(1, 21)))
    plan = validate(places, asked(path))
    assert plan.refusal
    assert plan.refusal.message == "12 keys already exist in public.places: 1, 2, 3, 4, 5…."
    assert "update or skip" in plan.refusal.remedy
    outcomes = {mode: validate(places, asked(path, mode=mode)).outcome for mode in ("update", "skip")}
    assert outcomes["update"] == {"inserted": 8, "updated": 12, "skipped": 0, "left_out": 0}
    assert outcomes["skip"] == {"inserted": 8, "updated": 0, "skipped": 12, "left_out": 0}


def test_a_key_of_two_columns_is_looked_up_whole(database: Database, write: Write) -> None:
    run(database, "CREATE TABLE pairs (a uuid, b text, n int, PRIMARY KEY (a, b))")
    first, second = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
    run(database, f"INSERT INTO pairs VALUES ('{first}', 'x, \"y\"', 1)")
    path = write(f'a,b,n\n{first},"x, ""y""",2\n{first},z,3\n{second},z,4\n')
    plan = validate(database, asked(path, "pairs", mode="update"))
    assert plan.route.key == ("a", "b")
    assert plan.outcome == {"inserted": 2, "updated": 1, "skipped": 0, "left_out": 0}


def test_at_most_a_hundred_errors_are_listed_and_all_counted(places: Database, write: Write) -> None:
    path = write("id,name\n" + "x,a\n" * 250)
    plan = validate(places, asked(path))
    assert (len(plan.errors), plan.error_count, plan.rows) == (LISTED, 250, 250)
    assert plan.to_document()["error_count"] == 250


def test_the_reject_file_has_each_bad_row_with_its_reason_and_values(
    places: Database, write: Write, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    path = write('id,name,embedding\n1,=HYPERLINK("x"),"[1]"\n2,fine,"[1,2,3]"\n-3.5,-3,"[1,2,3]"\n')
    validate(places, asked(path, rejects=str(rejects)))
    with rejects.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["row", "column", "reason", "id", "name", "embedding"]
    assert [(row[0], row[1]) for row in rows] == [("1", "embedding"), ("3", "id")]
    assert "expected 3 numbers, found 1" in rows[0][2]
    assert rows[0][3:] == ["1", '\'=HYPERLINK("x")', "[1]"]
    assert rows[1][3:] == ["-3.5", "-3", "[1,2,3]"]


def test_the_reject_file_has_what_a_ragged_row_has_of_the_headers_fields(
    places: Database, write: Write, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    path = write("id,name,note\n1,=a\n2,b,c\n3,d,,f\n")
    validate(places, asked(path, rejects=str(rejects)))
    with rejects.open(newline="") as file:
        _, *rows = csv.reader(file)
    assert [(row[0], row[3:]) for row in rows] == [("1", ["1", "'=a", ""]), ("3", ["3", "d", ""])]


def test_a_file_without_errors_leaves_no_reject_file(places: Database, write: Write, tmp_path: Path) -> None:
    validate(places, asked(write("id,name\n1,a\n"), rejects=str(tmp_path / "rejects.csv")))
    assert not (tmp_path / "rejects.csv").exists()


def test_a_column_the_table_lacks_is_named_as_left_out(places: Database, write: Write) -> None:
    plan = validate(places, asked(write("id,name,colour\n1,a,red\n")))
    assert plan.route.left_out == ("colour",)
    assert plan.refusal is None


def test_na_and_null_in_text_are_text(places: Database, write: Write) -> None:
    assert validate(places, asked(write("id,name\n1,NA\n2,null\n"))).refusal is None


def test_rows_without_a_word_are_counted(database: Database, write: Write) -> None:
    path = write("title,plot\nAlien,ship\n,\n!!,--\n")
    plan = validate(database, asked(path, "films", create=True, text=("title", "plot")))
    assert (plan.silent.count, plan.refusal) == (2, None)
    assert plan.odd_rows == ("Rows 2, 3 have no word to embed, and so NULL vectors.",)


def test_zero_vectors_are_told_by_row(database: Database, write: Write) -> None:
    path = write('id,v\n1,"[0,1]"\n2,"[0]"\n3,"[0,0]"\n')
    plan = validate(database, asked(path, "points", create=True))
    assert plan.zeros.count == 1
    assert plan.to_document()["notes"] == [
        "Row 3 has zero length; cosine distance to it is undefined.",
    ]


def test_of_many_zero_vectors_the_first_are_named(database: Database, tmp_path: Path) -> None:
    np.save(path := tmp_path / "points.npy", np.zeros((7, 2), np.float32))
    (told,) = validate(database, asked(str(path), "points", create=True)).odd_rows
    assert told == "7 rows (1, 2, 3, 4, 5…) have zero length; cosine distance to them is undefined."


def test_a_column_of_another_embedder_is_not_mixed(database: Database, write: Write) -> None:
    run(database, "CREATE TABLE films (title text, embedding vector(384))")
    run(database, """COMMENT ON COLUMN films.embedding IS 'vectorscope: {"embedder": "other-384"}'""")
    with pytest.raises(RequestError, match="embedded by other-384, not by hashing-384"):
        validate(database, asked(write("title\nAlien\n"), "films", text=("title",)))


def test_validating_writes_nothing(places: Database, write: Write) -> None:
    validate(places, asked(write("id,name\n1,a\n")))
    validate(places, asked(write("id,name\n1,a\n"), "new", create=True))
    assert ask(places, "SELECT count(*) FROM places") == [(0,)]
    assert ask(places, "SELECT to_regclass('new') IS NULL") == [(True,)]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("ALTER TABLE places ADD COLUMN more int", "table"),
        ("ALTER TABLE places ALTER embedding TYPE vector(4)", "table"),
        ("DROP TABLE places; CREATE TABLE places (id int PRIMARY KEY, name text)", "table"),
        ("DROP TABLE places", "table"),
        ("", "file"),
    ],
    ids=["a column more", "another dimension", "made anew", "dropped", "file changed"],
)
def test_an_approved_plan_ends_with_what_it_was_made_for(
    places: Database, write: Write, change: str, what: str
) -> None:
    plan = validate(places, asked(write("id,name\n1,a\n")))
    if change:
        run(places, change)
    else:
        write("id,name\n1,b\n")
    with pytest.raises(RequestError, match=f"The {what} changed since") as told:
        validate(places, again(plan))
    assert told.value.remedy == "Validate it again."


def test_a_names_percent_signs_colons_and_quotes_are_only_characters(
    database: Database, write: Write
) -> None:
    table = '"We ""ird"."T %:x \U0001f600" ("a%b" int PRIMARY KEY, "c:d" uuid)'
    run(database, 'CREATE SCHEMA "We ""ird"; CREATE TABLE ' + table)
    plan = validate(
        database,
        asked(write("a%b,c:d\n1,zebra\n"), "T %:x \U0001f600", schema='We "ird'),
    )
    assert found(plan) == ['row 1, "c:d": invalid input syntax for type uuid: "zebra"']


def test_the_plan_tells_the_tables_rules_that_no_row_shows(places: Database, write: Write) -> None:
    run(places, "ALTER TABLE places ADD CHECK (small > 0), ADD CHECK (ratio > 0), ADD UNIQUE (code)")
    plan = validate(places, asked(write("id,name,small,code\n1,a,1,x\n")))
    assert plan.forewarnings == (
        "Rows that break CHECK ((small > 0)) will refuse the import.",
        "Rows that break UNIQUE (code) will refuse the import.",
    )
    assert plan.to_document()["notes"][-1] == plan.forewarnings[-1]


def test_the_plan_tells_that_the_file_is_in_the_table_already(
    database: Database, vectors: Callable[..., str]
) -> None:
    request = asked(vectors(5), "t")
    run(database, "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v vector(3))")
    assert validate(database, request).forewarnings == ()
    do(database, request)
    (told,) = validate(database, request).forewarnings
    assert re.fullmatch(
        r"This file was imported into public\.t before: 5 rows, \d{4}-\d\d-\d\d \d\d:\d\d UTC\. "
        r"As the file brings no key, its rows would be there twice\.",
        told,
    )
    run(database, "TRUNCATE t")
    assert validate(database, request).forewarnings == ()
