"""Indexes that somebody named, dropped and rebuilt; what may not be, and what breaking off leaves."""

import pytest

from dashboard.identity import LOCAL
from dashboard.indexing import reconcile
from dashboard.indexing.request import ChangeRequest
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from db import index_builds
from db.catalog import find_column
from db.engine import Database
from db.errors import RequestError
from tests.indexing.conftest import (
    COLUMN,
    CarryOut,
    log_of,
    old_snapshot,
    old_transaction,
    record_of,
    vector_indexes,
)

MADE = "CREATE INDEX mine ON items USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 8)"


@pytest.fixture
def mine(items: Database) -> Database:
    """The table with an index that we have not made."""
    with items.control("test") as connection:
        connection.exec_driver_sql(MADE)
    return items


def change(name: str = "mine", **more: object) -> dict[str, object]:
    return ChangeRequest("public", name, name, **more).to_params()  # type: ignore[arg-type]


def test_an_index_is_dropped_once_its_name_is_typed(mine: Database, carry_out: CarryOut) -> None:
    with pytest.raises(RequestError, match="is not the name"):
        ChangeRequest("public", "mine", "min")
    job = carry_out("drop_index", change())
    assert job.state == "succeeded", job.error
    assert not vector_indexes(mine)
    assert (record_of(mine, job).action, record_of(mine, job).state) == ("drop", "succeeded")


def test_an_index_is_rebuilt_in_place_and_the_record_keeps_what_with(
    mine: Database, carry_out: CarryOut
) -> None:
    with mine.control("test") as connection:
        connection.exec_driver_sql("ALTER INDEX mine SET (m = 6, ef_construction = 12)")
    job = carry_out("reindex", change())
    assert job.state == "succeeded", job.error
    assert vector_indexes(mine) == {"mine": True}
    record = record_of(mine, job)
    assert record.spec["options"] == {"m": 6, "ef_construction": 12}
    assert record.build_s
    assert record.size_bytes
    with mine.reading("test") as connection:
        assert [b.id for b in index_builds.finished_builds(connection)] == [record.id]


@pytest.mark.parametrize("kind", ["drop_index", "reindex"])
@pytest.mark.parametrize(
    ("name", "told"), [("items_pkey", "backs the constraint"), ("miner", "There is no index")]
)
def test_what_may_not_be_changed_is_refused(
    mine: Database, carry_out: CarryOut, kind: str, name: str, told: str
) -> None:
    job = carry_out(kind, change(name))
    assert job.state == "failed"
    assert told in (job.error or "")
    assert vector_indexes(mine) == {"mine": True}


def test_an_ordinary_index_is_none_of_ours(mine: Database, carry_out: CarryOut) -> None:
    with mine.control("test") as connection:
        connection.exec_driver_sql("CREATE INDEX plain ON items (category)")
    assert "a btree index" in (carry_out("drop_index", change("plain")).error or "")


def test_a_drop_that_ran_out_of_patience_is_finished_by_the_janitor(
    mine: Database, carry_out: CarryOut
) -> None:
    with old_transaction(mine, "DELETE FROM items WHERE id = 1"):
        job = carry_out("drop_index", change(patience_s=1))
        assert job.state == "failed"
        assert "INVALID" in log_of(mine, job)
        assert vector_indexes(mine) == {"mine": False}
    reconcile.sweep(mine)
    assert not vector_indexes(mine)


def test_a_rebuild_that_ran_out_of_patience_leaves_the_old_index_alone(
    mine: Database, carry_out: CarryOut
) -> None:
    with old_snapshot(mine):
        job = carry_out("reindex", change(patience_s=1))
    assert job.state == "failed"
    assert vector_indexes(mine) == {"mine": True}
    queue.retry(mine, LOCAL, job.id)
    assert Worker(mine, lease_s=10).run_one(only=job.id)
    assert vector_indexes(mine) == {"mine": True}
    assert record_of(mine, job).state == "succeeded"


def test_a_rebuild_repairs_an_invalid_index_of_somebody_elses_and_never_drops_it(
    items: Database, carry_out: CarryOut
) -> None:
    with old_snapshot(items), items.control("test") as connection:
        connection.exec_driver_sql("SET lock_timeout = '500ms'")
        with pytest.raises(Exception, match="lock timeout"):
            connection.exec_driver_sql(MADE.replace("INDEX", "INDEX CONCURRENTLY"))
        connection.exec_driver_sql("RESET lock_timeout")
        job = carry_out("reindex", change(patience_s=1))
        assert job.state == "failed"
        assert vector_indexes(items) == {"mine": False}
    queue.retry(items, LOCAL, job.id)
    assert Worker(items, lease_s=10).run_one(only=job.id)
    assert vector_indexes(items) == {"mine": True}
    with items.reading("test") as connection:
        assert find_column(connection, COLUMN).indexes[0].valid
