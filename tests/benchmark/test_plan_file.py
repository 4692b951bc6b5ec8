"""Plans as TOML."""

import tomllib
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.benchmark.plan import MOST_OFFERED, SECONDS, BenchmarkPlan
from dashboard.benchmark.plan_file import KEYS, from_toml, to_toml
from dashboard.benchmark.queries import parse_source
from dashboard.benchmark.target import SWEPT_ALONE, Target
from dashboard.benchmark.trials import Variant
from db.columns import spelled
from db.distance import Distance
from db.errors import RequestError
from db.forms import IndexSpec, parse_spec
from db.indexes import Hnsw, Ivfflat

SHORT = 'column = "public.items.embedding"\ndistance = "cosine"\n'

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
names = st.text(letters, min_size=1, max_size=12).filter(str.strip)
columns = st.tuples(names, names, names).map(lambda parts: spelled(*parts))
forms = st.sampled_from(["", "as=halfvec", "as=bit,candidates=50", "as=subvector,subvector=8", "only=10 %"])


def some(low: int, high: int, most: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(low, high), min_size=1, max_size=most, unique=True).map(tuple)


@st.composite
def variants(draw: st.DrawFn) -> Variant:
    form = draw(forms)
    if draw(st.booleans()):
        return Variant(parse_spec(f"ivfflat:lists={draw(st.integers(1, 999))},{form}"), draw(some(1, 99)))
    return Variant(
        parse_spec(f"hnsw:m={draw(st.integers(2, 32))},{form}"),
        draw(some(1, 999)),
        draw(st.sampled_from([(None,), ("off", "strict_order"), (None, "relaxed_order")])),
        draw(st.sampled_from([(None,), (500,), (None, 90_000)])),
    )


