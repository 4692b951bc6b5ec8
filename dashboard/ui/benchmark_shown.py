"""What of a run is on the page: the k, the filter and the target that the reader has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import Verdict, alike, index_name, judge
from dashboard.ui import state
from dashboard.ui.units import counted, duration
from db.runs import COPY, LIVE, Run, Trial

NEIGHBOURS, FILTER = "neighbours", "filter"
ALL_ROWS = "all rows"


@dataclass(frozen=True, slots=True)
class Shown:
    """A run, seen at one ``k`` and ``subset``, and judged by ``verdict``.

    ``every`` are its trials of these; ``copies`` those that compare: on the largest copy, and built first
    where indexes were built several times; ``live`` those on the table as it stands.
    """

    run: Run
    plan: BenchmarkPlan
    k: int
    subset: str | None
    every: tuple[Trial, ...]
    copies: tuple[Trial, ...]
    verdict: Verdict

    @property
    def live(self) -> tuple[Trial, ...]:
        """The trials on the live table."""
        return tuple(trial for trial in self.every if trial.arm == LIVE)

    @property
    def target(self) -> Target:
        """What a search must reach."""
        return self.verdict.target


def seen(run: Run, target: Target, k: int | None = None, subset: str | None = None) -> Shown:
    """See a run at one ``k`` and ``subset``; left out, at the first of its own."""
    plan = BenchmarkPlan.from_params(run.plan)
    k = plan.k if k is None else k
    every = at(run.trials, k, subset)
    copies = tuple(t for t in alike(every) if "build" not in t.options)
    return Shown(run, plan, k, subset, every, copies, judge(copies, target))


def at(trials: Sequence[Trial], k: int, subset: str | None) -> tuple[Trial, ...]:
    """Choose the trials of one ``k`` and ``subset``, without these two: what all have in common is said once.

    Runs of earlier releases knew one k, and did not write it down with each trial.
    """
    chosen = (trial for trial in trials if trial.k in {None, k} and trial.subset == subset)
    return tuple(replace(trial, k=None, subset=None) for trial in chosen)


def pick(run: Run) -> Shown:
    """Let the reader choose k and filter, where the run has several, and the target; all in the address."""
    plan = BenchmarkPlan.from_params(run.plan)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="right"):
        k, subset = _pick_k(run, plan), _pick_subset(run)
        if plan.target:
            _tell_tuned(run, plan, plan.target)
        return seen(run, plan.target or _pick_target(), k, subset)


def _pick_k(run: Run, plan: BenchmarkPlan) -> int:
    ks = [str(k) for k in dict.fromkeys(t.k for t in run.trials if t.k)]
    if len(ks) < 2:
        return int(ks[0]) if ks else plan.k
    chosen = st.segmented_control("k", ks, default=ks[0], required=True, key=NEIGHBOURS, bind="query-params")
    return int(chosen or ks[0])


def _pick_subset(run: Run) -> str | None:
    subsets = list(dict.fromkeys(t.subset or ALL_ROWS for t in run.trials if t.arm == COPY))
    if len(subsets) < 2:
        return next((t.subset for t in run.trials), None)
    chosen = st.selectbox("Filter", subsets, key=FILTER, bind="query-params", width=170)
    return None if chosen == ALL_ROWS else chosen


def _tell_tuned(run: Run, plan: BenchmarkPlan, target: Target) -> None:
    sizes = sorted({trial.rows for trial in run.trials if trial.rows})
    copies = " and ".join(f"{rows:,}" for rows in sizes)
    took = f" in {duration((run.finished_at - run.started_at).total_seconds())}" if run.finished_at else ""
    with st.container(gap="xxsmall", width=360):
        st.badge("Tuned", icon=":material/target:", color="primary")
        st.caption(
            f"for recall ≥ {target.recall:g} and p95 ≤ {target.p95_ms:g} ms: of {len(plan.variants)} "
            f"candidates, {counted(len(run.trials), 'trial')} on copies of {copies} rows{took}. The trials "
            f"below are the evidence, with every setting that was asked; {_chosen(len(sizes))}."
        )


def _chosen(sizes: int) -> str:
    """Say which candidates were built on all rows."""
    if sizes > 1:
        return "a small copy put the candidates in order; the first two or three that meet it are compared"
    return "each candidate was built, and given up once it was decided"


def _pick_target() -> Target:
    usual = Target()
    state.drop_beyond("recall", 0, 1)
    state.drop_beyond("p95", 0.01, 1e9)
    recall = st.number_input(
        "Recall, at least", 0.0, 1.0, usual.recall, 0.01, key="recall", bind="query-params", width=140
    )
    p95_ms = st.number_input(
        "p95 latency, ms, at most", 0.01, None, usual.p95_ms, 1.0, key="p95", bind="query-params", width=170
    )
    return Target(recall, p95_ms)


def one_per_index(trials: Sequence[Trial], target: Target) -> list[Trial]:
    """Choose exact search, and for each index the setting that does best against the target."""
    by_index: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.is_measured:
            by_index.setdefault(index_name(trial), []).append(trial)
    judged = [judge(group, target) for group in by_index.values()]
    return [t for t in (v.cheapest or v.nearest or v.exact for v in judged) if t]
