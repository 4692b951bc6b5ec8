"""The table of trials, and what a run was measured on."""

from dataclasses import replace
from datetime import UTC, datetime

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import sweep
from dashboard.benchmark.verdict import Standing, judge
from dashboard.ui import benchmark_tables as tables
from dashboard.ui.benchmark_live import steps
from db.distance import Distance
from db.forms import parse_spec
from db.runs import Run
from tests.trials import exact, trial

PLAN = BenchmarkPlan(
    "public.items.embedding",
    Distance.COSINE,
    sweep([parse_spec("hnsw"), parse_spec("ivfflat")], {"ef_search": [40, 80], "probes": [1]}),
)
RUN = Run(
    id=7,
    job_id=None,
    schema="public",
    table="items",
    column="embedding",
    state="succeeded",
    plan=PLAN.to_params(),
    rows=9_800,
    queries=200,
    environment={
        "postgresql": "18.4",
        "pgvector": "0.8.5",
        "type": "vector",
        "dimensions": 384,
        "rows_without_vector": 3,
        "settings": {"shared_buffers": "2GB", "work_mem": "4MB"},
        "client": {"cpus": 2, "memory_bytes": 2**33, "load_average": [0.4, 0.3, 0.2]},
    },
    fingerprint_before="abcdef0123",
    fingerprint_after="abcdef0123",
    created_by="local",
    started_at=datetime(2026, 1, 1, 12, 0, tzinfo=UTC),
    finished_at=datetime(2026, 1, 1, 12, 1, 15, tzinfo=UTC),
    trials=(),
)


def test_every_standing_has_a_chip_of_its_own_with_a_sign() -> None:
    trials = [
        exact(),
        trial(p95_ms=1),
        trial(p95_ms=2),
        trial(p95_ms=30),
        trial(recall=0.1),
        trial(void=True),
    ]
    frame = tables.judged(trials, judge(trials, Target()))
    chips = {chip[0] for chip in frame["Verdict"]}
    assert len(chips) == len(Standing)
    assert chips <= set(tables.CHIP_COLORS)
    assert not any(chip[0].isalnum() for chip in chips)


def test_a_void_trial_has_no_figures_but_its_build() -> None:
    [row] = tables.judged([trial(void=True)], judge([], Target())).to_dict("records")
    assert row["Plan"] == "Seq Scan"
    assert row["Build s"] == 12
    assert row["Recall"] != row["Recall"]


def test_figures_carry_their_units() -> None:
    [row] = tables.judged([trial(p95_ms=4)], judge([], Target())).to_dict("records")
    assert (row["p95 ms"], row["Size MB"], row["QPS"]) == (4, 50, 250)
    assert row["95 % interval"] == "0.98 to 1.00"


def test_a_run_that_goes_on_shows_what_is_stored_measured_and_waiting() -> None:
    frame = tables.so_far(PLAN.trials, [exact(), trial(value=40, position=1)])
    assert [chip[0] for chip in frame["Verdict"]] == [
        tables.MEASURED,
        tables.MEASURED,
        tables.MEASURING,
        tables.QUEUED,
    ]
    assert list(frame["Setting"]) == ["no index", "ef_search=40", "ef_search=80", "probes=1"]


def test_the_steps_of_a_run_follow_its_trials() -> None:
    begun = list(steps(PLAN, (exact(), trial(value=40, position=1))))
    assert [step.state for step in begun] == ["done", "done", "current", "waiting", "waiting"]
    assert begun[2].note == "1 of 2 trials, built in 12 s, 50.0 MB"
    assert [step.state for step in steps(PLAN, ())] == ["current", *["waiting"] * 4]


def test_a_run_says_what_it_was_measured_on_and_that_the_table_is_unchanged() -> None:
    facts = tables.circumstances(RUN)
    assert facts["Rows"] == "9,800 searched, vector(384); left out: 3 NULL"
    assert facts["Took"] == "1 min 15 s"
    assert facts["Table"].startswith("unchanged")
    assert "changed by somebody else" in tables.circumstances(replace(RUN, fingerprint_after="x"))["Table"]
