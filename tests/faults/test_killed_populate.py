"""Workers die in the middle of a load, and every row is there exactly once."""

import json
import signal
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from dashboard.seeding.request import PopulateRequest
from db.engine import Database
from db.jobs import Job
from tests.faults.conftest import LEASE_S, Farm

ROWS = 3_000_000
REQUEST = PopulateRequest(source="clusters", table="items", rows=ROWS, dims=8, seed=7)

COUNTS = text("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM public.items")
SAME = text("""
SELECT count(*) FROM public.items a JOIN public.again b USING (id) WHERE a.embedding = b.embedding
""")
LEFT_BEHIND = text("""
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'vectorscope' AND c.relname LIKE 'load\\_%'
""")


END_THE_LOAD = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE :tagged"
)


def assert_each_row_once(database: Database) -> None:
    with database.reading("test") as connection:
        assert tuple(connection.execute(COUNTS).one()) == (ROWS, ROWS, 1, ROWS)
        assert connection.execute(LEFT_BEHIND).scalar_one() == 0


def past(rows: int) -> Callable[[Job], bool]:
    return lambda job: job.done > rows


def test_a_load_goes_on_after_each_kill_with_each_row_once(farm: Farm) -> None:
    job_id = farm.submit("populate", REQUEST.to_params())
    reached = 0
    for _ in range(3):
        worker = farm.start_worker()
        reached = farm.wait(job_id, past(reached)).done
        worker.kill()
        worker.wait()
    assert 0 < reached < ROWS
    farm.start_worker()
    job = farm.finished(job_id)
    assert (job.state, job.epoch) == ("succeeded", 4)
    assert_each_row_once(farm.database)


def test_the_rows_are_those_of_a_load_that_was_never_killed(farm: Farm) -> None:
    killed = farm.submit("populate", REQUEST.to_params())
    worker = farm.start_worker()
    farm.wait(killed, lambda job: job.done > 0)
    worker.kill()
    worker.wait()
    again = PopulateRequest(source="clusters", table="again", rows=ROWS, dims=8, seed=7)
    unharmed = farm.submit("populate", again.to_params())
    farm.start_worker()
    assert farm.finished(killed).state == farm.finished(unharmed).state == "succeeded"
    with farm.database.reading("test") as connection:
        assert connection.execute(SAME).scalar_one() == ROWS


def test_a_frozen_worker_loses_its_job_and_can_write_no_more(farm: Farm) -> None:
    job_id = farm.submit("populate", REQUEST.to_params())
    frozen = farm.start_worker()
    farm.wait(job_id, lambda job: job.done > 0)
    frozen.send_signal(signal.SIGSTOP)
    farm.start_worker()
    farm.wait(job_id, lambda job: job.epoch == 2, limit_s=LEASE_S + 10)
    frozen.send_signal(signal.SIGCONT)
    job = farm.finished(job_id)
    assert (job.state, job.epoch) == ("succeeded", 2)  # the thawed one did not take it back
    assert_each_row_once(farm.database)


def test_a_worker_told_to_stop_puts_its_job_back(farm: Farm) -> None:
    job_id = farm.submit("populate", REQUEST.to_params())
    worker = farm.start_worker()
    farm.wait(job_id, lambda job: job.done > 0)
    worker.terminate()
    assert worker.wait(10) == 0
    job = farm.job(job_id)
    assert (job.state, job.attempt) == ("queued", 0)
    farm.start_worker()
    assert farm.finished(job_id).state == "succeeded"
    assert_each_row_once(farm.database)


def test_a_load_goes_on_after_the_server_ended_its_session(farm: Farm) -> None:
    job_id = farm.submit("populate", REQUEST.to_params())
    farm.start_worker()
    farm.wait(job_id, past(0))
    with farm.database.control("test") as connection:
        connection.execute(END_THE_LOAD, {"tagged": f"%#{job_id}.%"})
    job = farm.finished(job_id)
    assert (job.state, job.epoch) == ("succeeded", 3)  # claimed, put back, claimed again
    assert_each_row_once(farm.database)


def test_a_cancelled_load_leaves_nothing(farm: Farm) -> None:
    from dashboard.identity import LOCAL
    from dashboard.jobs import queue

    job_id = farm.submit("populate", REQUEST.to_params())
    farm.start_worker()
    farm.wait(job_id, lambda job: job.done > 0)
    queue.cancel(farm.database, LOCAL, job_id)
    assert farm.wait(job_id, lambda job: job.is_finished, limit_s=5).state == "cancelled"
    with farm.database.reading("test") as connection:
        assert connection.execute(text("SELECT to_regclass('public.items')")).scalar_one() is None
        assert connection.execute(LEFT_BEHIND).scalar_one() == 0


def test_a_job_that_kills_every_worker_is_stopped(farm: Farm) -> None:
    job_id = farm.submit("populate", REQUEST.to_params(), max_attempts=2)
    for _ in range(3):
        farm.start_worker(DEADLY).wait(30)
    job = farm.job(job_id)
    assert (job.state, job.attempt) == ("failed", 2)
    assert job.error == "The work broke off 2 times without getting further."


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_told_to_end_cancels_what_it_began(farm: Farm, number: int) -> None:
    command = farm.start_command("populate_db", *COMMAND)
    farm.wait(1, lambda job: job.done > 0)
    command.send_signal(number)
    out, err = command.communicate(timeout=20)
    assert command.returncode == 1
    assert "cancelled" in json.loads(out)["error"]
    assert "Traceback" not in err
    assert farm.job(1).state == "cancelled"
    with farm.database.reading("test") as connection:
        assert connection.execute(LEFT_BEHIND).scalar_one() == 0


def test_a_command_takes_over_from_a_worker_that_dies(farm: Farm) -> None:
    many = PopulateRequest(source="clusters", table="items", rows=5_000_000, dims=8)
    job_id = farm.submit("populate", many.to_params())
    worker = farm.start_worker()
    farm.wait(job_id, lambda job: job.done > 0)
    arguments = ("--source", "clusters", "--table", "items", "--rows", "5000000", "--dims", "8", "--json")
    command = farm.start_command("populate_db", *arguments)
    time.sleep(2)
    worker.kill()
    out, _ = command.communicate(timeout=120)
    assert json.loads(out)["rows"] == 5_000_000
    job = farm.job(job_id)
    assert job.worker is not None
    assert job.worker.endswith(f":{command.pid}")
    with farm.database.reading("test") as connection:
        assert connection.execute(COUNTS).one()[:2] == (5_000_000, 5_000_000)


COMMAND = (
    "--source", "clusters", "--table", "items", "--rows", str(ROWS), "--dims", "8", "--seed", "7", "--json"
)  # fmt: skip

DEADLY = """
import os, signal
from dataclasses import replace
from dashboard.instance import open_instance
from dashboard.jobs import worker
from dashboard.jobs.kinds import kind_named

def killing(key):
    return replace(kind_named(key), run=lambda *_: os.kill(os.getpid(), signal.SIGKILL))

worker.kind_named = killing
worker.Worker(open_instance().database, lease_s=3).run_one()
"""
