"""The live table as an arm of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Connection, text

from dashboard.benchmark import live
from dashboard.benchmark.live import measure_live, others_than_self, without_self
from dashboard.benchmark.sample import Sample
from dashboard.benchmark.verdict import alike
from dashboard.recall import ask_both
from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.runs import LIVE
from tests.benchmark.conftest import PLAN, Bench
from tests.conftest import url_of

LIVE_ALONE = replace(PLAN, variants=(), live=True)


def test_the_live_table_is_searched_exactly_and_through_the_index_it_has(bench: Bench) -> None:
    bench.execute("ANALYZE items")
    run = bench.run(replace(PLAN, variants=(), live=True))

    copy, exact, today = run.trials
    assert [trial.arm for trial in run.trials] == ["copy", LIVE, LIVE]
    assert (exact.method, exact.measures["recall"]) == ("exact", 1)
    assert exact.rows == 1000
    if today.is_measured:
        assert today.method == "hnsw"
        assert 0.5 < today.measures["recall"] <= 1
        assert today.reason == "Through items_hnsw, as it stands."
    else:
        assert "although items_hnsw serves this distance" in (today.reason or "")
    assert alike(run.trials) == [copy]


def sample_of(queries: int) -> Sample:
    """So many queries that are no rows of the table."""
    none, nowhere = np.empty((0, 0), np.float32), np.empty(0, np.int64)
    texts = tuple(f"[{n},1,1,1,1,1,1,1]".encode() for n in range(queries))
    return Sample(none, none, texts, nowhere, nowhere, np.zeros(queries, bool), {})


def prefer_indexes(bench: Bench) -> None:
    """Have the planner take an index even where a table is as small as this."""
    bench.execute(f"ANALYZE items; ALTER DATABASE {bench.database.url.database} SET seq_page_cost = 1000")
    bench.database.dispose()


def test_the_live_table_is_looked_into_as_the_copy_is(bench: Bench) -> None:
    prefer_indexes(bench)
    _, exact, today = bench.run(LIVE_ALONE).trials

    assert (exact.method, today.method) == ("exact", "hnsw")
    [(pages,)] = bench.execute("SELECT pg_relation_size('items') / 8192")
    assert exact.facts["hit_blocks"] + exact.facts["read_blocks"] == pages, "exact search reads every page"
    for trial in (exact, today):
        assert trial.facts["server_ms"] > 0
        assert trial.facts["began"] in {"cold", "warm"}
        assert trial.load == [], "nobody asks a table that others use with many clients"


class Eavesdropping(Database):
    """A database that remembers the connection which reads, for a test to meddle with."""

    lent: Connection

    @contextmanager
    def reading(self, purpose: str, *, vectors: bool = False) -> Iterator[Connection]:
        with super().reading(purpose, vectors=vectors) as self.lent:
            yield self.lent


def test_a_plan_that_changes_amid_a_live_trial_makes_it_void(bench: Bench) -> None:
    prefer_indexes(bench)
    database = Eavesdropping(bench.database.url.render_as_string(hide_password=False))
    with database.reading("tests") as connection:
        column = find_column(connection, PLAN.column)
    trials = [trial for trial in LIVE_ALONE.trials if trial.arm == LIVE]

    def sour(done: int) -> None:
        for setting in (
            "seq_page_cost = 0",
            "random_page_cost = 1000000",
            "plan_cache_mode = force_custom_plan",
        ):
            database.lent.execute(text(f"SET LOCAL {setting}"))

    exact, today = measure_live(database, LIVE_ALONE, column, trials, sample_of(PLAN.queries), tell=sour)
    database.dispose()

    assert (exact.trial.state, exact.trial.measures["recall"]) == ("measured", 1)
    assert (today.trial.state, today.trial.measures, today.recalls) == ("void", {}, ())
    assert today.trial.plan_node == "Seq Scan"
    assert (today.trial.reason or "").startswith("The planner went over from items_hnsw to Seq Scan while")


def test_exact_search_of_the_live_table_that_walks_an_index_is_void(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefer_indexes(bench)
    monkeypatch.setattr(live, "EXACT_SETTINGS", {"enable_indexscan": "on", "enable_seqscan": "off"})
    _, exact, today = bench.run(LIVE_ALONE).trials

    assert (exact.state, exact.measures) == (today.state, today.measures) == ("void", {})
    assert exact.reason == (
        "The planner chose items_hnsw, an approximate index, although exact search was to be measured."
    )
    assert today.reason == f"There are no exact answers to compare with. {exact.reason}"


def test_a_trial_is_cold_on_pages_that_nobody_has_read_and_warm_the_next_time(
    bench: Bench, server_url: str, maintenance: Connection
) -> None:
    with bench.database.reading("tests") as connection:
        column = find_column(connection, PLAN.column)
    # A copy of a database's files: not one of its pages is in the server's memory.
    bench.database.dispose()
    name = bench.database.url.database
    maintenance.execute(text(f"CREATE DATABASE {name}_unread TEMPLATE {name} STRATEGY file_copy"))
    unread = Database(url_of(server_url, f"{name}_unread"))
    try:
        texts = [f"[{n},1,1,1,1,1,1,1]" for n in range(5)]
        began = [
            [
                outcome.trial.facts["began"]
                for outcome in ask_both(unread, column, Distance.L2, texts, 0, through_index=True)
            ]
            for _ in range(2)
        ]
    finally:
        unread.dispose()
        maintenance.execute(text(f"DROP DATABASE {name}_unread WITH (FORCE)"))

    assert began == [["cold", "cold"], ["warm", "warm"]]


def test_an_index_the_planner_will_not_take_is_shown_as_such(bench: Bench) -> None:
    bench.execute("DROP INDEX items_hnsw")
    none = bench.run(replace(PLAN, variants=(), live=True)).trials[2]

    assert (none.state, none.measures) == ("void", {})
    assert none.reason == "The table has no index for this distance: searches are exact today."


def test_a_filter_by_predicate_is_asked_of_the_live_table_and_a_share_is_not(bench: Bench) -> None:
    plan = replace(PLAN, variants=(), live=True, subsets=(None, "10%", "id<=300"), distance=Distance.L1)

    assert [(t.subset, t.today) for t in plan.trials if t.arm == LIVE] == [
        (None, False),
        (None, True),
        ("id <= 300", False),
        ("id <= 300", True),
    ]
    assert all(t.measures["recall"] == 1 for t in bench.run(plan).trials if t.is_measured)


@pytest.mark.parametrize(
    ("found", "left"),
    [
        ([0.0, 1.0, 2.0], [1.0, 2.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0]),
        ([1.0, 0.0, 2.0], [1.0, 2.0]),
        ([0.0, 1.0, np.inf], [1.0, np.inf]),
    ],
)
def test_the_querys_own_row_is_set_aside_or_else_the_last_one(found: list[float], left: list[float]) -> None:
    assert without_self(np.array([found]), np.array([[0.0, 1.0, 2.0]])).tolist() == [left]


def test_of_a_query_that_is_no_row_every_row_found_counts() -> None:
    exact = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    found, truth = others_than_self(exact, exact, np.array([True, False]))
    assert found.tolist() == truth.tolist() == [[1.0, 2.0], [0.0, 1.0]]
