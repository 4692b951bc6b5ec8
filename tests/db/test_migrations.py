"""The revisions make what db/schema.py says, both ways, and never an index on vectors."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from dashboard.seeding.request import demo_request
from dashboard.seeding.sources import open_rows
from db.engine import Database
from db.errors import ExtensionMissing
from db.migrate import downgrade, is_current, revisions, upgrade
from db.schema import SCHEMA, metadata
from db.staging import describe

VECTOR_INDEXES = text("""
SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname IN ('hnsw', 'ivfflat')
""")


def test_a_fresh_database_has_no_revision(empty_database: Database) -> None:
    assert [r.applied for r in revisions(empty_database)] == [False] * len(revisions(empty_database))
    assert not is_current(empty_database)


def test_up_makes_the_tables_of_the_schema_and_down_takes_them_back(empty_database: Database) -> None:
    upgrade(empty_database)
    assert is_current(empty_database)
    with empty_database.reading("test") as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": SCHEMA,
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
            },
        )
        assert compare_metadata(context, metadata) == []
        assert connection.execute(VECTOR_INDEXES).scalar_one() == 0

    downgrade(empty_database)
    assert not any(r.applied for r in revisions(empty_database))
    upgrade(empty_database)
    assert is_current(empty_database)


def test_each_revision_goes_down_and_up_again(database: Database) -> None:
    for revision in reversed(revisions(database)):
        downgrade(database, "-1")
        assert not next(r for r in revisions(database) if r.id == revision.id).applied
    upgrade(database)
    assert is_current(database)


def test_migrating_twice_changes_nothing(database: Database) -> None:
    upgrade(database)
    assert is_current(database)


def test_a_server_without_pgvector_is_named(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The embedded server always has pgvector; asking for a name it lacks takes the same path.
    monkeypatch.setattr(
        "db.migrate._EXTENSION",
        text("SELECT false AS created, false AS installed, true AS may_create, 'x' AS database"),
    )
    with pytest.raises(ExtensionMissing, match="no pgvector"):
        upgrade(empty_database)
    assert not any(r.applied for r in revisions(empty_database))


def test_the_demo_has_a_table_with_the_columns_of_its_rows(database: Database) -> None:
    with database.reading("test") as connection:
        found = describe(connection, "public", "products")
    assert found is not None
    rows = open_rows(demo_request())
    assert found.columns == tuple((field.name, field.kind.name) for field in rows.fields)
    assert found.empty


def test_a_table_of_the_demos_name_that_is_somebody_elses_is_left_alone(empty_database: Database) -> None:
    with empty_database.control("test") as connection:
        connection.execute(text("CREATE TABLE public.products (theirs int)"))
        connection.execute(text("INSERT INTO public.products VALUES (42)"))
    upgrade(empty_database)
    downgrade(empty_database)
    with empty_database.reading("test") as connection:
        assert connection.execute(text("SELECT theirs FROM public.products")).scalar_one() == 42


def test_a_login_that_only_reads_may_see_jobs_and_results(
    empty_database: Database, maintenance: Connection
) -> None:
    maintenance.execute(text('CREATE ROLE "only reads" LOGIN'))
    url = empty_database.url
    reading = url.set(username="only reads").render_as_string(hide_password=False)
    database = Database(url.render_as_string(hide_password=False), reading)
    try:
        upgrade(database)
        assert all(revision.applied for revision in revisions(database))
        with database.reading("tests") as connection:
            assert connection.execute(text("SELECT current_user")).scalar() == "only reads"
            assert connection.execute(text("SELECT count(*) FROM vectorscope.job")).scalar() == 0
    finally:
        database.dispose()
        with empty_database.control("tests") as connection:
            connection.execute(text('DROP OWNED BY "only reads"'))
        maintenance.execute(text('DROP ROLE "only reads"'))
