"""What an import asks of a table, on tables of every kind; written as somebody else made them."""

from __future__ import annotations

import pytest

from db.engine import Database
from db.imports import existing_keys, hold_shape, imported_before, invalid_texts, note_embedding, rules_of
from db.notes import read_note
from db.targets import Target, find_target, holds_rows, writable_tables

TABLES = """
CREATE TYPE "mood %" AS ENUM ('glad', 'sad');
CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
CREATE TABLE plain (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(5) NOT NULL, mood "mood %", two even,
  doubled int GENERATED ALWAYS AS (1 + 1) STORED, note text DEFAULT '', v vector(3), h halfvec(2),
  s sparsevec(9), b bit(8), u vector, flag bit(1), UNIQUE (name, two)
);
CREATE UNIQUE INDEX partly ON plain (note) WHERE note <> '';
CREATE UNIQUE INDEX computed ON plain (lower(name));
CREATE TABLE keyless (a text);
CREATE SCHEMA "We ""ird";
CREATE TABLE "We ""ird"."T %:x" ("k%" text, "k:2" uuid, PRIMARY KEY ("k%", "k:2"));
INSERT INTO "We ""ird"."T %:x" VALUES ('a "b" \\\\ {c,d}', '00000000-0000-0000-0000-00000000000a');
CREATE TABLE parted (r text, n int, PRIMARY KEY (r, n)) PARTITION BY LIST (r);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
CREATE VIEW seen AS SELECT id FROM plain;
"""


@pytest.fixture
def tables(database: Database) -> Database:
    with database.control("tests") as connection:
        connection.exec_driver_sql(TABLES.replace("\\\\", "\\").replace("%", "%%"))
    return database


def target(database: Database, name: str, schema: str = "public") -> Target:
    with database.reading("tests") as connection:
        found = find_target(connection, schema, name)
    assert found is not None
    return found


def test_a_table_says_what_it_needs_and_what_it_makes_itself(tables: Database) -> None:
    plain = target(tables, "plain")
    assert [c.name for c in plain.columns if c.is_required] == ["name"]
    assert [c.name for c in plain.columns if c.is_computed] == ["id", "doubled"]
    assert [(c.name, c.dimensions) for c in plain.columns if c.is_vector] == [
        ("v", 3),
        ("h", 2),
        ("s", 9),
        ("b", 8),
        ("u", None),
    ]
    assert plain.keys == (("id",), ("name", "two"))  # not those of some rows, or of what is computed
    assert (plain.kind, target(tables, "parted").kind, target(tables, "seen").kind) == ("r", "p", "v")


def test_what_is_not_there_is_none(tables: Database) -> None:
    with tables.reading("tests") as connection:
        assert find_target(connection, "public", "nosuch") is None
        assert find_target(connection, "public", "plain_pkey") is None


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE plain ADD COLUMN more int",
        "ALTER TABLE plain ALTER v TYPE vector(4)",
        "ALTER TABLE plain ALTER name DROP NOT NULL",
        "ALTER TABLE plain DROP CONSTRAINT plain_name_two_key",
        "ALTER TABLE plain ALTER note DROP DEFAULT",
    ],
)
def test_the_fingerprint_changes_with_the_table(tables: Database, change: str) -> None:
    before = target(tables, "plain").fingerprint
    assert before == target(tables, "plain").fingerprint
    with tables.control("tests") as connection:
        connection.exec_driver_sql(change)
    assert target(tables, "plain").fingerprint != before


def test_the_fingerprint_stays_when_only_rows_or_comments_change(tables: Database) -> None:
    before = target(tables, "plain").fingerprint
    with tables.control("tests") as connection:
        connection.exec_driver_sql("INSERT INTO plain (name) VALUES ('x'); COMMENT ON COLUMN plain.v IS 'x'")
    assert target(tables, "plain").fingerprint == before


def test_keys_are_looked_up_as_the_tables_types(tables: Database) -> None:
    odd = target(tables, "T %:x", 'We "ird')
    uuid = "{00000000-0000-0000-0000-00000000000A}"  # another spelling of the one that is there
    with tables.reading("tests") as connection:
        asked = [['a "b" \\ {c,d}', 'a "b" \\ {c,d}', "z"], [uuid, uuid.replace("A", "B"), uuid]]
        assert existing_keys(connection, odd, ("k%", "k:2"), asked) == [0]
        assert holds_rows(connection, odd)
        assert not holds_rows(connection, target(tables, "keyless"))


@pytest.mark.parametrize(
    ("type_name", "texts", "wrong"),
    [
        ("integer", ["1", "x", "99999999999"], {1: "invalid input syntax", 2: "out of range"}),
        ("character varying(5)", ["short", "too long"], {1: "too long"}),
        ('"mood %"', ["glad", "mad"], {1: 'for enum "mood %"'}),
        ("even", ["2", "3"], {1: "violates check constraint"}),
        ("uuid[]", ["{}", '{"x"}'], {1: "type uuid"}),
        ("timestamp without time zone", ["2026-01-02", "2026-02-30"], {1: "out of range"}),
    ],
)
def test_postgresql_itself_says_which_texts_it_would_refuse(
    tables: Database, type_name: str, texts: list[str], wrong: dict[int, str]
) -> None:
    with tables.reading("tests") as connection:
        found = invalid_texts(connection, type_name, texts)
    assert set(found) == set(wrong)
    assert all(wrong[place] in why for place, why in found.items())


def test_tables_that_take_rows_are_listed_without_partitions_views_and_our_own(tables: Database) -> None:
    with tables.reading("tests") as connection:
        listed = writable_tables(connection)
    assert {"plain", "keyless", "parted"} <= {name for schema, name in listed if schema == "public"}
    assert ('We "ird', "T %:x") in listed
    assert not {"seen", "parted_a"} & {name for _, name in listed}
    assert "vectorscope" not in {schema for schema, _ in listed}


def test_a_table_is_held_against_alteration_but_not_against_readers(tables: Database) -> None:
    with tables.writing("tests") as connection, connection.begin():
        hold_shape(connection, 'We "ird', "T %:x")
        assert holds_rows(connection, target(tables, "T %:x", 'We "ird'))


def test_an_embedding_is_noted_where_nobody_wrote_anything_else(tables: Database) -> None:
    facts = {"embedder": "hashing-384", "text": ["name"]}
    with tables.writing("tests") as connection:
        for _ in range(2):
            with connection.begin():
                note_embedding(connection, target(tables, "plain"), "v", facts)
    column = target(tables, "plain").column("v")
    assert column is not None
    assert read_note(column.comment) == facts


def test_the_rules_of_a_table_are_told_with_their_columns(tables: Database) -> None:
    with tables.control("tests") as connection:
        connection.exec_driver_sql(
            'ALTER TABLE keyless ADD "p%%" numeric CHECK ("p%%" > 0), ADD r bigint REFERENCES plain'
        )
    with tables.reading("tests") as connection:
        found = {rule.text: rule.columns for rule in rules_of(connection, target(tables, "keyless"))}
    assert found == {
        'CHECK (("p%" > (0)::numeric))': {"p%"},
        "FOREIGN KEY (r) REFERENCES plain(id)": {"r"},
    }


def test_where_nobody_wrote_imports_down_none_is_known(tables: Database) -> None:
    with tables.control("tests") as connection:
        connection.exec_driver_sql("DROP TABLE vectorscope.audit_log")
        assert imported_before(connection, "public.plain", "0" * 64) is None
