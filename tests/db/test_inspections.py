"""Inspections as they are kept, and what of them, of maps, of looks and of jobs is not."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from db import inspections, jobs, projections, retention, watches
from db.columns import VectorColumn
from db.engine import Database

COLUMN = VectorColumn("public", "things", "Em bed", "vector", 3, ("id",))
OTHER = VectorColumn("public", "things", "other", "vector", 3, ("id",))


def keep(database: Database, column: VectorColumn, kind: str, grade: str) -> int:
    with database.writing("tests") as connection, connection.begin():
        return inspections.store(
            connection,
            column,
            kind,
            params={"rows": 7},
            result={"summary": {"grade": grade}, "much": "more"},
            created_by="ada",
            job_id=None,
        )


def draw(database: Database, column: VectorColumn, method: str) -> int:
    placed = projections.Placed(("1",), np.zeros((1, 2), np.float32))
    with database.writing("tests") as connection, connection.begin():
        return projections.store_projection(
            connection, column, placed, method=method, params={}, quality={}, created_by="ada", job_id=None
        )


def test_the_newest_of_a_kind_and_column_is_read_back_whole(database: Database) -> None:
    numbers = [keep(database, COLUMN, "inspect", grade) for grade in "CB"]
    keep(database, COLUMN, "findability", "X")
    keep(database, OTHER, "inspect", "Y")
    with database.reading("tests") as connection:
        newest = inspections.latest(connection, COLUMN, "inspect")
    assert newest is not None
    assert (newest.id, newest.kind, newest.created_by, newest.job_id) == (numbers[1], "inspect", "ada", None)
    assert newest.result == {"summary": {"grade": "B"}, "much": "more"}
    assert newest.params == {"rows": 7}


def test_the_history_holds_the_last_summaries_oldest_first(database: Database) -> None:
    for grade in "EDCB":
        keep(database, COLUMN, "inspect", grade)
    with database.reading("tests") as connection:
        earlier = inspections.history(connection, COLUMN, "inspect", limit=3)
    assert [look.summary["grade"] for look in earlier] == ["D", "C", "B"]


def test_a_column_nobody_looked_at_has_none(database: Database) -> None:
    with database.reading("tests") as connection:
        assert inspections.latest(connection, OTHER, "inspect") is None
        assert inspections.history(connection, OTHER, "inspect") == ()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest two of everything are kept."""
    monkeypatch.setattr(retention, "KEPT", tuple(replace(kept, most=2) for kept in retention.KEPT))


def swept(database: Database) -> int:
    with database.writing("tests") as connection, connection.begin():
        gone = retention.drop_old(connection)
        assert retention.drop_old(connection) == 0
    return gone


@pytest.mark.usefixtures("brief")
def test_beyond_the_newest_looks_of_a_column_the_old_ones_go(database: Database) -> None:
    for grade in "DCB":
        keep(database, COLUMN, "inspect", grade)
    keep(database, COLUMN, "findability", "X")
    keep(database, OTHER, "inspect", "Y")
    assert swept(database) == 1
    with database.reading("tests") as connection:
        left = inspections.history(connection, COLUMN, "inspect")
        assert [look.summary["grade"] for look in left] == ["C", "B"]
        assert len(inspections.history(connection, COLUMN, "findability")) == 1


@pytest.mark.usefixtures("brief")
def test_beyond_the_newest_maps_of_a_column_and_method_the_old_ones_go(database: Database) -> None:
    drawn = [draw(database, COLUMN, "pca") for _ in range(3)]
    other = [draw(database, COLUMN, "tsne"), draw(database, OTHER, "pca")]
    assert swept(database) == 1
    with database.reading("tests") as connection:
        left = [[m.id for m in projections.list_projections(connection, c)] for c in (COLUMN, OTHER)]
        assert left == [[other[0], drawn[2], drawn[1]], [other[1]]]


@pytest.mark.usefixtures("brief")
def test_beyond_the_newest_looks_of_a_watch_the_old_ones_and_their_jobs_go(database: Database) -> None:
    queued = []
    with database.writing("tests") as connection, connection.begin():
        for column in (COLUMN, OTHER):
            number = watches.keep_watch(
                connection, column, p95_ms=10, recall=0.9, every_s=60, created_by="ada"
            )
            for rows in range(3):
                params = {"column": str(column), "no": rows}
                job_id, _ = jobs.submit(connection, "watch", params, created_by="ada", max_attempts=1)
                jobs.add_line(connection, job_id, "looked")
                watches.store_look(
                    connection,
                    number,
                    rows=rows,
                    figures={},
                    indexes=[],
                    breach=None,
                    resolves=False,
                    job_id=job_id,
                )
                queued.append(job_id)
        waits, *_, over, _, _ = queued
        connection.execute(
            text("UPDATE vectorscope.job SET state = 'succeeded' WHERE id <> :waits"), {"waits": waits}
        )
        people, _ = jobs.submit(connection, "inspect", {}, created_by="ada", max_attempts=1)
    assert swept(database) == 3  # the first look of both, and the job of one: the other's still waits
    with database.reading("tests") as connection:
        kept = connection.execute(text("SELECT rows FROM vectorscope.watch_look ORDER BY id")).scalars()
        assert list(kept) == [1, 2, 1, 2]
        left = {job.id for job in jobs.latest(connection)}
        assert left == {people, *queued} - {over}
        assert jobs.log_lines(connection, over) == []
        assert jobs.log_lines(connection, waits) != []
