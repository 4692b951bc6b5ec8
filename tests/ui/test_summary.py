"""The overview's conclusions, from hand-made columns, runs and jobs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.nav import PAGES
from dashboard.ui.summary import BROKEN, EMPTY, EXACT_ONLY, INDEXED, Health, Way, finding, health, next_step
from db.catalog import ColumnInfo
from db.distance import Distance
from db.index_catalog import IndexInfo
from db.jobs import Job
from db.runs import Run, Trial

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALID = IndexInfo(
    name="products_hnsw",
    method="hnsw",
    operator_class="vector_cosine_ops",
    distance=Distance.COSINE,
    options={"m": 16, "ef_construction": 64},
    key="embedding",
    predicate=None,
    is_expression=False,
    valid=True,
    ready=True,
    size_bytes=8_000_000,
    scans=3,
)
INVALID = replace(VALID, name="half_built", valid=False)
COLUMN = ColumnInfo(
    schema="public",
    table="products",
    column="embedding",
    type="vector",
    dimensions=384,
    key=("id",),
    kind="table",
    rows=10_000,
    rows_exact=True,
    size_bytes=22_000_000,
    total_bytes=23_000_000,
    column_bytes=15_000_000,
    null_share=0.0,
    comment=None,
    table_comment=None,
    indexes=(),
)
SMALLER = replace(COLUMN, table="reviews", rows=500)


def way(columns: list[ColumnInfo], runs: list[Run], active: Sequence[Job] = ()) -> Way:
    found = next_step(columns, runs, active).way
    assert found
    return found


def trial(method: str, p95_ms: float, recall: float, **more: Any) -> Trial:
    measures = {"recall": recall, "recall_low": recall - 0.01, "recall_high": recall, "p95_ms": p95_ms}
    return Trial(
        position=0,
        method=method,
        options={"m": 16} if method == "hnsw" else {},
        setting={"ef_search": 40} if method == "hnsw" else {},
        state="measured",
        reason=None,
        plan_node="",
        plan={},
        pinned=False,
        queries=100,
        measures=measures | {"speedup": 52.0 / p95_ms},
        **more,
    )


RUN = Run(
    id=7,
    job_id=3,
    schema="public",
    table="products",
    column="embedding",
    state="succeeded",
    plan=BenchmarkPlan("public.items.embedding", Distance.COSINE, ()).to_params(),
    rows=10_000,
    queries=100,
    environment=None,
    fingerprint_before=None,
    fingerprint_after=None,
    created_by="local",
    started_at=NOW,
    finished_at=NOW,
    trials=(trial("exact", 52.0, 1.0), trial("hnsw", 2.0, 0.99, build_s=1.2, size_bytes=8 * 2**20)),
)
JOB = Job(
    id=12,
    kind="populate",
    params={"schema": "public", "table": "products"},
    state="running",
    attempt=1,
    max_attempts=3,
    epoch=1,
    worker="host:1",
    done=250,
    total=1_000,
    unit="rows",
    phase="loading",
    checkpoint={},
    result=None,
    cancel_requested=False,
    error=None,
    remedy=None,
    created_by="local",
    created_at=NOW,
    started_at=NOW,
    finished_at=None,
    heartbeat_age_s=0.2,
    running_s=3.0,
)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(COLUMN, EXACT_ONLY, id="no index"),
        pytest.param(replace(COLUMN, indexes=(VALID,)), INDEXED, id="a valid index"),
        pytest.param(replace(COLUMN, indexes=(VALID, INVALID)), BROKEN, id="one of two is invalid"),
        pytest.param(replace(COLUMN, rows=0, indexes=(VALID,)), EMPTY, id="no rows"),
        pytest.param(replace(COLUMN, rows=None), EXACT_ONLY, id="rows unknown"),
    ],
)
def test_the_health_of_a_column(column: ColumnInfo, expected: Health) -> None:
    assert health(column) is expected


def test_a_running_job_is_what_to_look_at_first() -> None:
    step = next_step([], [], [JOB])
    assert step.sentence == "Populate of `public.products` is running, 25% done."
    assert step.way == Way("Watch it", ":material/visibility:", "jobs.py", {"job": "12"})


def test_nothing_to_see_asks_for_sample_data() -> None:
    assert way([], []).page == "seed.py"
    assert way([replace(COLUMN, rows=0)], []).page == "seed.py"


def test_an_invalid_index_is_named_with_what_repairs_it() -> None:
    step = next_step([replace(COLUMN, indexes=(INVALID,))], [RUN], [])
    assert "`half_built` is invalid" in step.sentence
    assert step.statement == "REINDEX INDEX CONCURRENTLY public.half_built;"


def test_the_largest_column_without_a_benchmark_is_to_be_measured() -> None:
    assert way([SMALLER, COLUMN], []).query == {"c": "public.products.embedding"}
    assert way([SMALLER, COLUMN], [RUN]).query == {"c": "public.reviews.embedding"}


def test_a_failed_run_measures_nothing() -> None:
    assert way([COLUMN], [replace(RUN, state="failed")]).query == {"c": "public.products.embedding"}


def test_when_all_is_measured_the_last_finding_is_told() -> None:
    assert way([COLUMN], [RUN]).query == {"run": "7"}
    assert (
        "no index needed"
        in next_step([COLUMN], [replace(RUN, trials=(trial("exact", 5.0, 1.0),))], []).sentence
    )
    assert "misses the target" in next_step([COLUMN], [replace(RUN, trials=())], []).sentence


def test_a_finding_names_index_setting_recall_gain_size_and_build_time() -> None:
    slow_exact = replace(RUN, trials=(trial("exact", 90.0, 1.0), RUN.trials[1]))
    told = finding(slow_exact).sentence
    for part in ("HNSW m=16", "ef_search=40", "recall 0.99", "26 times faster", "+8.0 MB", "built in 1.2 s"):
        assert part in told


@pytest.mark.parametrize(
    "taken",
    [way([], [], [JOB]), way([], []), way([COLUMN], []), way([COLUMN], [RUN])],
    ids=lambda taken: taken.button,
)
def test_every_way_leads_to_a_page_that_exists(taken: Way) -> None:
    assert taken.page in {page.file for page in PAGES}
