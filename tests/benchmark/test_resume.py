from dataclasses import replace

import pytest

from db.errors import RequestError
from db.progress import Progress
from tests.benchmark.conftest import PLAN, Bench, Journal, Killed

SAVES = 9
"""Saves of PLAN: the start, the data, five trials, two indexes; a tenth ends the run."""


def killed_at(save: int, journal: Journal) -> Journal:
    """Make a ledger that goes on from ``journal`` and dies before its save number ``save``."""

    def die(saves: int) -> None:
        if saves == save:
            raise Killed

    return Journal(checkpoint=dict(journal.checkpoint), before_save=die)


@pytest.mark.parametrize("save", range(SAVES + 1))
def test_a_run_killed_at_any_save_ends_with_every_trial_once(bench: Bench, save: int) -> None:
    journal = killed_at(save, Journal())
    with pytest.raises(Killed):
        bench.run(PLAN, journal)

    run = bench.run(PLAN, again := Journal(checkpoint=dict(journal.checkpoint)))

    assert run.state == "succeeded"
    assert [trial.position for trial in run.trials] == [0, 1, 2, 3, 4]
    assert all(trial.is_measured for trial in run.trials)
    assert len(journal.saved) + len(again.saved) <= SAVES + 2, "the data is looked at twice, nothing else"
    assert bench.scratch_tables() == []
    assert bench.execute("SELECT count(*) FROM vectorscope.run WHERE state = 'succeeded'") == [(1,)]


def test_a_run_killed_again_and_again_ends_all_the_same(bench: Bench) -> None:
    journal, kills = killed_at(2, Journal()), 0
    while True:
        try:
            run = bench.run(PLAN, journal)
            break
        except Killed:
            kills += 1
            journal = killed_at(2, journal)

    assert kills == 8
    assert [trial.position for trial in run.trials] == [0, 1, 2, 3, 4]


def test_an_index_that_was_finished_is_adopted(bench: Bench) -> None:
    journal = killed_at(4, Journal())
    with pytest.raises(Killed):
        bench.run(PLAN, journal)
    built_s = journal.checkpoint["built"]["build_s"]
    index = bench.execute("SELECT oid, relfilenode FROM pg_class WHERE relname = 'run_1_index_1'")
    seen = []

    def look(progress: Progress) -> None:
        seen.append(bench.execute("SELECT oid, relfilenode FROM pg_class WHERE relname = 'run_1_index_1'"))

    again = Journal(checkpoint=dict(journal.checkpoint))
    again.before_tell = lambda progress: look(progress) if progress.phase.startswith("trial 2") else None
    run = bench.run(PLAN, again)

    assert run.trials[1].build_s == run.trials[2].build_s == built_s
    assert seen
    assert all(found == index for found in seen)


def test_an_index_left_by_a_kill_after_its_last_trial_does_not_compete(bench: Bench) -> None:
    journal = killed_at(6, Journal())
    with pytest.raises(Killed):
        bench.run(PLAN, journal)
    assert bench.execute("SELECT max(position) FROM vectorscope.trial") == [(2,)]
    bench.execute(
        "CREATE INDEX run_1_index_1 ON vectorscope_bench.run_1 USING hnsw (embedding vector_cosine_ops)"
    )

    run = bench.run(PLAN, Journal(checkpoint=dict(journal.checkpoint)))

    assert [trial.state for trial in run.trials] == ["measured"] * 5


def test_a_copy_lost_in_a_crash_of_the_server_is_made_again(bench: Bench) -> None:
    journal = killed_at(5, Journal())
    with pytest.raises(Killed):
        bench.run(PLAN, journal)
    bench.execute("TRUNCATE vectorscope_bench.run_1, vectorscope_bench.run_1_query")

    run = bench.run(PLAN, Journal(checkpoint=dict(journal.checkpoint)))

    assert [trial.position for trial in run.trials] == [0, 1, 2, 3, 4]
    assert run.trials[1].build_s != run.trials[2].build_s, "the index went with the copy"
    assert run.trials[2].measures["recall"] > 0.9


def test_trials_on_other_rows_are_not_mixed_into_a_run(bench: Bench) -> None:
    journal = killed_at(5, Journal())
    with pytest.raises(Killed):
        bench.run(PLAN, journal)
    bench.execute("TRUNCATE vectorscope_bench.run_1, vectorscope_bench.run_1_query")
    bench.execute("UPDATE items SET embedding = embedding + embedding WHERE id = 500")

    with pytest.raises(RequestError, match="The table changed since this run was started"):
        bench.run(PLAN, Journal(checkpoint=dict(journal.checkpoint)))

    assert bench.look(journal.checkpoint["run"]).state == "failed"
    assert bench.scratch_tables() == []


def test_rows_that_change_while_their_copy_lasts_do_not_matter(bench: Bench) -> None:
    journal = killed_at(5, Journal())
    with pytest.raises(Killed):
        bench.run(PLAN, journal)
    bench.execute("DELETE FROM items WHERE id % 2 = 0")

    run = bench.run(PLAN, Journal(checkpoint=dict(journal.checkpoint)))

    assert [trial.position for trial in run.trials] == [0, 1, 2, 3, 4]
    assert run.rows == 930


def test_a_copy_that_cannot_be_made_any_more_is_told(bench: Bench) -> None:
    journal = killed_at(1, Journal())
    with pytest.raises(Killed):
        bench.run(PLAN, journal)
    bench.execute("TRUNCATE vectorscope_bench.run_1, vectorscope_bench.run_1_query")
    bench.execute("DELETE FROM items WHERE id > 20")

    with pytest.raises(RequestError, match="has lost rows: 18 are left"):
        bench.run(replace(PLAN, queries=30), Journal(checkpoint=dict(journal.checkpoint)))
