from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from db import jobs, neighbours
from db.columns import VectorColumn
from db.engine import Database
from db.errors import RequestError
from db.neighbours import Neighbours
from db.runs import (
    Run,
    Trial,
    close_abandoned,
    figures,
    finish_run,
    list_runs,
    load_run,
    shares_under,
    start_run,
    store_trial,
    stored_positions,
)

ITEMS = VectorColumn("public", "items", "embedding", "vector", 3, ("id",))
FILMS = VectorColumn("public", "Films", "embedding", "vector", 3, ("id",))


def trial(position: int, method: str = "hnsw", **facts: Any) -> Trial:
    known = {
        "options": {"m": 16},
        "setting": {"ef_search": 40},
        "state": "measured",
        "reason": None,
        "plan_node": "Index Scan",
        "plan": {"Plan": {"Node Type": "Index Scan"}},
        "pinned": False,
        "queries": 2,
        "measures": {"recall": 0.9},
        "build_s": 1.5,
        "size_bytes": 8192,
    }
    return Trial(position=position, method=method, **{**known, **facts})


def started(connection: Connection, column: VectorColumn = ITEMS, job_id: int | None = None) -> int:
    return start_run(
        connection,
        column,
        {"k": 10},
        rows=900,
        queries=100,
        environment={"postgresql": "18.4"},
        fingerprint="before",
        created_by="local",
        job_id=job_id,
    )


def kept(connection: Connection, run_id: int, *trials: Trial) -> Run:
    for each in trials:
        store_trial(connection, run_id, each, latencies_ms=[0.5, 1.5], recalls=[1, 0.8])
    return load_run(connection, run_id)


def submitted(connection: Connection) -> int:
    insert = text(
        "INSERT INTO vectorscope.job (kind, params, dedupe_key, created_by) "
        "VALUES ('benchmark', '{}', 'x', 'local') RETURNING id"
    )
    return int(connection.execute(insert).scalar_one())


def test_a_run_is_read_back_with_its_trials_in_order(database: Database) -> None:
    exact = trial(0, "exact", options={}, setting={}, build_s=None, size_bytes=None)
    with database.control("tests") as connection:
        run_id = started(connection)
        run = kept(connection, run_id, trial(1), exact)
        positions = stored_positions(connection, run_id)
        raw = connection.execute(text("SELECT latencies_ms FROM vectorscope.trial LIMIT 1")).scalar_one()

    assert run.trials == (exact, trial(1))
    assert run.exact == exact
    assert positions == {0, 1}
    assert (run.state, run.rows, run.queries, run.plan) == ("running", 900, 100, {"k": 10})
    assert run.subject == "public.items.embedding"
    assert raw == [0.5, 1.5]


def test_a_trial_is_kept_once(database: Database) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        kept(connection, run_id, trial(1))
        with pytest.raises(IntegrityError, match="trial_once"):
            kept(connection, run_id, trial(1))


def test_a_finished_run_says_how_the_table_stands(database: Database) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        finish_run(connection, run_id, "succeeded", "after")
        run = load_run(connection, run_id)

    assert (run.state, run.fingerprint_before, run.fingerprint_after) == ("succeeded", "before", "after")
    assert run.finished_at is not None
    assert run.finished_at >= run.started_at


def test_runs_are_listed_newest_first_and_by_column(database: Database) -> None:
    with database.control("tests") as connection:
        runs = [started(connection, column) for column in (ITEMS, FILMS, ITEMS)]

        assert [run.id for run in list_runs(connection)] == runs[::-1]
        assert [run.id for run in list_runs(connection, ITEMS)] == [runs[2], runs[0]]
        assert [run.id for run in list_runs(connection, limit=1)] == [runs[2]]
        assert [run.subject for run in list_runs(connection, FILMS)] == ['public."Films".embedding']


def test_a_job_tried_again_from_the_start_has_a_new_run(database: Database) -> None:
    with database.control("tests") as connection:
        job_id = submitted(connection)
        first, second = started(connection, job_id=job_id), started(connection, job_id=job_id)

        assert load_run(connection, first).job_id is None
        assert load_run(connection, second).job_id == job_id


def test_a_run_whose_job_is_over_is_closed_and_others_are_left(database: Database) -> None:
    with database.control("tests") as connection:
        active = submitted(connection)
        working, alone = started(connection, job_id=active), started(connection)
        close_abandoned(connection, jobs.active_ids(connection))
        states = [load_run(connection, run).state for run in (working, alone)]
        connection.execute(text("UPDATE vectorscope.job SET state = 'failed'"))
        close_abandoned(connection, jobs.active_ids(connection))

        assert states == ["running", "running"]
        assert load_run(connection, working).state == "failed"
        assert load_run(connection, alone).state == "running"


def test_an_unknown_run_is_named(database: Database) -> None:
    with database.control("tests") as connection, pytest.raises(RequestError, match="no run 12"):
        load_run(connection, 12)


def test_figures_are_read_for_the_trials_asked_for_and_none_for_void_ones(database: Database) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        kept(connection, run_id, trial(0, "exact"), trial(1), trial(2, state="void", measures={}))
        found = figures(connection, run_id, [1, 2])
    assert list(found) == [1]
    assert found[1].latencies_ms == [0.5, 1.5]
    assert found[1].recalls == pytest.approx([1, 0.8])


def test_exact_answers_are_kept_once_and_too_many_of_them_as_far_as_a_trial_goes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Neighbours(np.ones((2, 3), np.float32), np.ones((2, 3), np.int32))
    truth = Neighbours(np.ones((4, 6), np.float32), np.ones((4, 6), np.int32))

    def stored(connection: Connection, position: int, run_id: int) -> None:
        store_trial(
            connection, run_id, trial(position), latencies_ms=[1], recalls=[1], found=found, truth=truth
        )

    with database.control("tests") as connection:
        whole, cut = started(connection), started(connection)
        for position in (0, 1):
            stored(connection, position, whole)
        monkeypatch.setattr(neighbours, "MOST_BYTES", 6 * 8)
        stored(connection, 0, cut)
        assert connection.execute(text("SELECT count(*) FROM vectorscope.truth")).scalar_one() == 2
        for run_id, shape in ((whole, (4, 6)), (cut, (2, 3))):
            kept_there = figures(connection, run_id, [0], neighbours=True)[0].kept
            assert kept_there
            assert Neighbours.unpacked(kept_there.truth).distances.shape == shape
            assert Neighbours.unpacked(kept_there.found).distances.shape == (2, 3)


@pytest.mark.parametrize(("recall", "share"), [(0.8, 0.0), (0.81, 0.5), (1.0, 0.5)])
def test_a_query_at_the_recall_wanted_is_not_under_it(
    database: Database, recall: float, share: float
) -> None:
    with database.control("tests") as connection:
        run_id = started(connection)
        kept(connection, run_id, trial(0))
        assert shares_under(connection, run_id, recall) == {0: share}
