"""A run judged question by question: for each k and filter its trials and the verdict, also in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.ties import weighed
from dashboard.benchmark.verdict import Verdict, alike, index_name, judge, setting_name
from db.runs import Figures, Run, Trial
from db.words import counted


@dataclass(frozen=True, slots=True)
class Judged:
    """One ``k`` and ``subset``: ``every`` trial, the ``copies`` that compare, and the verdict on these."""

    k: int
    subset: str | None
    every: tuple[Trial, ...]
    copies: tuple[Trial, ...]
    verdict: Verdict


def judged(run: Run, observed: Mapping[int, Figures], target: Target | None = None) -> list[Judged]:
    """Judge a run against ``target``; left out, its plan's, else the usual one."""
    plan = BenchmarkPlan.from_params(run.plan)
    wanted = target or plan.target or Target()
    asked = dict.fromkeys((trial.k or plan.k, trial.subset) for trial in run.trials)
    return [_judged(run, k, subset, observed, wanted) for k, subset in asked]


def _judged(run: Run, k: int, subset: str | None, observed: Mapping[int, Figures], target: Target) -> Judged:
    every = tuple(t for t in run.trials if t.k in {None, k} and t.subset == subset)
    copies = tuple(t for t in alike(every, every[0].k, subset) if "build" not in t.options)
    return Judged(k, subset, every, copies, weighed(judge(copies, target), copies, observed))


def said(verdict: Verdict) -> str:
    """Say which trial is the cheapest in target, in one sentence."""
    best = verdict.cheapest
    if best is None:
        return "No trial meets the target."
    if best is verdict.exact:
        return f"Exact search meets the target with p95 {best.measures['p95_ms']:.3g} ms: no index is needed."
    m = best.measures
    place = "is the cheapest in target" if not verdict.ties else "is among the cheapest in target"
    return (
        f"{index_name(best)}, {setting_name(best)} {place}: recall {m['recall']:.3f} "
        f"[{m['recall_low']:.3f}, {m['recall_high']:.3f}], p95 {m['p95_ms']:.3g} ms "
        f"[{m['p95_ms_low']:.3g}, {m['p95_ms_high']:.3g}]."
    )


def sampled(run: Run) -> str:
    """Say that a sample was measured, and not the table; empty where every row was."""
    asked = run.plan.get("sample_rows")
    if not asked or (run.rows or 0) + (run.queries or 0) < asked:
        return ""
    return f"Measured on a sample of {counted(asked)}: on more rows exact search takes longer."


def size_over_forecast(trial: Trial) -> float | None:
    """Tell how many times as large an index is as it had been forecast; None without an index."""
    forecast = trial.facts.get("size_forecast_bytes")
    return trial.size_bytes / forecast if trial.size_bytes and forecast else None


def wal_remark(run: Run) -> str | None:
    """Say what the server's settings make of the WAL forecast of a build; None where they leave it alone.

    Source: PostgreSQL documentation, wal_level and wal_compression.
    """
    settings = (run.environment or {}).get("settings", {})
    if not any("wal_forecast_bytes" in trial.facts for trial in run.trials):
        return None
    if settings.get("wal_level") == "minimal":
        return "With wal_level = minimal a plain CREATE INDEX writes next to none of the WAL forecast."
    if (compression := settings.get("wal_compression", "off")) != "off":
        return f"With wal_compression = {compression} a build writes less than the WAL forecast."
    return None
