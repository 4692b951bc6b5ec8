"""Many clients on the live table itself: only where the plan says so, and only to read."""

from dataclasses import replace

import pytest

from dashboard.benchmark import live_load
from dashboard.benchmark.live import measure_live
from dashboard.benchmark.live_load import SAID, Loaded, load_announced, with_live_load
from dashboard.benchmark.plan_file import from_toml, to_toml
from dashboard.benchmark.trial import Outcome, void
from dashboard.benchmark.trials import PlannedTrial
from db.catalog import find_column
from db.client import check_direct
from db.engine import Database, driver_cursor
from db.errors import Cancelled, ConnectionFailed, RequestError
from db.progress import Progress
from db.runs import LIVE
from tests.benchmark.conftest import PLAN, Bench, Journal
from tests.benchmark.test_live import prefer_indexes, sample_of

LOADED = replace(PLAN, variants=(), live=True, clients=(1, 2), seconds=1, live_clients=True)
SAMPLE = sample_of(PLAN.queries)


@pytest.mark.parametrize("change", [{"live": False}, {"clients": ()}])
def test_clients_on_the_live_table_need_clients_and_the_live_table(change: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="live_clients"):
        replace(LOADED, **change)  # type: ignore[arg-type]


def test_a_plan_loads_the_live_table_only_where_it_says_so_and_then_tells() -> None:
    assert not replace(PLAN, live=True, clients=(1, 2)).live_clients
    assert load_announced(replace(LOADED, live_clients=False)) is None
    assert from_toml(to_toml(LOADED)) == LOADED
    said = load_announced(LOADED) or ""
    assert "up to 2 clients at once search public.items.embedding" in said
    assert "for 4 seconds in all" in said, "two trials, each by one client and by two, for a second"


def test_several_clients_search_the_live_table_exactly_and_through_its_index(bench: Bench) -> None:
    prefer_indexes(bench)
    run = bench.run(replace(LOADED, clients=(2,)), journal := Journal())

    copy, exact, today = run.trials
    assert (exact.arm, exact.method, today.arm, today.method) == (LIVE, "exact", LIVE, "hnsw")
    for trial in (copy, exact, today):
        assert all(point["qps"] > 0 and not point["errors"] for point in trial.load)
        assert {point["clients"] for point in trial.load} == {2}
        assert SAID not in trial.facts
    assert any(line.startswith("Loads the live table: up to 2 clients at once") for line in journal.lines)
    assert sum("on the live table: 2 clients" in progress.phase for progress in journal.told) > 1


def asked(bench: Bench) -> tuple[Loaded, list[tuple[PlannedTrial, Outcome]]]:
    """The live trials, asked by one client, and what several are to ask."""
    prefer_indexes(bench)
    with bench.database.reading("tests") as connection:
        column = find_column(connection, PLAN.column)
    trials = [trial for trial in LOADED.trials if trial.arm == LIVE]
    outcomes = measure_live(bench.database, LOADED, column, trials, SAMPLE, tell=lambda _: None)
    loaded = Loaded(bench.database, LOADED, column, SAMPLE.texts)
    return loaded, list(zip(trials, outcomes, strict=True))


def test_a_trial_without_figures_is_not_loaded(bench: Bench) -> None:
    loaded, [_, (trial, outcome)] = asked(bench)
    refused = void(LOADED, trial, "The table has no index for this distance: searches are exact today.")

    assert with_live_load(loaded, trial, refused, tell=lambda _: None) is refused
    quiet = replace(loaded, plan=replace(LOADED, live_clients=False))
    assert with_live_load(quiet, trial, outcome, tell=lambda _: None) is outcome


def test_what_would_leave_others_too_few_connections_does_not_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, [_, (trial, outcome)] = asked(bench)
    monkeypatch.setattr(live_load, "connections_left", lambda _: 3)
    offered = replace(loaded, plan=replace(LOADED, rate=20))
    found = with_live_load(offered, trial, outcome, tell=lambda _: None).trial

    assert [(point["clients"], point["rate"]) for point in found.load] == [(1, 0)], "a rate is for the copy"
    assert found.facts[SAID] == ["2 clients did not ask: 3 connections were left, and others want theirs."]


def test_clients_that_the_server_does_not_let_in_are_no_reason_to_begin_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionFailed("too many connections for role reader")

    loaded, [_, (trial, outcome)] = asked(bench)
    monkeypatch.setattr(live_load, "offer", refuse)
    found = with_live_load(loaded, trial, outcome, tell=lambda _: None).trial
    assert found.facts[SAID] == ["1 client did not go on: too many connections for role reader"]


def test_clients_set_nothing_where_a_pooler_left_out_what_their_connection_asked_for(bench: Bench) -> None:
    with bench.database.writing("tests") as connection, driver_cursor(connection, "tests") as cursor:
        check_direct(cursor)
    with (
        bench.database.reading("tests") as connection,
        driver_cursor(connection, "tests") as cursor,
        pytest.raises(RequestError, match="through a pooler"),
    ):
        check_direct(cursor)


def test_clients_that_would_go_another_way_than_the_one_measured_are_ended(bench: Bench) -> None:
    loaded, [_, (trial, outcome)] = asked(bench)
    bench.execute(f"ALTER DATABASE {bench.database.url.database} SET enable_indexscan = off")
    found = with_live_load(loaded, trial, outcome, tell=lambda _: None).trial

    assert found.load == []
    [said] = found.facts[SAID]
    assert said == "1 client did not go on: A client's plan was Seq Scan instead of items_hnsw."


def test_clients_of_the_live_table_may_not_write_or_take_long(bench: Bench) -> None:
    """The table is a view by now, which writes, or sleeps, whenever somebody searches it."""
    loaded, [(trial, outcome), _] = asked(bench)
    bench.execute(
        "CREATE TABLE written (at timestamptz);"
        "CREATE FUNCTION note(v vector) RETURNS vector LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO written VALUES (now()); RETURN v; END';"
        "CREATE FUNCTION slow(v vector) RETURNS vector LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(30); RETURN v; END';"
        "ALTER TABLE items RENAME TO items_before;"
        "CREATE VIEW items AS SELECT id, note(embedding) AS embedding FROM items_before"
    )
    wrote = with_live_load(loaded, trial, outcome, tell=lambda _: None).trial
    assert wrote.load == []
    assert "read-only" in wrote.facts[SAID][0]
    assert bench.execute("SELECT count(*) FROM written") == [(0,)]

    bench.execute(
        "CREATE OR REPLACE VIEW items AS SELECT id, slow(embedding) AS embedding FROM items_before LIMIT 1"
    )
    hurried = Database(bench.database.url.render_as_string(hide_password=False), read_timeout_s=1)
    slept = with_live_load(replace(loaded, database=hurried), trial, outcome, tell=lambda _: None).trial
    assert slept.load == []
    assert slept.facts[SAID]


def test_a_cancelled_run_leaves_no_client_on_the_live_table(bench: Bench) -> None:
    prefer_indexes(bench)

    def stop(progress: Progress) -> None:
        if "on the live table: 2 clients" in progress.phase:
            raise Cancelled("The run was cancelled.")

    with pytest.raises(Cancelled):
        bench.run(replace(LOADED, clients=(2,)), Journal(before_tell=stop))

    clients = "FROM pg_stat_activity WHERE application_name = 'vectorscope:load' AND state = 'active'"
    assert bench.execute(f"SELECT count(*) {clients}") == [(0,)]
    run = bench.look(1)
    assert run.state == "cancelled"
    assert [trial.arm for trial in run.trials] == ["copy"]
    assert bench.scratch_tables() == []
