"""What a run measured stays: on a real server nobody changes it, and what the product does goes on."""

import numpy as np
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from db.engine import Database
from db.neighbours import Neighbours
from db.runs import add_to_environment, close_abandoned, finish_run, list_runs, load_run, store_trial
from tests.db.test_runs import kept, started, submitted, trial

FINAL = "is finished: its results are never changed"


def refused(connection: Connection, statement: str) -> str:
    with pytest.raises(IntegrityError) as raised:
        connection.execute(text(statement))
    assert "HINT:  Measure again" in str(raised.value.orig)
    return str(raised.value.orig).splitlines()[0]


def test_no_trial_that_is_kept_is_changed(database: Database) -> None:
    changes = ("measures = '{}'", "latencies_ms = '{0.1}'", "state = 'void'", "facts = facts", "run_id = 2")
    with database.control("tests") as connection:
        run_id = started(connection)
        before = kept(connection, run_id, trial(3))
        for state in ("running", "succeeded"):
            for change in changes:
                told = refused(connection, f"UPDATE vectorscope.trial SET {change}")
                assert told == f"Trial 3 of run {run_id} is kept: what it measured is never changed."
            assert load_run(connection, run_id).state == state
            finish_run(connection, run_id, "succeeded")
        assert load_run(connection, run_id).trials == before.trials


def test_no_run_that_is_finished_is_changed(database: Database) -> None:
    changes = ("state = 'running'", "environment = '{}'", "plan = '{}'", "rows = 1", "finished_at = now()")
    with database.control("tests") as connection:
        for state in ("succeeded", "failed", "cancelled"):
            finish_run(connection, started(connection), state)
        before = list_runs(connection)
        for change in changes:
            for run in before:
                told = refused(connection, f"UPDATE vectorscope.run SET {change} WHERE id = {run.id}")
                assert told == f"Run {run.id} {FINAL}."
        assert list_runs(connection) == before


def test_not_even_where_other_triggers_are_left_out(database: Database) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        kept(connection, run_id, trial(0))
        finish_run(connection, run_id, "succeeded")
        connection.execute(text("SET session_replication_role = replica"))
        assert "never changed" in refused(connection, "UPDATE vectorscope.trial SET measures = '{}'")
        assert FINAL in refused(connection, "UPDATE vectorscope.run SET rows = 1")


@pytest.mark.parametrize("table", ["trial", "truth", "run CASCADE"])
def test_no_table_of_results_is_emptied(database: Database, table: str) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        kept(connection, run_id, trial(0))
        told = refused(connection, f"TRUNCATE vectorscope.{table}")
        assert "holds results: it is not emptied." in told
        assert len(load_run(connection, run_id).trials) == 1


def test_a_finished_run_gets_no_trial_and_loses_none(database: Database) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        kept(connection, run_id, trial(0))
        finish_run(connection, run_id, "cancelled")
        with pytest.raises(IntegrityError, match="no trial is added to it"):
            kept(connection, run_id, trial(1))
        told = refused(connection, "DELETE FROM vectorscope.trial")
        assert told == f"Trial 0 of run {run_id} is kept: it goes only with the whole run."


ANSWERS = Neighbours(np.zeros((2, 3), np.float32), np.ones((2, 3), np.int32))


def test_a_whole_run_can_be_deleted_and_its_exact_answers_go_only_with_it(database: Database) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        for each in (trial(0), trial(1)):
            store_trial(connection, run_id, each, latencies_ms=[1], recalls=[1], found=ANSWERS, truth=ANSWERS)
        finish_run(connection, run_id, "succeeded")
        for statement in ("UPDATE vectorscope.truth SET digest = ''", "DELETE FROM vectorscope.truth"):
            told = refused(connection, statement)
            assert told == f"The exact answers of run {run_id} are kept: they are never changed."
        connection.execute(text("DELETE FROM vectorscope.run"))
        left = text("SELECT count(*) FROM vectorscope.trial NATURAL FULL JOIN vectorscope.truth")
        assert connection.execute(left).scalar_one() == 0


def test_a_run_outlives_its_job_and_keeps_how_it_was_closed(database: Database) -> None:
    with database.control("tests") as connection:
        run_id = started(connection, job_id=submitted(connection))
        add_to_environment(connection, run_id, {"noise": 1})
        finish_run(connection, run_id, "succeeded", "after")
        before = load_run(connection, run_id)
        finish_run(connection, run_id, "failed")
        close_abandoned(connection, [])
        assert load_run(connection, run_id) == before
        connection.execute(text("DELETE FROM vectorscope.job"))
        assert load_run(connection, run_id).job_id is None
