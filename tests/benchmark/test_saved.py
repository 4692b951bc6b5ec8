"""Saved searches as what a benchmark asks."""

from dataclasses import replace

import pytest

from dashboard.benchmark.plan_file import from_toml, to_toml
from db.catalog import find_column
from db.distance import Distance
from db.errors import RequestError
from db.saved_searches import save_search
from db.vectors import Query
from tests.benchmark.conftest import PLAN, Bench, Journal, Killed

SAVED = replace(PLAN, query_source="saved")


def save(bench: Bench, name: str, query: Query) -> None:
    with bench.database.writing("tests") as connection, connection.begin():
        column = find_column(connection, PLAN.column)
        save_search(connection, column, name, {}, query, created_by="tests")


def vector_of(bench: Bench, row: int) -> str:
    return str(bench.execute(f"SELECT embedding::text FROM items WHERE id = {row}")[0][0])


@pytest.fixture
def saved(bench: Bench) -> Bench:
    """Three searches of the column's dimensions, one by a row; one without direction, one of others."""
    dimensions = bench.execute("SELECT vector_dims(embedding) FROM items WHERE id = 500")[0][0]
    elements = ",".join(["1"] + ["0"] * (dimensions - 1))
    save(bench, "words", Query(f"[{elements}]", dimensions, is_zero=False))
    save(bench, "more words", Query(f"[{elements.replace('1', '-2')}]", dimensions, is_zero=False))
    save(bench, "a row", Query(vector_of(bench, 500), dimensions, is_zero=False, row=("500",)))
    save(bench, "nothing", Query(f"[{elements.replace('1', '0')}]", dimensions, is_zero=True))
    save(bench, "of another model", Query("[1,2]", 2, is_zero=False))
    return bench


def test_a_run_asks_every_saved_search_that_fits(saved: Bench) -> None:
    run = saved.run(SAVED)

    assert run.state == "succeeded"
    assert run.queries == 3
    assert {trial.queries for trial in run.trials} == {3}
    assert run.plan["queries"] == 3
    assert run.exact is not None
    assert run.exact.measures["recall"] == 1
    held = saved.run(PLAN)
    assert run.exact.rows == (held.rows or 0) + PLAN.queries - 1, "no row is held out but the one asked for"


def test_by_another_distance_the_search_without_direction_counts(saved: Bench) -> None:
    assert saved.run(replace(SAVED, distance=Distance.L2, variants=())).queries == 4


def test_without_a_saved_search_a_run_is_refused(bench: Bench) -> None:
    with pytest.raises(RequestError, match="has 0 saved searches"):
        bench.run(SAVED)
    assert bench.scratch_tables() == []


def test_a_search_saved_meanwhile_does_not_get_into_a_run_that_goes_on(saved: Bench) -> None:
    def die(saves: int) -> None:
        if saves == 3:
            raise Killed

    journal = Journal(before_save=die)
    with pytest.raises(Killed):
        saved.run(SAVED, journal)
    queries = next(name for name in saved.scratch_tables() if name.endswith("_query"))
    of_rows = saved.execute(f"SELECT position FROM vectorscope_bench.{queries} WHERE of_row")
    assert of_rows == [(2,)], "on the live table this search alone finds itself"
    save(saved, "later", Query(vector_of(saved, 501), 8, is_zero=False))

    run = saved.run(SAVED, Journal(checkpoint=dict(journal.checkpoint)))

    assert {trial.queries for trial in run.trials} == {3}


def test_the_source_is_spelled_in_a_plan(bench: Bench) -> None:
    assert 'query_source = "saved"' in to_toml(SAVED)
    assert from_toml(to_toml(SAVED)) == SAVED
    assert SAVED.held_out == 0
