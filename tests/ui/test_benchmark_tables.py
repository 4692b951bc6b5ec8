"""The table of trials, and what a run was measured on."""

from dataclasses import replace
from datetime import UTC, datetime

from dashboard.benchmark.machine import SERVER_HERE
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.statistics import Difference
from dashboard.benchmark.statistics import Verdict as Told
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import sweep
from dashboard.benchmark.verdict import Standing, Tie, judge, setting_name
from dashboard.ui import benchmark_tables as tables
from dashboard.ui.benchmark_live import steps
from dashboard.ui.benchmark_shown import seen
from db.distance import Distance
from db.forms import parse_spec
from db.runs import LIVE, Run, Trial
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


def short(*, recall: float = 0.99) -> Trial:
    return replace(trial(value=20, recall=recall, p95_ms=0.1), queries=50, facts={"of_queries": 200})


def test_every_standing_has_a_chip_of_its_own_with_a_sign() -> None:
    trials = [
        exact(),
        trial(p95_ms=1),
        trial(p95_ms=2),
        trial(p95_ms=30),
        trial(recall=0.1),
        trial(void=True),
        short(),
        trial(p95_ms=1.1),
    ]
    tie = Tie(trials[-1], Difference(0.1, -0.1, 0.2, Told.SAME), 1.0)
    sure = judge(trials, Target())
    frames = [tables.judged(trials, verdict) for verdict in (sure, replace(sure, ties=(tie,)))]
    chips = {chip[0] for frame in frames for chip in frame["Verdict"]}
    assert len(chips) == len(Standing)
    assert chips <= set(tables.CHIP_COLORS)
    assert not any(chip[0].isalnum() for chip in chips)


def test_a_trial_of_few_queries_says_how_many_and_does_not_compete() -> None:
    trials = [
        replace(t, position=i) for i, t in enumerate((exact(), trial(p95_ms=3), short(), short(recall=0.4)))
    ]
    frame = tables.judged(trials, judge(trials, Target()))
    assert frame["Queries"].tolist() == [200, 200, 50, 50]
    assert [chip[0] for chip in frame["Verdict"]][1:] == [
        "★ cheapest",
        "◔ reaches recall",
        "✕ misses recall",
    ]
    assert tables.so_far((), trials)["Queries"].tolist() == [200, 200, 50, 50]
    assert "Queries" not in tables.judged(trials[:2], judge(trials, Target()))
    assert seen(replace(RUN, trials=tuple(trials)), Target()).copies == tuple(trials[:2])


def test_a_void_trial_has_no_figures_but_its_build() -> None:
    [row] = tables.judged([trial(void=True)], judge([], Target())).to_dict("records")
    assert row["Plan"] == "Seq Scan"
    assert row["Build s"] == 12
    assert row["Recall"] != row["Recall"]


def test_figures_carry_their_units() -> None:
    [row] = tables.judged([trial(p95_ms=4)], judge([], Target())).to_dict("records")
    assert (row["p95 ms"], row["Size MB"], row["QPS"]) == (4, 50, 250)
    assert row["95 % interval"] == "0.98 to 1.00"
    assert row["p95 interval"] == "3.60 to 4.40"
    assert row["Worst tenth"] == 0.89


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


def test_a_tuned_run_that_goes_on_shows_its_trials_and_no_plan() -> None:
    candidates = tuple(replace(variant, values=()) for variant in PLAN.variants)
    plan = replace(PLAN, variants=candidates, target=Target(0.9, 5))
    assert [step.state for step in steps(plan, (exact(), trial()))] == ["done", "current", "waiting"]
    assert tables.so_far((), [exact(), trial()])["Setting"].tolist() == ["no index", "ef_search=40"]


def test_the_live_table_is_told_apart_and_rows_are_shown_where_they_differ() -> None:
    live = replace(trial(), arm=LIVE, rows=10_000)
    frame = tables.judged([replace(trial(), rows=9_800), live], judge([], Target()))
    assert frame["Index"].tolist()[1] == "live table: HNSW m=16, ef_construction=64"
    assert frame["Rows"].tolist() == [9_800, 10_000]
    assert "Rows" not in tables.judged([trial()], judge([], Target()))


def test_missing_rows_have_a_column_where_there_are_any() -> None:
    def under_filled(share: float) -> Trial:
        return replace(trial(), measures=trial().measures | {"under_fill": share})

    assert "Missing" not in tables.judged([under_filled(0)], judge([], Target()))
    assert tables.judged([under_filled(0.2)], judge([], Target()))["Missing"].tolist() == [0.2]


def test_the_share_of_queries_under_the_target_stands_beside_the_mean() -> None:
    frame = tables.judged([exact(), trial()], judge([], Target()), {1: 0.25})
    assert frame["Under target"].tolist()[1] == 0.25


def test_a_run_says_whose_machine_its_figures_are() -> None:
    told = tables.circumstances(RUN)["Machine"]
    assert told.startswith("a processor not known, 2 CPUs, 8.0 GB, load 0.4 at the start")
    assert told.endswith("(the client's; the server's is not known)")
    known = dict(RUN.environment or {})
    client = {**known["client"], "cpu": "AMD EPYC", "system": "Debian 12", "kernel": "Linux 6.1"}
    here = known | {"client": client, "server": SERVER_HERE, "storage": "ext4 on /dev/vda"}
    facts = tables.circumstances(replace(RUN, environment=here))
    assert facts["Machine"].startswith("AMD EPYC, 2 CPUs")
    assert facts["Machine"].endswith("(server and client)")
    assert (facts["System"], facts["Storage"]) == ("Debian 12, Linux 6.1", "ext4 on /dev/vda")


def test_a_run_says_where_its_queries_came_from_and_how_quiet_the_machine_was() -> None:
    noise = {"remarks": [], "others_cpus": 0.2, "steal": 0.0, "drift": 1.08}
    run = replace(
        RUN,
        plan=replace(PLAN, query_source="perturbed:0.1").to_params(),
        environment={**(RUN.environment or {}), "noise": noise, "forecast": {"total_s": 60.0}},
    )
    facts = tables.circumstances(run)
    assert facts["Queries"] == "200 from perturbed:0.1, seed 0, asked once"
    assert facts["Noise"].startswith("quiet")
    assert facts["Order"].endswith("took up to 1.08 times as long beside one as beside another")
    assert facts["Took"] == "1 min 15 s; forecast was 1 min 0 s"


def test_a_run_is_seen_at_one_k_and_filter_by_its_largest_copy_and_first_builds() -> None:
    rebuilt = replace(trial(), options={"m": 16, "ef_construction": 64, "build": 2})
    kept = [replace(trial(), k=10, rows=rows, position=rows) for rows in (100, 200)]
    others = [replace(trial(), k=5, rows=200), replace(trial(), k=10, rows=200, subset="1 %")]
    run = replace(RUN, trials=(*kept, replace(rebuilt, k=10, rows=200), *others))
    shown = seen(run, Target(), 10)
    assert [(t.rows, t.position) for t in shown.copies] == [(200, 200)]
    assert len(shown.every) == 3
    [filtered] = seen(run, Target(), 10, "1 %").copies
    assert setting_name(filtered) == "ef_search=40"


def test_a_run_of_an_earlier_release_did_not_write_its_k() -> None:
    run = replace(RUN, trials=(exact(), trial()))
    assert seen(run, Target()).copies == run.trials
