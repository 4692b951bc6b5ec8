"""A benchmark's run, finished or going on: verdict, tiles, charts, trials, and how to use what was found."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.benchmark.document import to_document
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.verdict import Target, Verdict, index_name, judge, setting_name
from dashboard.ui import benchmark_tables as tables
from dashboard.ui import charts
from dashboard.ui.messages import escaped
from dashboard.ui.tables import facts
from dashboard.ui.units import duration, size
from dashboard.ui.verdict_words import words
from db.catalog import ColumnInfo
from db.index_recipes import as_python, as_sql
from db.indexes import METHODS, IndexMethod
from db.runs import Run, Trial

_PLAIN = {"displayModeBar": False}


def heading(title: str, note: str) -> None:
    """Draw a card's title with its note close below."""
    with st.container(gap=None):
        st.subheader(title, anchor=False)
        st.caption(note)


def pick_target() -> Target:
    """Let the reader say what a search must reach; it stands in the address."""
    usual = Target()
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="right"):
        recall = st.number_input(
            "Recall, at least", 0.0, 1.0, usual.recall, 0.01, key="recall", bind="query-params", width=140
        )
        p95_ms = st.number_input(
            "p95 latency, ms, at most",
            0.01,
            None,
            usual.p95_ms,
            1.0,
            key="p95",
            bind="query-params",
            width=170,
        )
    return Target(recall, p95_ms)


def report(run: Run, column: ColumnInfo | None) -> None:
    """Draw a run that is over."""
    k = int(run.plan["k"])
    with st.container(border=True, gap="xxsmall"):
        left, right = st.columns([3, 2], vertical_alignment="top")
        with right:
            verdict = judge(run.trials, pick_target())
        with left:
            _verdict(verdict, len(run.trials), k)
    if verdict.exact is None:
        return
    subject = verdict.index or verdict.best_miss
    _tiles(verdict.exact, subject)
    _charts(run, verdict, subject)
    _trials(run, verdict, k)
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        _use(run, subject, column)
    with right.container(border=True, height="stretch"):
        heading("Measured on", "everything needed to judge and repeat this run")
        facts(tables.circumstances(run), "What this run was measured on")


def _verdict(verdict: Verdict, trials: int, k: int) -> None:
    said = words(verdict, trials, k)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(said.badge, icon=said.icon, color=said.color)  # type: ignore[arg-type]
        st.caption(said.caption)
    st.header(said.sentence, anchor=False)
    if said.remark:
        st.markdown(f":material/info: {said.remark}")


def _tiles(exact: Trial, subject: Trial | None) -> None:
    trial = subject or exact
    measures, before = trial.measures, exact.measures
    gain = subject is not None
    a, b, c, d = st.columns(4)
    a.metric(
        "p95 latency",
        f"{measures['p95_ms']:,.3g} ms",
        f"{measures['p95_ms'] - before['p95_ms']:+,.3g} ms" if gain else None,
        delta_color="inverse",
        border=True,
        icon=":material/timer:",
        delta_description=f"exact {before['p95_ms']:,.3g}" if gain else None,
    )
    b.metric(
        "Recall, worst tenth",
        f"{measures['worst_decile']:.2f}",
        f"{measures['worst_decile'] - measures['recall']:+.2f}" if gain else None,
        border=True,
        icon=":material/vertical_align_bottom:",
        delta_description="to the mean" if gain else None,
    )
    c.metric(
        "Throughput, one client",
        f"{measures['qps']:,.3g} QPS",
        f"{measures['qps'] - before['qps']:+,.3g} QPS" if gain else None,
        border=True,
        icon=":material/speed:",
        delta_description=f"exact {before['qps']:,.3g}" if gain else None,
    )
    built = trial.build_s is not None and trial.size_bytes is not None
    d.metric(
        "Index",
        size(trial.size_bytes) if trial.size_bytes is not None else "none",
        f"built in {duration(trial.build_s)}" if built and trial.build_s is not None else None,
        delta_color="off",
        delta_arrow="off",
        border=True,
        icon=":material/hard_drive:",
    )
    st.caption(
        f"The figures of {index_name(trial)}, {setting_name(trial)}; beside them those of exact search."
    )


def _charts(run: Run, verdict: Verdict, subject: Trial | None) -> None:
    k = int(run.plan["k"])
    a, b = st.columns([3, 2])
    with a.container(border=True, height="stretch"):
        heading(
            "Recall against latency",
            f"a point is one trial of {run.queries or 0:,} queries, named by its setting; whiskers are 95 % intervals",
        )
        st.plotly_chart(
            charts.recall_against_latency(run.trials, k=k, target=verdict.target, best=verdict.cheapest),
            key="frontier",
            config=_PLAIN,
            alt=charts.frontier_alt(run.trials, k),
        )
    with b.container(border=True, height="stretch"):
        heading(
            "Latency with and without an index",
            "p95 of each index at its best setting: in target, else nearest to it",
        )
        st.plotly_chart(
            charts.latency_with_and_without(_one_per_index(run.trials, verdict), target=verdict.target),
            key="latency",
            config=_PLAIN,
            alt="p95 latency without an index and with each index, in milliseconds",
        )


