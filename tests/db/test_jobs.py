"""The queue: claimed once, taken over when the worker is dead, and closed to whoever lost it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, text

from db import claims, jobs
from db.claims import Claim
from db.engine import Database
from db.errors import Cancelled, LeaseLost, RequestError
from db.jobs import Job
from db.progress import Progress

LEASE_S = 30.0
HALF_WAY = Progress(5, 10, "rows", "loading")


@pytest.fixture
def connections(database: Database) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def worker(database: Database, connections: ExitStack) -> Connection:
    """The session of one more worker process."""
    return connections.enter_context(Database(database.url.render_as_string()).writing("worker"))


def submit(database: Database, kind: str = "populate", max_attempts: int = 3, **params: object) -> int:
    with database.writing("test") as connection, connection.begin():
        job_id, _ = jobs.submit(connection, kind, params, created_by="tester", max_attempts=max_attempts)
    return job_id


def read(database: Database, job_id: int) -> Job:
    with database.reading("test") as connection:
        return jobs.get(connection, job_id)


def lose_the_session(connection: Connection) -> None:
    connection.invalidate()
    connection.close()


def let_the_lease_end(database: Database) -> None:
    with database.control("test") as connection:
        connection.execute(text("UPDATE vectorscope.job SET heartbeat_at = now() - interval '1 hour'"))


def test_an_equal_active_job_is_not_queued_twice(database: Database) -> None:
    first = submit(database, table="t")
    assert submit(database, table="t") == first
    assert submit(database, table="other") != first


def test_the_oldest_job_is_claimed_by_one_worker_only(database: Database, connections: ExitStack) -> None:
    first, second = submit(database, table="a"), submit(database, table="b")
    one, two = worker(database, connections), worker(database, connections)
    claimed = [claims.claim(c, "w", lease_s=LEASE_S) for c in (one, two, two)]
    assert [job and job.id for job in claimed] == [first, second, None]
    assert read(database, first).state == "running"
    assert read(database, first).attempt == 1


def test_only_one_benchmark_runs_at_a_time(database: Database, connections: ExitStack) -> None:
    first, second = submit(database, "benchmark", column="a"), submit(database, "benchmark", column="b")
    one, two = worker(database, connections), worker(database, connections)
    running = claims.claim(one, "w", lease_s=LEASE_S)
    assert running is not None
    assert running.id == first
    assert claims.claim(two, "w", lease_s=LEASE_S) is None
    populate = submit(database, table="t")
    claimed = claims.claim(two, "w", lease_s=LEASE_S)
    assert claimed is not None
    assert claimed.id == populate

    with database.control("test") as connection:
        assert Claim(first, running.epoch).finish(connection, "succeeded")
    claimed = claims.claim(one, "w", lease_s=LEASE_S)
    assert claimed is not None
    assert claimed.id == second


def test_a_benchmark_of_another_database_on_the_server_is_waited_for(
    database: Database, empty_database: Database, connections: ExitStack
) -> None:
    submit(database, "benchmark", column="a")
    elsewhere = empty_database.tagged(claims.tag(1, 1))
    with elsewhere.writing("benchmark"):
        assert claims.claim(worker(database, connections), "w", lease_s=LEASE_S) is None
    elsewhere.dispose()
    assert claims.claim(worker(database, connections), "w", lease_s=LEASE_S) is not None


def test_a_dead_workers_job_is_taken_over_at_once(database: Database, connections: ExitStack) -> None:
    job_id = submit(database, table="t")
    dead = worker(database, connections)
    assert claims.claim(dead, "dead", lease_s=LEASE_S)
    other = worker(database, connections)
    assert claims.claim(other, "alive", lease_s=LEASE_S) is None

    lose_the_session(dead)
    taken = claims.claim(other, "alive", lease_s=LEASE_S)
    assert taken is not None
    assert (taken.id, taken.attempt, taken.epoch, taken.worker) == (job_id, 2, 2, "alive")


def test_a_frozen_workers_job_is_taken_over_when_its_lease_ends(
    database: Database, connections: ExitStack
) -> None:
    submit(database, table="t")
    thawed = worker(database, connections)
    frozen = claims.claim(thawed, "frozen", lease_s=LEASE_S)
    assert frozen is not None
    let_the_lease_end(database)
    taken = claims.claim(worker(database, connections), "alive", lease_s=LEASE_S)
    assert taken is not None

    # The frozen one thaws: it gives back its own lock, and not the lock of who has the job now.
    claims.release(thawed, frozen)
    assert claims.claim(thawed, "thawed", lease_s=LEASE_S) is None
    late = Claim(frozen.id, frozen.epoch)
    with database.writing("test") as connection:
        with pytest.raises(LeaseLost), connection.begin():
            late.save(connection, HALF_WAY, {"next_row": 5})
        with connection.begin():
            assert not late.finish(connection, "succeeded")
    assert read(database, frozen.id).checkpoint == {}
    assert read(database, frozen.id).state == "running"


def test_rows_and_checkpoint_are_kept_together_or_not_at_all(
    database: Database, connections: ExitStack
) -> None:
    submit(database, table="t")
    session = worker(database, connections)
    job = claims.claim(session, "w", lease_s=LEASE_S)
    assert job is not None
    claim = Claim(job.id, job.epoch)
    with database.control("test") as connection:
        connection.execute(text("CREATE TABLE rows (id int)"))
    with database.writing("test") as connection:
        with connection.begin():
            connection.execute(text("INSERT INTO rows VALUES (1)"))
            claim.save(connection, HALF_WAY, {"next_row": 1})
        let_the_lease_end(database)
        assert claims.claim(worker(database, connections), "thief", lease_s=LEASE_S)
        with connection.begin() as transaction:
            connection.execute(text("INSERT INTO rows VALUES (2)"))
            with pytest.raises(LeaseLost):
                claim.save(connection, HALF_WAY, {"next_row": 2})
            transaction.rollback()
    with database.reading("test") as connection:
        assert connection.execute(text("SELECT count(*) FROM rows")).scalar_one() == 1
    assert read(database, job.id).checkpoint == {"next_row": 1}


def test_a_job_that_kills_its_workers_is_stopped(database: Database, connections: ExitStack) -> None:
    job_id = submit(database, max_attempts=2, table="t")
    for _ in range(2):
        doomed = worker(database, connections)
        assert claims.claim(doomed, "w", lease_s=LEASE_S)
        lose_the_session(doomed)
    assert claims.claim(worker(database, connections), "w", lease_s=LEASE_S) is None
    job = read(database, job_id)
    assert (job.state, job.attempt) == ("failed", 2)
    assert "broke off 2 times" in (job.error or "")


def test_getting_further_makes_up_for_breaking_off(database: Database, connections: ExitStack) -> None:
    job_id = submit(database, max_attempts=2, table="t")
    for row in range(4):
        session = worker(database, connections)
        job = claims.claim(session, "w", lease_s=LEASE_S)
        assert job is not None
        with database.control("test") as connection:
            Claim(job.id, job.epoch).save(connection, HALF_WAY, {"next_row": row})
        assert read(database, job_id).attempt == 1
        lose_the_session(session)
    assert read(database, job_id).epoch == 4


def test_a_queued_job_is_cancelled_at_once(database: Database, connections: ExitStack) -> None:
    job_id = submit(database, table="t")
    with database.control("test") as connection:
        assert jobs.ask_to_cancel(connection, job_id)
        assert not jobs.ask_to_cancel(connection, job_id)
    assert read(database, job_id).state == "cancelled"
    assert claims.claim(worker(database, connections), "w", lease_s=LEASE_S) is None


def test_a_running_job_hears_of_its_cancel_at_the_next_beat_and_save(
    database: Database, connections: ExitStack
) -> None:
    job_id = submit(database, table="t")
    job = claims.claim(worker(database, connections), "w", lease_s=LEASE_S)
    assert job is not None
    claim = Claim(job.id, job.epoch)
    with database.control("test") as connection:
        assert claim.beat(connection, HALF_WAY) is False
        assert jobs.ask_to_cancel(connection, job_id)
        assert claim.beat(connection, HALF_WAY) is True
        with pytest.raises(Cancelled):
            claim.save(connection, HALF_WAY, {})


def test_a_cancelled_job_of_a_dead_worker_is_not_begun_again(
    database: Database, connections: ExitStack
) -> None:
    job_id = submit(database, table="t")
    dead = worker(database, connections)
    assert claims.claim(dead, "w", lease_s=LEASE_S)
    with database.control("test") as connection:
        jobs.ask_to_cancel(connection, job_id)
    lose_the_session(dead)
    assert claims.claim(worker(database, connections), "w", lease_s=LEASE_S) is None
    assert read(database, job_id).state == "cancelled"


def test_a_requeued_job_has_not_used_an_attempt(database: Database, connections: ExitStack) -> None:
    job_id = submit(database, table="t")
    session = worker(database, connections)
    job = claims.claim(session, "w", lease_s=LEASE_S)
    assert job is not None
    with database.control("test") as connection:
        Claim(job.id, job.epoch).requeue(connection)
    claims.release(session, job)
    assert (read(database, job_id).state, read(database, job_id).attempt) == ("queued", 0)


def test_only_the_sessions_of_one_attempt_are_interrupted(database: Database) -> None:
    tagged, other = database.tagged(claims.tag(7, 1)), database.tagged(claims.tag(17, 1))
    with tagged.writing("x") as mine, other.writing("x") as theirs, database.control("test") as control:
        claims.end_earlier_sessions(control, 7, 2)
        with pytest.raises(Exception, match="connection"):
            mine.execute(text("SELECT 1"))
        mine.invalidate()
        assert theirs.execute(text("SELECT 1")).scalar_one() == 1
    tagged.dispose()
    other.dispose()


def test_a_failed_job_can_be_retried_from_the_start(database: Database, connections: ExitStack) -> None:
    job_id = submit(database, table="t")
    session = worker(database, connections)
    job = claims.claim(session, "w", lease_s=LEASE_S)
    assert job is not None
    with database.control("test") as connection:
        assert not jobs.retry(connection, job_id)
        Claim(job.id, job.epoch).finish(connection, "failed", error="no", remedy="yes")
        assert jobs.retry(connection, job_id)
    again = read(database, job_id)
    assert (again.state, again.attempt, again.checkpoint, again.error) == ("queued", 0, {}, None)


def test_the_log_is_read_oldest_first(database: Database) -> None:
    job_id = submit(database, table="t")
    with database.control("test") as connection:
        for message in ("one", "two", "three"):
            jobs.add_line(connection, job_id, message)
    with database.reading("test") as connection:
        assert [line.message for line in jobs.log_lines(connection, job_id, limit=2)] == ["two", "three"]


def test_an_unknown_job_is_named(database: Database) -> None:
    with pytest.raises(RequestError, match="There is no job 4711"):
        read(database, 4711)


def test_what_only_its_owner_may_fetch_is_queued_for_each_who_asks(database: Database) -> None:
    def ask(kind: str, who: str) -> int:
        with database.writing("test") as connection, connection.begin():
            return jobs.submit(connection, kind, {"t": 1}, created_by=who, max_attempts=1)[0]

    of_ann = ask("export", "ann")
    assert ask("export", "ann") == of_ann
    assert ask("export", "bob") != of_ann
    assert ask("import", "ann") == ask("import", "bob")


def test_looks_at_watched_columns_do_not_crowd_out_what_people_ask_for(database: Database) -> None:
    asked_for = [submit(database, table=f"t{number}") for number in range(3)]
    looks = [submit(database, jobs.ROUTINE, look=number) for number in range(9)]
    with database.reading("test") as connection:
        listed = [job.id for job in jobs.latest(connection, 3)]
        assert listed == [*reversed(looks[-3:]), *reversed(asked_for)]
        assert len(jobs.latest(connection)) == 3 + jobs.ROUTINE_LISTED
