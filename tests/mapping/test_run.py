"""The job that makes a map: stored once, told as it goes, stopped when asked."""

import threading

import pytest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from dashboard.mapping.draw import load_map
from dashboard.mapping.plan import MapPlan
from dashboard.mapping.run import make_map
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db import jobs
from db.catalog import find_column
from db.engine import Database
from db.errors import RequestError
from db.jobs import Job
from db.progress import Unrecorded
from db.projections import list_projections, load_projection
from tests.mapping.maps import draw

COLUMN = "public.points.embedding"
PLAN = MapPlan(COLUMN, "tsne", 150, 3, 10.0)


@pytest.fixture
def filled(database: Database) -> Database:
    populate(database, PopulateRequest(source="clusters", table="points", rows=400, dims=8), Unrecorded())
    return database


def job(database: Database, number: int) -> Job:
    with database.reading("tests") as connection:
        return jobs.get(connection, number)


def test_a_map_is_made_stored_and_shown_again(filled: Database) -> None:
    number = queue.submit(filled, LOCAL, "map", PLAN.to_params())
    assert Worker(filled, lease_s=10).run_one()
    done = job(filled, number)
    assert done.state == "succeeded"
    with filled.reading("tests") as connection:
        stored = load_projection(connection, (done.result or {})["map"])
        shown = load_map(connection, stored)
    assert (stored.subject, stored.job_id, stored.created_by) == (COLUMN, number, "local")
    assert (shown.stored_as, shown.plane, len(shown.keys)) == (stored.id, None, stored.rows)
    assert shown.drawn.of_rows == 400
    assert shown.quality.n == stored.rows
    assert MapPlan.from_params(stored.params["plan"]) == PLAN


def test_the_same_plan_makes_the_same_map(filled: Database) -> None:
    first, second = (make_map(filled, PLAN, Unrecorded(), created_by="local", job_id=None) for _ in range(2))
    with filled.reading("tests") as connection:
        one, two = (load_map(connection, load_projection(connection, n)) for n in (first, second))
    assert one.keys == two.keys
    assert (one.points == two.points).all()


def test_a_worker_that_died_after_storing_makes_no_second_map(filled: Database) -> None:
    ledger = Unrecorded()
    first = make_map(filled, PLAN, ledger, created_by="local", job_id=None)
    assert make_map(filled, PLAN, ledger, created_by="local", job_id=None) == first
    with filled.reading("tests") as connection:
        assert len(list_projections(connection, find_column(connection, COLUMN))) == 1


def test_a_cancelled_map_stops_and_leaves_nothing(filled: Database) -> None:
    plan = MapPlan(COLUMN, "tsne", 400, 1, 100.0)
    number = queue.submit(filled, LOCAL, "map", plan.to_params())
    threading.Timer(0.2, lambda: queue.cancel(filled, LOCAL, number)).start()
    assert Worker(filled, lease_s=10).run_one()
    assert job(filled, number).state == "cancelled"
    with filled.reading("tests") as connection:
        assert not list_projections(connection, find_column(connection, COLUMN))


def test_a_column_that_cannot_be_mapped_is_told(filled: Database) -> None:
    with filled.control("tests") as connection:
        connection.exec_driver_sql("TRUNCATE points")
    with pytest.raises(RequestError, match="at least 10 rows with a vector; there are 0"):
        make_map(filled, PLAN, Unrecorded(), created_by="local", job_id=None)


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another(filled: Database) -> None:
    with filled.reading("tests") as connection:
        column = find_column(connection, COLUMN)
        one, two, other = (
            draw(connection, column, MapPlan(COLUMN, "pca", 50, seed)).keys for seed in (1, 1, 2)
        )
    assert one == two
    assert one != other
