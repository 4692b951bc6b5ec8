"""What a login lacks is named by the statements that would let it, and those do let it."""

from collections.abc import Iterator

import pytest

from db.browse import PageRequest, browse
from db.catalog import vector_columns
from db.engine import Database
from db.errors import PermissionDenied
from db.grants import Grant, lacking, unreadable
from db.migrate import revisions, upgrade

READER = "grants Reader"

TABLES = """
CREATE SCHEMA "Odd shop";
CREATE TABLE "Odd shop"."T %:x" (id int, e vector(2));
CREATE TABLE public.open (id int, e halfvec(2));
CREATE TABLE public.plain (id int);
CREATE VIEW public.mine AS SELECT * FROM "Odd shop"."T %:x";
CREATE VIEW public.theirs WITH (security_invoker = on) AS SELECT * FROM public.mine;
CREATE VIEW public.direct WITH (security_invoker) AS SELECT * FROM "Odd shop"."T %:x";
DROP TABLE public.products;
"""


def run(database: Database, script: str) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql(script.replace("%", "%%"))


@pytest.fixture
def reader(database: Database) -> Iterator[Database]:
    """The database, read by a login that may read nothing yet."""
    run(database, TABLES)
    run(database, f'DROP ROLE IF EXISTS "{READER}"')
    run(database, f'CREATE ROLE "{READER}" LOGIN')
    url = database.url.render_as_string(hide_password=False)
    read_url = database.url.set(username=READER).render_as_string(hide_password=False)
    made = Database(url, read_url)
    yield made
    made.dispose()
    run(database, f'DROP OWNED BY "{READER}"')
    run(database, f'DROP ROLE "{READER}"')


def missing(reader: Database, schema: str, table: str) -> list[str]:
    with reader.reading("tests") as connection:
        return [line for grant in lacking(connection, schema, table) for line in grant.statements]


def test_every_table_with_vectors_that_may_not_be_read_is_named(reader: Database) -> None:
    run(reader, f'GRANT SELECT ON public.open, public.direct TO "{READER}"')
    with reader.reading("tests") as connection:
        assert unreadable(connection) == (
            Grant("Odd shop", "T %:x", READER, usage=True, select=True),
            Grant("public", "mine", READER, usage=False, select=True),
            Grant("public", "theirs", READER, usage=False, select=True),
        )


def test_the_statements_let_the_login_read(reader: Database) -> None:
    statements = missing(reader, "Odd shop", "T %:x")
    assert statements == [
        f'GRANT USAGE ON SCHEMA "Odd shop" TO "{READER}";',
        f'GRANT SELECT ON "Odd shop"."T %:x" TO "{READER}";',
    ]
    run(reader, " ".join(statements))
    assert missing(reader, "Odd shop", "T %:x") == []
    with reader.reading("tests") as connection:
        assert connection.exec_driver_sql('SELECT count(*) FROM "Odd shop"."T %%:x"').scalar_one() == 0


def test_beneath_a_view_only_what_is_read_with_the_readers_rights_is_lacking(reader: Database) -> None:
    run(reader, f'GRANT SELECT ON public.mine, public.theirs, public.direct TO "{READER}"')
    assert missing(reader, "public", "theirs") == []
    assert missing(reader, "public", "direct") == missing(reader, "Odd shop", "T %:x") != []


def test_a_table_that_is_not_there_lacks_nothing(reader: Database) -> None:
    assert missing(reader, "public", "nowhere") == []


def test_a_login_that_came_after_the_tables_is_let_in_by_migrating_again(reader: Database) -> None:
    with (
        pytest.raises(PermissionDenied, match="may not read Vectorscope's own tables") as refused,
        reader.reading("tests") as connection,
    ):
        connection.exec_driver_sql("SELECT count(*) FROM vectorscope.job")
    assert "python -m dashboard migrate" in refused.value.remedy
    assert all(revision.applied for revision in revisions(reader))
    upgrade(reader)
    with reader.reading("tests") as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM vectorscope.job").scalar_one() == 0


def test_whatever_the_catalog_would_list_is_left_out_while_it_may_not_be_read(reader: Database) -> None:
    run(
        reader,
        f"""
        DROP TABLE public.open;
        DROP TABLE "Odd shop"."T %:x" CASCADE;
        CREATE DOMAIN public.clip AS vector(3);
        CREATE DOMAIN public.clipped AS public.clip;
        CREATE TABLE public.said (id int PRIMARY KEY, e public.clipped);
        CREATE TABLE public.flags (id int PRIMARY KEY, b bit(8));
        CREATE TABLE public.old (id int PRIMARY KEY, b bit, v varbit);
        CREATE TABLE public.parts (id int PRIMARY KEY, e vector(2)) PARTITION BY RANGE (id);
        CREATE TABLE public.part PARTITION OF public.parts FOR VALUES FROM (0) TO (9);
        GRANT SELECT ON public.parts TO "{READER}";
        """,
    )
    with reader.reading("tests") as connection:
        assert [str(grant) for grant in unreadable(connection)] == ["public.flags", "public.said"]
        assert [str(each) for each in vector_columns(connection)] == ["public.parts.e"]
    with reader.writing("tests") as connection:
        listed = {str(each) for each in vector_columns(connection)}
    assert listed == {"public.said.e", "public.flags.b", "public.parts.e", "public.part.e"}


def test_a_granted_column_is_left_out_where_its_rows_cannot_be_told_apart(reader: Database) -> None:
    run(
        reader,
        f"""
        DROP TABLE public.open;
        DROP TABLE "Odd shop"."T %:x" CASCADE;
        CREATE TABLE public.keyless (name text, e vector(2));
        CREATE TABLE public.masked (id int PRIMARY KEY, name text, e vector(2));
        CREATE TABLE public.keyed (id int PRIMARY KEY, name text, e vector(2));
        CREATE VIEW public.seen AS SELECT * FROM public.keyed;
        GRANT SELECT (name, e) ON public.keyless, public.masked, public.seen TO "{READER}";
        GRANT SELECT (id, e) ON public.keyed TO "{READER}";
        """,
    )
    with reader.reading("tests") as connection:
        assert [str(each) for each in vector_columns(connection)] == ["public.keyed.e"]
        left_out = unreadable(connection)
    assert [str(grant) for grant in left_out] == ["public.keyless", "public.masked", "public.seen"]
    run(reader, " ".join(line for grant in left_out for line in grant.statements))
    with reader.reading("tests") as connection:
        assert unreadable(connection) == ()
        for column in vector_columns(connection):
            browse(connection, PageRequest(column, rows=5))
