"""A tuned run as something to paste."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dashboard.benchmark.advice import recipe_of, recommended, spec_of
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from db.columns import VectorColumn
from db.distance import Distance
from db.forms import parse_spec
from db.runs import Run, Trial
from tests.trials import exact, trial

ITEMS = VectorColumn("public", "items", "embedding", "vector", 128, ("id",))
PLAN = BenchmarkPlan("public.items.embedding", Distance.L2, (), target=Target(0.95, 20))


def tuned(*trials: Trial) -> Run:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Run(
        1, None, "public", "items", "embedding", "succeeded", PLAN.to_params(), 1000, 200, {}, None, None,
        "me", now, now, trials,
    )  # fmt: skip


def test_the_cheapest_in_target_comes_with_its_statements() -> None:
    found = recommended(tuned(exact(), trial(value=20, recall=0.9), trial(value=60, position=2)), ITEMS)

    assert found is not None
    assert (found["position"], found["setting"]) == (2, {"ef_search": 60})
    assert found["name"] == "HNSW m=16, ef_construction=64, ef_search=60"
    assert "USING hnsw (embedding vector_l2_ops)" in found["sql"]
    assert "SET LOCAL hnsw.ef_search = 60" in found["sql"]
    assert "def downgrade" in found["migration"]


def test_the_answer_comes_with_the_smaller_settings_that_miss() -> None:
    short = replace(trial(value=50, recall=0.9, position=3), queries=50, facts={"of_queries": 200})
    other = trial("ivfflat", 5, recall=0.9, position=4)
    found = recommended(tuned(exact(), trial(value=60, position=2), short, other), ITEMS)

    assert found is not None
    seen = [(one["position"], one["setting"], one["decided_early"]) for one in found["evidence"]]
    assert seen == [(0, {}, False), (3, {"ef_search": 50}, True), (2, {"ef_search": 60}, False)]
    assert found["evidence"][1]["recall_high"] < 0.95


def test_the_answer_to_a_filtered_search_is_filtered() -> None:
    run = tuned(*(replace(t, subset="price <= 9") for t in (exact(), trial())))
    plan = replace(PLAN, subsets=("price<=9",)).to_params()
    found = recommended(replace(run, plan=plan), ITEMS)

    assert found is not None
    assert "WHERE price <= '9'" in found["sql"]


def test_exact_search_that_is_quick_enough_needs_no_statement() -> None:
    found = recommended(tuned(exact(p95_ms=10), trial()), ITEMS)

    assert found is not None
    assert (found["index"], found["sql"], found["migration"]) == ("exact", None, None)


def test_where_nothing_meets_the_target_there_is_no_answer() -> None:
    assert recommended(tuned(exact(), trial(recall=0.5)), ITEMS) is None


@pytest.mark.parametrize("index", ["hnsw:m=8,as=bit,candidates=50", "ivfflat:lists=7,only=price <= 9"])
def test_an_index_is_read_back_from_its_trial(index: str) -> None:
    spec = parse_spec(index)
    again = replace(trial(spec.method.name), options={**spec.options, "build": 2}, subset=spec.only, k=5)

    assert spec_of(again) == spec
    plan = replace(PLAN, target=None, subsets=(None, "price<=9"))
    recipe = recipe_of(again, plan)
    assert (recipe.index, recipe.k, len(recipe.filters)) == (spec, 5, 1 if spec.only else 0)
