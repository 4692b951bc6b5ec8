"""Loads: whole or absent, resumed without a row lost or doubled, and careful with what is there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, text

from dashboard.seeding.load import Loaded, populate, sweep_staging
from dashboard.seeding.request import PopulateRequest, demo_request
from dashboard.seeding.sources import SOURCES
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, DatabaseError, LeaseLost, RequestError
from db.progress import Progress, Unrecorded

CONTENT = "SELECT count(*), count(DISTINCT id), md5(string_agg(t::text, '' ORDER BY id)) FROM {} t"


def items(**more: Any) -> PopulateRequest:
    """A load of eight blocks, in three chunks."""
    usual: dict[str, Any] = {"source": "clusters", "table": "items", "rows": 950, "dims": 8, "seed": 7}
    return PopulateRequest(**usual | more)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.seeding.source.block_rows", lambda _dims: 128)
    monkeypatch.setattr("dashboard.seeding.load.CHUNK_BLOCKS", 3)


@dataclass(slots=True)
class Watched(Unrecorded):
    """A ledger on which something happens at each save, before it is remembered."""

    at_save: Callable[[int, Progress], None] = lambda _count, _progress: None
    saves: int = 0

    def save(self, connection: Connection, progress: Progress, checkpoint: dict[str, Any]) -> None:
        self.saves += 1
        self.at_save(self.saves, progress)
        Unrecorded.save(self, connection, progress, checkpoint)


def failing(save: int, error: BaseException) -> Watched:
    """A ledger that raises ``error`` at one save; the first is that of the empty staging table."""

    def at_save(count: int, _progress: Progress) -> None:
        if count == save:
            raise error

    return Watched(at_save=at_save)


def content(database: Database, table: str = "items") -> tuple[Any, ...]:
    with database.reading("tests") as connection:
        return tuple(connection.execute(text(CONTENT.format(table))).one())


def ask(database: Database, question: str, **values: Any) -> Any:
    with database.reading("tests") as connection:
        return connection.scalar(text(question), values)


def run(database: Database, statement: str) -> None:
    with database.control("tests") as connection:
        connection.execute(text(statement))


def staged(database: Database) -> int:
    found = ask(
        database,
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'vectorscope' AND tablename LIKE '%load%'",
    )
    return int(found)


@pytest.fixture
def whole(database: Database) -> tuple[Any, ...]:
    """The content of an undisturbed load of the same recipe, under another name."""
    populate(database, items(table="undisturbed"), Unrecorded())
    return content(database, "undisturbed")


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_loads_into_a_table_of_its_own(database: Database, source: Any) -> None:
    loaded = populate(
        database, PopulateRequest(source=source.key, table=source.table, rows=120), Unrecorded()
    )
    assert (loaded.rows, loaded.already) == (120, False)
    assert content(database, source.table)[:2] == (120, 120)
    assert ask(database, "SELECT reltuples FROM pg_class WHERE oid = to_regclass(:t)", t=source.table) == 120
    assert (
        ask(
            database,
            "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(:t) AND contype = 'p'",
            t=source.table,
        )
        == f"{source.table}_pkey"
    )
    assert staged(database) == 0


def test_the_same_request_twice_is_done_already(database: Database) -> None:
    populate(database, items(), Unrecorded())
    oid = ask(database, "SELECT 'items'::regclass::oid")
    loaded = populate(database, items(), Unrecorded())
    assert (loaded.rows, loaded.already) == (0, True)
    assert ask(database, "SELECT 'items'::regclass::oid") == oid


def test_an_empty_table_is_filled_and_keeps_its_indexes(database: Database) -> None:
    run(database, "CREATE TABLE items (embedding vector(8), id bigint PRIMARY KEY, cluster bigint)")
    run(database, "CREATE INDEX mine ON items (cluster)")
    oid = ask(database, "SELECT 'items'::regclass::oid")
    populate(database, items(), Unrecorded())
    assert content(database)[:2] == (950, 950)
    assert ask(database, "SELECT indrelid FROM pg_index WHERE indexrelid = 'mine'::regclass") == oid
    assert staged(database) == 0


@pytest.mark.parametrize("save", range(1, 6), ids=lambda n: f"save {n}")
@pytest.mark.parametrize(
    "error", [LeaseLost("gone"), Cancelled("stop"), RuntimeError("bug"), SystemExit()], ids=repr
)
def test_a_load_cut_off_anywhere_ends_with_every_row_once(
    database: Database, whole: tuple[Any, ...], save: int, error: BaseException
) -> None:
    ledger = failing(save, error)
    with pytest.raises(type(error)):
        populate(database, items(), ledger, job_id=5)
    assert ask(database, "SELECT to_regclass('items')") is None

    loaded = populate(database, items(), ledger, job_id=5)
    assert loaded.rows == 950
    assert content(database) == whole
    assert staged(database) == 0


@pytest.mark.parametrize(
    ("error", "kept"),
    [(LeaseLost("gone"), 768), (SystemExit(), 768), (Cancelled("stop"), None), (RuntimeError("bug"), None)],
    ids=repr,
)
def test_only_another_worker_finds_the_rows_of_a_load_cut_off(
    database: Database, error: BaseException, kept: int | None
) -> None:
    ledger = failing(4, error)
    with pytest.raises(type(error)):
        populate(database, items(), ledger, job_id=5)
    assert staged(database) == (1 if kept else 0)

    populate(database, items(), ledger, job_id=5)
    assert ledger.lines == ([f"Goes on after row {kept}."] if kept else [])


def test_a_load_taken_over_by_another_worker_is_left_to_it(database: Database) -> None:
    def at_save(count: int, _progress: Progress) -> None:
        if count == 3:
            raise RuntimeError("bug")
        if count == 4:
            raise LeaseLost("gone")

    with pytest.raises(RuntimeError):
        populate(database, items(), Watched(at_save=at_save), job_id=5)
    assert staged(database) == 1


def test_a_load_that_was_published_is_not_published_again(database: Database) -> None:
    ledger = Unrecorded()
    loaded = populate(database, items(replace=True), ledger)
    oid = ask(database, "SELECT 'items'::regclass::oid")
    assert populate(database, items(replace=True), ledger) == loaded
    assert isinstance(loaded, Loaded)
    assert ask(database, "SELECT 'items'::regclass::oid") == oid


def test_readers_see_the_old_rows_until_they_see_the_new(database: Database) -> None:
    populate(database, items(rows=10), Unrecorded())
    seen: list[int] = []

    def at_save(_count: int, progress: Progress) -> None:
        if progress.phase == "loading":
            seen.append(ask(database, "SELECT count(*) FROM items"))

    populate(database, items(replace=True), Watched(at_save=at_save))
    assert seen == [10, 10, 10, 10]
    assert content(database)[0] == 950


def test_progress_is_told_in_rows(database: Database) -> None:
    told: list[tuple[int, int, str]] = []
    ledger = Watched(at_save=lambda _count, p: told.append((p.done, p.total, p.phase)))
    populate(database, items(), ledger)
    assert [done for done, _, phase in told if phase == "loading"] == [0, 384, 768, 950]
    assert told[-1] == (950, 950, "publishing")


def test_a_replaced_table_may_get_other_columns(database: Database) -> None:
    populate(database, items(), Unrecorded())
    populate(database, items(source="nasty", replace=True), Unrecorded())
    assert ask(database, "SELECT count(*) FROM items WHERE kind = 'huge'") > 0


def test_a_table_that_others_use_is_not_replaced(database: Database) -> None:
    populate(database, items(), Unrecorded())
    run(database, "CREATE VIEW used AS SELECT id FROM items")
    with pytest.raises(DatabaseError, match="other objects depend on it"):
        populate(database, items(rows=10, replace=True), Unrecorded())
    assert content(database)[0] == 950
    assert staged(database) == 0


def test_a_table_that_appears_during_the_load_is_left_alone(database: Database) -> None:
    def at_save(count: int, _progress: Progress) -> None:
        if count == 4:
            run(database, "CREATE TABLE items AS SELECT 1 AS theirs")

    with pytest.raises(RequestError, match="exists with other columns"):
        populate(database, items(), Watched(at_save=at_save))
    assert ask(database, "SELECT theirs FROM items") == 1
    assert staged(database) == 0


def test_a_lost_connection_leaves_the_load_for_the_next_attempt(database: Database) -> None:
    def at_save(count: int, _progress: Progress) -> None:
        if count == 3:
            run(
                database,
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'vectorscope:populate'",
            )

    ledger = Watched(at_save=at_save)
    with pytest.raises(ConnectionFailed):
        populate(database, items(), ledger)
    assert staged(database) == 1
    assert populate(database, items(), Unrecorded(ledger.checkpoint)).rows == 950
    assert staged(database) == 0


@pytest.mark.parametrize("name", ["job", "We \"ird% :x 'é", "n" * 63, "load_0"])
def test_any_name_a_table_can_have_will_do(database: Database, name: str) -> None:
    run(database, 'CREATE SCHEMA "O d%d"')
    for schema in ("public", "O d%d"):
        assert populate(database, items(schema=schema, table=name), Unrecorded()).rows == 950
        assert populate(database, items(schema=schema, table=name), Unrecorded()).already


def test_the_sweep_drops_the_loads_of_jobs_that_are_over(database: Database) -> None:
    for job in (5, 6):
        with pytest.raises(LeaseLost):
            populate(database, items(), failing(2, LeaseLost("gone")), job_id=job)
    with database.writing("tests") as connection, connection.begin():
        sweep_staging(connection, {6})
    assert staged(database) == 1
    assert ask(database, "SELECT to_regclass('vectorscope.load_6') IS NOT NULL")
    assert ask(database, "SELECT to_regclass('vectorscope.job_log') IS NOT NULL")


def test_the_demo_fills_the_table_it_is_for(database: Database) -> None:
    populate(database, demo_request(), Unrecorded())
    assert content(database, "products")[:2] == (10_000, 10_000)
