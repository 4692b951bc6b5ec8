"""The live table as an arm of its own."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard.benchmark.live import others_than_self, without_self
from dashboard.benchmark.verdict import alike
from db.distance import Distance
from db.runs import LIVE
from tests.benchmark.conftest import PLAN, Bench


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