def _one_per_index(trials: Sequence[Trial], verdict: Verdict) -> list[Trial]:
    """Choose exact search, and for each index the setting that does best against the target."""
    by_index: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.is_measured:
            by_index.setdefault(index_name(trial), []).append(trial)
    judged = [judge(group, verdict.target) for group in by_index.values()]
    return [t for t in (v.cheapest or v.best_miss or v.exact for v in judged) if t]


def _trials(run: Run, verdict: Verdict, k: int) -> None:
    void = [trial for trial in run.trials if not trial.is_measured]
    with st.container(border=True):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left:
            heading(
                "Trials",
                f"{len(run.trials)} trials, {len(run.trials) - len(void)} measured · latencies as one client sees them",
            )
        frame = tables.judged(run.trials, verdict, k)
        with right.container(horizontal=True, horizontal_alignment="right"):
            _downloads(run, frame)
        trial_table(frame, k)
        for trial in run.trials:
            if trial.reason:
                icon, word = (
                    (":material/info:", "") if trial.is_measured else (":material/block:", " is void")
                )
                st.caption(
                    f"{icon} **{index_name(trial)}, {setting_name(trial)}{word}:** {escaped(trial.reason)}"
                )


def _downloads(run: Run, frame: pd.DataFrame) -> None:
    document = json.dumps(to_document(run), default=str, indent=2)
    st.download_button(
        "JSON", document, f"run-{run.id}.json", "application/json", icon=":material/download:", key="json"
    )
    plain = frame.assign(Verdict=[chips[0] for chips in frame["Verdict"]])
    st.download_button(
        "CSV",
        plain.to_csv(index=False),
        f"run-{run.id}.csv",
        "text/csv",
        icon=":material/download:",
        key="csv",
    )


def trial_table(frame: pd.DataFrame, k: int) -> None:
    """Draw trials."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    st.dataframe(
        frame,
        hide_index=True,
        key="trials",
        height="content",
        placeholder="-",
        alt="The trials of this run: verdict, index, setting, plan, recall, latencies, build time and size",
        column_config={
            # A multiselect column draws coloured chips in a read-only table: sign, word and colour.
            "Verdict": st.column_config.MultiselectColumn(
                options=list(tables.CHIP_COLORS), color=list(tables.CHIP_COLORS.values()), width=150
            ),
            "Index": text(width=190),
            "Setting": text(width=96),
            "Plan": text(
                width=90, help="The node that read the table; a trial without the expected one is void"
            ),
            "Recall": st.column_config.ProgressColumn(
                f"Recall@{k}", format="%.3f", min_value=0, max_value=1, width=118
            ),
            "95 % interval": text(width=92),
            **{name: number(format="%.3g", width=60) for name in ("p50, ms", "p95, ms", "p99, ms")},
            "QPS": number(format="%,.0f", width=56),
            "Build, s": number(format="%.1f", width=58),
            "Size, MB": number(format="%.1f", width=62),
        },
    )


def _use(run: Run, subject: Trial | None, column: ColumnInfo | None) -> None:
    heading("Use this setting", "builds without blocking writes; the setting lasts for one transaction")
    plan = BenchmarkPlan.from_params(run.plan)
    sql, python, again = st.tabs(
        [":material/database: SQL", ":material/code: Python", ":material/replay: Repeat this run"]
    )
    with again:
        st.code(_command(plan), language="bash", wrap_lines=True)
    if subject is None or column is None:
        return
    index: IndexMethod = METHODS[subject.method](**subject.options)
    wanted = index.setting(next(iter(subject.setting.values())))
    with sql:
        st.code(as_sql(column, index, wanted, plan.distance, plan.k), language="sql", wrap_lines=True)
    with python:
        st.code(as_python(column, index, wanted, plan.distance, plan.k), language="python", wrap_lines=True)


def _command(plan: BenchmarkPlan) -> str:
    """Write the command that carries out the same plan."""
    words = ["python -m dashboard benchmark", shlex.quote(plan.column)]
    swept: dict[str, tuple[int, ...]] = {}
    for variant in plan.variants:
        words.append(f"--index {variant.index}")
        swept[variant.index.search.name] = variant.values
    for name, values in swept.items():
        words.append(f"--{name.replace('_', '-')} {','.join(map(str, values))}")
    words.append(f"-k {plan.k} --distance {plan.distance.stem} --queries {plan.queries} --seed {plan.seed}")
    return " ".join(words)
