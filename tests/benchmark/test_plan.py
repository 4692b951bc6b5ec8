import json
from typing import Any

import pytest

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.trials import Variant, sweep
from db.columns import VectorColumn
from db.distance import Distance
from db.errors import RequestError
from db.forms import IndexSpec
from db.indexes import Hnsw, Ivfflat
from db.survey import Survey

HNSW = Variant(IndexSpec(Hnsw()), (10, 40))
IVFFLAT = Variant(IndexSpec(Ivfflat(lists=50)), (1,))
PLAN = BenchmarkPlan("public.items.embedding", Distance.L2, (HNSW, IVFFLAT))
ITEMS = VectorColumn("public", "items", "embedding", "vector", 128, ("id",))
FOUND = Survey(rows=100_000, nulls=0, zeros=0, dimensions=128)


def changed(**facts: Any) -> BenchmarkPlan:
    return BenchmarkPlan(**{"column": "items.e", "distance": Distance.L2, "variants": (HNSW,), **facts})


def test_exact_search_comes_first_then_each_index_with_each_setting() -> None:
    assert [str(trial) for trial in PLAN.trials] == [
        "exact",
        "hnsw:m=16,ef_construction=64 ef_search=10",
        "hnsw:m=16,ef_construction=64 ef_search=40",
        "ivfflat:lists=50 probes=1",
    ]
    assert [trial.position for trial in PLAN.trials] == [0, 1, 2, 3]
    assert PLAN.trials[0].options == PLAN.trials[0].setting == {}
    assert (PLAN.trials[3].method, PLAN.trials[3].options) == ("ivfflat", {"lists": 50})


def test_a_plan_comes_back_from_json_the_same() -> None:
    plan = changed(ks=(3,), queries=7, seed=5, repeats=2, sample_rows=500)

    assert BenchmarkPlan.from_params(json.loads(json.dumps(plan.to_params()))) == plan


def test_an_index_is_swept_with_the_values_of_its_own_setting() -> None:
    indexes = [IndexSpec(Hnsw()), IndexSpec(Ivfflat()), IndexSpec(Hnsw(m=8))]

    assert sweep(indexes, {"ef_search": [10, 40]}) == (
        Variant(IndexSpec(Hnsw()), (10, 40)),
        Variant(IndexSpec(Ivfflat()), (1,)),
        Variant(IndexSpec(Hnsw(m=8)), (10, 40)),
    )


def test_what_is_given_twice_is_measured_once() -> None:
    assert sweep(
        [IndexSpec(Hnsw()), IndexSpec(Ivfflat()), IndexSpec(Hnsw())], {"ef_search": [80, 10, 80]}
    ) == (
        Variant(IndexSpec(Hnsw()), (80, 10)),
        Variant(IndexSpec(Ivfflat()), (1,)),
    )


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"ks": (0,)}, "k = 0 is outside 1 to 1,000."),
        ({"ks": (10, 1001)}, "k = 1001 is outside 1 to 1,000."),
        ({"queries": 0}, "queries = 0 is outside 1 to 10,000."),
        ({"queries": 10_001}, "queries = 10001 is outside 1 to 10,000."),
        ({"repeats": 0}, "repeats = 0 is outside 1 to 100."),
        ({"variants": (Variant(IndexSpec(Hnsw()), (0,)),)}, "ef_search = 0 is outside 1 to 1,000."),
        ({"variants": (Variant(IndexSpec(Ivfflat()), (40_000,)),)}, "probes = 40000 is outside 1 to 32,768."),
        (
            {"variants": (Variant(IndexSpec(Hnsw()), ()),)},
            "hnsw:m=16,ef_construction=64 has no value of ef_search to try.",
        ),
        ({"seed": -1}, "seed = -1 is outside 0 to 9,223,372,036,854,775,807."),
        ({"seed": 2**63}, "seed = 9223372036854775808 is outside 0 to 9,223,372,036,854,775,807."),
        ({"sample_rows": 205}, "A sample of 205 rows is too small for 200 queries."),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_a_sentence(facts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError) as refusal:
        changed(**facts)

    assert refusal.value.message == sentence
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("plan", "kind", "found", "sentence"),
    [
        (PLAN, "sparsevec", FOUND, "is a sparsevec column, which a benchmark cannot check yet"),
        (PLAN, "bit", FOUND, r"Euclidean \(L2\) distance is not defined for bit"),
        (
            BenchmarkPlan("items.e", Distance.HAMMING, ()),
            "vector",
            FOUND,
            "Hamming distance is not defined for vector",
        ),
        (PLAN, "vector", Survey(209, 0, 0, 128), "has 209 rows to measure: too few for 200 queries"),
        (PLAN, "vector", Survey(9000, 0, 0, 2001), "hnsw indexes a vector of at most 2,000 dimensions"),
        (
            BenchmarkPlan("items.e", Distance.L1, (IVFFLAT,)),
            "vector",
            FOUND,
            r"ivfflat has no operator class for Taxicab \(L1\)",
        ),
    ],
)
def test_a_plan_that_the_column_does_not_bear_is_refused(
    plan: BenchmarkPlan, kind: str, found: Survey, sentence: str
) -> None:
    column = VectorColumn("public", "items", "embedding", kind, 128, ("id",))
    with pytest.raises(RequestError, match=sentence):
        plan.check(column, found)


def test_a_plan_that_fits_is_let_through() -> None:
    PLAN.check(ITEMS, FOUND)


def test_an_ef_search_below_k_is_allowed_and_remarked_upon() -> None:
    below, enough = changed(ks=(20,)).trials[1:]

    assert below.note() == "ef_search = 10 is below k = 20: no more than 10 rows can come back."
    assert enough.note() is None
    assert PLAN.trials[3].note() is None


def test_the_cost_counts_statements_and_the_copy_with_its_largest_index() -> None:
    cost = PLAN.cost("vector", FOUND)

    assert cost.statements == 4 * 200
    assert cost.scratch_bytes == pytest.approx(100_000 * (586 + 820), rel=0.02)
    assert changed(sample_rows=1000).cost("vector", FOUND).scratch_bytes < cost.scratch_bytes / 90
    assert changed(repeats=3).cost("vector", FOUND).statements == 3 * 200 * 3
