"""The form's fields and the plan they make: one and the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import from_toml, read_variant, to_toml
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, sweep
from dashboard.ui.benchmark_asked import LARGEST, SweepAsked, asked_for
from db.distance import Distance
from db.errors import RequestError
from db.forms import parse_spec
from tests.benchmark.test_plan_file import plans, sweeps, variants

PLAN = BenchmarkPlan(
    "public.items.embedding",
    Distance.COSINE,
    sweep([parse_spec("hnsw:m=8"), parse_spec("ivfflat:lists=20")], {"ef_search": [10, 40], "probes": [1]}),
)


@settings(deadline=None)  # a plan takes as long as its trials are many
@given(plan=plans)
def test_the_fields_that_a_plan_fills_make_the_same_plan(plan: BenchmarkPlan) -> None:
    asked = asked_for(plan)
    if asked is None:
        return
    made = asked.plan(plan.column)
    assert made.trials == plan.trials
    assert made.filters == plan.filters
    assert asked_for(made) == asked
    assert from_toml(to_toml(made)) == made


@settings(deadline=None)  # a plan takes as long as its trials are many
@given(plan=sweeps)
def test_every_sweep_whose_numbers_ascend_has_fields(plan: BenchmarkPlan) -> None:
    tidy = replace(
        plan,
        ks=tuple(sorted(plan.ks)),
        clients=tuple(sorted(plan.clients)),
        seed=min(plan.seed, LARGEST),
    )
    assert asked_for(tidy) is not None


@given(variant=variants())
def test_an_index_with_its_settings_comes_back_from_its_spelling(variant: Variant) -> None:
    assert read_variant(str(variant)) == variant


def test_a_full_grid_goes_into_the_fields_of_its_methods() -> None:
    wide = replace(
        PLAN,
        variants=sweep(
            [parse_spec(f"hnsw:m={m},ef_construction={built}") for m in (8, 16) for built in (40, 80)],
            {"ef_search": [10, 40]},
        ),
    )
    asked = asked_for(wide)
    assert isinstance(asked, SweepAsked)
    assert asked.further == ()
    [grid] = asked.grids
    assert (grid.options, grid.values) == ({"m": (8, 16), "ef_construction": (40, 80)}, (10, 40))


def test_indexes_with_settings_of_their_own_stand_beside() -> None:
    uneven = replace(
        PLAN,
        variants=(*sweep([parse_spec("hnsw:m=8")], {"ef_search": [10]}), *sweep([parse_spec("hnsw")], {})),
    )
    asked = asked_for(uneven)
    assert isinstance(asked, SweepAsked)
    assert asked.grids == ()
    assert [str(variant) for variant in asked.further] == [
        "hnsw:m=8,ef_construction=64 @ ef_search=10",
        "hnsw:m=16,ef_construction=64 @ ef_search=40",
    ]


def test_a_target_has_fields_where_all_else_is_as_usual() -> None:
    tuned = replace(PLAN, target=Target(0.9, 5), variants=(Variant(parse_spec("hnsw"), ()),))
    assert asked_for(tuned) is not None
    assert asked_for(replace(tuned, subsets=("1 %",))) is not None
    assert asked_for(replace(tuned, variants=(Variant(parse_spec("hnsw"), (), tuples=(500,)),))) is None
    assert asked_for(replace(tuned, target=Target(0.9, 0.001))) is None


@pytest.mark.parametrize(
    ("given_text", "sentence"),
    [
        ("btree @ ef_search=1", "There is no index method 'btree'."),
        ("hnsw @ probes=1", "There is no 'probes' in the [[index]]"),
        ("hnsw @ ef_search=many", "ef_search must be a whole number, not 'many'."),
        ("hnsw @ ef_search", "ef_search must be a whole number, not ''."),
    ],
)
def test_an_index_that_cannot_be_read_is_refused_in_a_sentence(given_text: str, sentence: str) -> None:
    with pytest.raises(RequestError) as refusal:
        read_variant(given_text)

    assert refusal.value.message.startswith(sentence)
