"""A plan in TOML and the form: the same object, in both directions."""

import pytest

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import from_toml, to_toml
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, sweep
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, fill_products, widget


@pytest.fixture
def products(served: Database) -> Database:
    fill_products(served, indexed=False)
    return served


FULL = BenchmarkPlan(
    COLUMN,
    Distance.L2,
    sweep(
        [parse_spec(f"hnsw:m={m},as={form},candidates=50") for form in ("bit",) for m in (8, 24)],
        {"ef_search": [33, 70]},
        ["relaxed_order"],
        [9_000],
    ),
    ks=(5, 20),
    queries=15,
    seed=7,
    repeats=2,
    sample_rows=900,
    subsets=(None, "10 %", "price <= 150"),
    clients=(1, 3),
    seconds=2,
    rate=30,
    rebuilds=2,
    inserts=10,
    live=True,
    live_clients=True,
    query_source="perturbed:0.25",
)
PLANS = {
    "sweep": FULL,
    "uneven sweep": BenchmarkPlan(
        COLUMN,
        Distance.COSINE,
        (
            *sweep([parse_spec("hnsw:m=8")], {"ef_search": [10]}),
            *sweep([parse_spec("ivfflat:lists=10"), parse_spec("ivfflat:lists=30")], {"probes": [2, 3]}),
            *sweep([parse_spec("hnsw:m=12")], {"ef_search": [90]}),
        ),
        queries=20,
    ),
    "growth": BenchmarkPlan(
        COLUMN,
        Distance.COSINE,
        sweep([parse_spec("ivfflat:lists=12")], {"probes": [3]}),
        queries=20,
        sizes=(200, 500, 1_100),
    ),
    "tune": BenchmarkPlan(
        COLUMN,
        Distance.INNER_PRODUCT,
        (Variant(parse_spec("hnsw:m=12"), (), ("relaxed_order",)),),
        ks=(3,),
        subsets=("price <= 150",),
        queries=25,
        sample_rows=1_000,
        target=Target(0.8, 3.5),
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_in_toml_fills_the_form_which_makes_the_same_plan(products: Database, name: str) -> None:
    app = open_app("benchmarks", c=COLUMN, measure="From TOML")
    widget(app, "bench toml").set_value(to_toml(PLANS[name])).run()
    next(button for button in app.button if button.label == "Use this plan").click().run()
    assert not app.error, [error.value for error in app.error]
    assert widget(app, "measure").value == name.rsplit(maxsplit=1)[-1].capitalize()
    [code] = app.code
    assert from_toml(code.value) == PLANS[name]


def test_the_widgets_show_the_plans_values(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN, measure="From TOML")
    widget(app, "bench toml").set_value(to_toml(FULL)).run()
    next(button for button in app.button if button.label == "Use this plan").click().run()
    assert widget(app, "bench distance").value == "l2"
    assert widget(app, f"bench ks {COLUMN}").value == ["5", "20"]
    assert widget(app, f"bench m {COLUMN}").value == ["8", "24"]
    assert not widget(app, "bench ivfflat l2").value
    assert widget(app, f"bench filters {COLUMN}").value == ["none", "10 %", "price <= 150"]
    assert widget(app, f"bench source {COLUMN}").value == "perturbed:0.25"
    assert widget(app, "bench rebuilds").value == 2
    assert widget(app, "bench live").value is True
    assert widget(app, "bench live clients").value is True
    [told] = [warning.value for warning in app.warning]
    assert "up to 3 clients at once" in told


def test_a_plan_without_fields_of_the_form_is_told_and_starts_as_it_is(products: Database) -> None:
    app = open_app("benchmarks", c=COLUMN, measure="From TOML")
    odd = BenchmarkPlan(COLUMN, Distance.COSINE, (), ks=(20, 10), queries=15)
    widget(app, "bench toml").set_value(to_toml(odd)).run()
    assert "Use this plan" not in [button.label for button in app.button]
    assert "The form has no fields for all of this plan" in " ".join(c.value for c in app.caption)
    assert not next(button for button in app.button if button.label == "Start benchmark").disabled