sweeps = st.builds(
    BenchmarkPlan,
    column=columns,
    distance=st.sampled_from(Distance),
    variants=st.lists(variants(), max_size=3).map(tuple),
    ks=some(1, 1000),
    queries=st.integers(1, 10_000),
    seed=st.integers(0, 2**63 - 1),
    repeats=st.integers(1, 100),
    sample_rows=st.none() | st.integers(20_000, 10**12),
    subsets=st.sampled_from(
        [("10 %",), (None, "10 %", 'name="a\\b"'), ("10 %", "t contains \x7f\t"), (None, "10 %")]
    ),
    clients=some(1, 64),
    seconds=st.integers(1, 600),
    rate=st.integers(0, MOST_OFFERED // SECONDS.high),
    rebuilds=st.integers(1, 10),
    inserts=st.integers(0, 100_000),
    live=st.booleans(),
    query_source=st.just("held-out") | st.just("perturbed:0.1") | columns.map("table:{}".format),
)


def loading_the_live_table(plan: BenchmarkPlan) -> BenchmarkPlan:
    return replace(plan, live_clients=plan.live and bool(plan.clients))


def tuned(plan: BenchmarkPlan, target: Target) -> BenchmarkPlan:
    """Leave in ``plan`` what goes with a target."""
    usual: dict[str, Any] = {f.name: f.default for f in fields(BenchmarkPlan) if f.name in SWEPT_ALONE}
    return replace(
        plan,
        variants=tuple(
            replace(v, values=(), scans=v.scans[:1], tuples=v.tuples[:1])
            for v in plan.variants
            if v.index.only in {None, *plan.subsets[:1]}
        ),
        ks=plan.ks[:1],
        subsets=plan.subsets[:1],
        target=target,
        **usual,
    )


targets = st.builds(Target, st.floats(0, 1), st.floats(1e-9, 1e9))
plans = sweeps | sweeps.map(loading_the_live_table) | st.builds(tuned, sweeps, targets)


@given(plan=plans)
def test_a_plan_comes_back_from_its_file_the_same(plan: BenchmarkPlan) -> None:
    assert from_toml(to_toml(plan)) == plan


@given(plan=plans)
def test_a_plan_comes_back_from_its_parameters_the_same(plan: BenchmarkPlan) -> None:
    assert BenchmarkPlan.from_params(plan.to_params()) == plan


def test_the_file_has_a_key_for_every_field() -> None:
    assert {key.field for key in KEYS} | {"variants", "target"} == {f.name for f in fields(BenchmarkPlan)}


def test_what_a_file_leaves_out_has_the_plans_default() -> None:
    plan = from_toml(SHORT + '[[index]]\nbuild = "hnsw"\n')

    assert plan == BenchmarkPlan(
        "public.items.embedding", Distance.COSINE, (Variant(IndexSpec(Hnsw()), (40,)),)
    )


def test_a_file_reads_as_one_would_write_it() -> None:
    plan = BenchmarkPlan(
        "items.e",
        Distance.L2,
        (Variant(IndexSpec(Ivfflat(lists=50)), (1, 10)), Variant(IndexSpec(Hnsw()), (40,), ("off", None))),
        ks=(10, 100),
        subsets=(None, "1 %"),
    )
    told = tomllib.loads(to_toml(plan))

    assert told["k"] == [10, 100]
    assert told["filters"] == ["none", "1 %"]
    assert "target" not in told
    assert tomllib.loads(to_toml(tuned(plan, Target(0.9, 5))))["target"] == {"recall": 0.9, "p95_ms": 5}
    assert told["index"] == [
        {"build": "ivfflat:lists=50", "probes": [1, 10]},
        {
            "build": "hnsw:m=16,ef_construction=64",
            "ef_search": [40],
            "iterative_scan": ["off", "default"],
        },
    ]


def test_a_partial_index_may_spell_its_filter_as_the_plan_does() -> None:
    plan = from_toml(SHORT + 'filters = ["a<=1"]\n[[index]]\nbuild = "hnsw:only=a<=1"\n')

    assert plan.variants[0].index.only == "a <= 1"
    assert list(plan.filters) == ["a <= 1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("k = [", "The plan is not TOML: "),
        ('distance = "l2"', "The plan has no column."),
        ('column = "a.b"', "The plan has no distance."),
        (SHORT + "ef_serach = [1]", "There is no 'ef_serach' in the plan."),
        (SHORT + 'queries = "200"', "queries must be a whole number, not '200'."),
        (SHORT + "queries = true", "queries must be a whole number, not True."),
        (SHORT + "queries = 2.5", "queries must be a whole number, not 2.5."),
        (SHORT + "k = 10", "k must be a list, not 10."),
        (SHORT + 'clients = [1, "2"]', "clients must be a whole number, not '2'."),
        (SHORT + "live = 1", "live must be true or false, not 1."),
        (SHORT + "queries = 0", "queries = 0 is outside 1 to 10,000."),
        (SHORT + 'query_source = "mine"', "Queries cannot come from 'mine'."),
        (SHORT + "target = 0.9", "target must be a table, not 0.9."),
        (SHORT + "[target]\nrecal = 0.9", "There is no 'recal' in [target]."),
        (SHORT + '[target]\nrecall = "high"', "recall must be a number, not 'high'."),
        (SHORT + "[target]\nrecall = 2", "A recall of 2 cannot be reached."),
        (SHORT + 'index = ["hnsw"]', "index must be a table, not 'hnsw'."),
        (SHORT + "[[index]]\nef_search = [10]", "An [[index]] does not say what to build."),
        (SHORT + '[[index]]\nbuild = "btree"', "There is no index method 'btree'."),
        (
            SHORT + '[[index]]\nbuild = "ivfflat"\nef_search = [10]',
            "There is no 'ef_search' in the [[index]] ivfflat:lists=100.",
        ),
        (SHORT + '[[index]]\nbuild = "hnsw"\nef_search = 10', "ef_search must be a list, not 10."),
        (
            SHORT + '[[index]]\nbuild = "hnsw"\niterative_scan = "off"',
            "iterative_scan must be a list, not 'off'.",
        ),
        (
            SHORT + '[[index]]\nbuild = "hnsw"\nmax_scan_tuples = ["many"]',
            "max_scan_tuples must be a whole number, not 'many'.",
        ),
        (SHORT + '[[index]]\nbuild = "hnsw"\niterative_scan = ["on"]', "hnsw has no iterative scan 'on'."),
    ],
)
def test_a_file_that_makes_no_plan_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(RequestError) as refusal:
        from_toml(text)

    assert refusal.value.message.startswith(sentence)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    "given", ["", "held-out:1", "perturbed", "perturbed:0", "perturbed:-1", "table:", "table:t"]
)
def test_a_source_of_queries_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(RequestError):
        parse_source(given)
