"""Two runs beside each other: what is matched, what is paired, what is called a difference."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from dashboard.benchmark.compare import (
    COMPARED,
    asked_the_same,
    changed,
    compare,
    drift,
    matched,
    other_cpu,
)
from dashboard.benchmark.machine import SERVER_ELSEWHERE, SERVER_HERE
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.statistics import Verdict
from dashboard.benchmark.trials import sweep
from db.distance import Distance
from db.forms import parse_spec
from db.runs import LIVE, Figures, Run, Trial
from tests.trials import exact, trial

PLAN = BenchmarkPlan(
    "public.items.embedding", Distance.COSINE, sweep([parse_spec("hnsw")], {"ef_search": [40, 80]})
)


def run_of(*trials: Trial, plan: BenchmarkPlan = PLAN, run_id: int = 1) -> Run:
    return Run(
        id=run_id,
        job_id=None,
        schema="public",
        table="items",
        column="embedding",
        state="succeeded",
        plan=plan.to_params(),
        rows=1_000,
        queries=200,
        environment={},
        fingerprint_before="same",
        fingerprint_after="same",
        created_by="local",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        finished_at=datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
        trials=trials,
    )


def figures(latency_ms: float, recall: float = 0.9) -> Figures:
    """What 200 queries observed, some slower than others."""
    spread = np.linspace(0.5, 1.5, 200)
    return Figures((latency_ms * spread).tolist(), np.clip(recall * np.ones(200), 0, 1).tolist())


def test_trials_are_matched_by_index_setting_and_arm() -> None:
    live = replace(trial(value=40), arm=LIVE)
    before = [exact(), trial(value=40), trial("ivfflat", 4)]
    after = [exact(), trial(value=80), trial(value=40), live]
    assert [second for _, second in matched(before, after)] == [after[0], after[2]]


def test_a_void_trial_is_not_matched() -> None:
    assert matched([trial(void=True)], [trial()]) == []


def test_of_several_sizes_the_largest_are_matched() -> None:
    sizes = [replace(trial(), rows=rows, position=rows) for rows in (100, 400, 200)]
    [(first, second)] = matched(sizes, sizes)
    assert (first.rows, second.rows) == (400, 400)


@pytest.mark.parametrize("changed", [{"seed": 1}, {"queries": 100}, {"query_source": "perturbed:0.1"}])
def test_other_queries_are_not_paired(changed: dict[str, int]) -> None:
    other = run_of(plan=replace(PLAN, **changed))  # type: ignore[arg-type]
    assert asked_the_same(run_of(), run_of(run_id=2))
    assert not asked_the_same(run_of(), other)
    assert not asked_the_same(run_of(), replace(run_of(), fingerprint_before="changed since"))


def test_a_small_change_shows_when_every_query_is_compared_with_itself() -> None:
    before, after = run_of(trial()), run_of(trial(), run_id=2)
    pairs = matched(before.trials, after.trials)
    slower = {1: figures(1.03)}
    [paired] = compare(before, after, pairs, {1: figures(1.0)}, slower)
    [unpaired] = compare(replace(before, rows=9), after, pairs, {1: figures(1.0)}, slower)
    assert (paired.paired, unpaired.paired) == (True, False)
    assert paired.differences["p50_ms"].verdict is Verdict.WORSE
    assert paired.differences["qps"].verdict is Verdict.WORSE
    assert unpaired.differences["p50_ms"].verdict is Verdict.SAME


def test_equal_figures_are_no_real_difference_in_any_measure() -> None:
    before = run_of(trial())
    [pair] = compare(before, before, matched(before.trials, before.trials), {1: figures(1)}, {1: figures(1)})
    assert {m.key for m in COMPARED} == set(pair.differences)
    assert {d.verdict for d in pair.differences.values()} == {Verdict.SAME}


def test_the_drift_of_the_machine_is_told_by_exact_search() -> None:
    before, after = run_of(exact(100)), run_of(exact(150), run_id=2)
    known = {0: figures(1)}
    pairs = compare(before, after, matched(before.trials, after.trials), known, known)
    assert drift(pairs) == pytest.approx(1.5)
    assert drift([]) is None


def test_another_processor_is_said_and_whose_it_is() -> None:
    def on(cpu: str | None, server: str | None) -> Run:
        return replace(run_of(), environment={"server": server, "client": {"cpu": cpu}})

    here = on("AMD EPYC 9354", SERVER_HERE)
    assert other_cpu(here, here) is None
    assert other_cpu(run_of(), here) is None, "of an older run nothing is known"
    assert other_cpu(on(None, SERVER_HERE), here) is None
    told = other_cpu(here, on("Xeon", SERVER_HERE))
    assert told
    assert told.startswith("The processor is another: AMD EPYC 9354 → Xeon, of server and client.")
    told = other_cpu(here, on("Xeon", SERVER_ELSEWHERE))
    assert told
    assert "The client's processor is another: AMD EPYC 9354 → Xeon; the server's is not known." in told


def test_what_else_changed_is_told_of_what_both_runs_know() -> None:
    was = {
        "postgresql": "18.1",
        "build": "PostgreSQL 18.1 on x86_64, compiled by gcc 12, 64-bit",
        "rows": 1000,
        "client": {"cpu": "one", "kernel": "Linux 6.1", "memory_bytes": 2**33},
        "settings": {"jit": "on", "work_mem": "4MB"},
    }
    now = {
        "postgresql": "18.2",
        "build": "PostgreSQL 18.2 on x86_64, compiled by gcc 14, 64-bit",
        "rows": 2000,
        "storage": "ext4 on /dev/vda",
        "client": {"cpu": "other", "kernel": "Linux 6.8", "memory_bytes": 2**33},
        "settings": {"jit": "off", "work_mem": "4MB", "wal_compression": "off"},
    }
    before, after = (replace(run_of(), environment=known) for known in (was, now))
    assert changed(before, after) == [
        "postgresql 18.1 → 18.2",
        "rows 1,000 → 2,000",
        "build x86_64, compiled by gcc 12, 64-bit → x86_64, compiled by gcc 14, 64-bit",
        "kernel Linux 6.1 → Linux 6.8",
        "jit on → off",
    ]
    assert changed(run_of(), after) == []
