"""The trials of a run as a table, and what to do with what they found."""

from __future__ import annotations

import json
import shlex

import pandas as pd
import streamlit as st

from dashboard.benchmark.document import to_document
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.verdict import Verdict, index_name, setting_name
from dashboard.ui import benchmark_tables as tables
from dashboard.ui.messages import escaped
from db.catalog import ColumnInfo
from db.index_recipes import Recipe, as_python, as_sql
from db.runs import Run


def heading(title: str, note: str) -> None:
    """Draw a card's title with its note close below."""
    with st.container(gap=None):
        st.subheader(title, anchor=False)
        st.caption(note)


def trials_card(run: Run, verdict: Verdict, k: int) -> None:
    """Draw every trial with where it stands, what is to say about it, and the run to take away."""
    void = [trial for trial in run.trials if not trial.is_measured]
    with st.container(border=True):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left:
            heading(
                "Trials",
                f"{len(run.trials)} trials, {len(run.trials) - len(void)} measured · latencies of one client",
            )
        frame = tables.judged(run.trials, verdict)
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
                options=list(tables.CHIP_COLORS), color=list(tables.CHIP_COLORS.values()), width=112
            ),
            "Index": text(width=182),
            "Setting": text(width=86),
            "Plan": text(
                width=72, help="The node that read the table; a trial without the expected one is void"
            ),
            "Recall": st.column_config.ProgressColumn(
                f"Recall@{k}", format="%.3f", min_value=0, max_value=1, width=92
            ),
            "95 % interval": text(width=84),
            **{name: number(format="%.2f", width=54) for name in ("p50 ms", "p95 ms", "p99 ms")},
            "QPS": number(format="%,.0f", width=48),
            "Build s": number(format="%.1f", width=50),
            "Size MB": number(format="%.1f", width=56),
        },
    )


def how_to_use(run: Run, verdict: Verdict, column: ColumnInfo | None) -> None:
    """Draw what to paste to have the best setting with an index, and to repeat the run."""
    subject = verdict.index or verdict.nearest
    title = "Use this setting" if subject is verdict.cheapest else "Use an index all the same"
    heading(title, "builds without blocking writes; the setting lasts for one transaction")
    plan = BenchmarkPlan.from_params(run.plan)
    sql, python, again = st.tabs(
        [":material/database: SQL", ":material/code: Python", ":material/replay: Repeat this run"]
    )
    with again:
        st.code(_command(plan), language="bash", wrap_lines=True)
    if subject is None or column is None or str(column) != run.subject:
        return
    trial = plan.trials[subject.position]
    assert trial.index is not None
    subset = plan.filters.get(trial.subset or "")
    filters = subset.filters if subset else ()
    recipe = Recipe(trial.index, trial.parameters, plan.distance, trial.k, filters)
    with sql:
        st.code(as_sql(column, recipe), language="sql", wrap_lines=True)
    with python:
        st.code(as_python(column, recipe), language="python", wrap_lines=True)


def _command(plan: BenchmarkPlan) -> str:
    """Write the command that carries out the same plan."""
    words = ["python -m dashboard benchmark", shlex.quote(plan.column)]
    swept: dict[str, dict[int, None]] = {}
    for variant in plan.variants:
        words.append(f"--index {shlex.quote(str(variant.index))}")
        swept.setdefault(variant.index.method.search.name, {}).update(dict.fromkeys(variant.values))
    for name, values in swept.items():
        words.append(f"--{name.replace('_', '-')} {','.join(map(str, values))}")
    words.append(f"-k {','.join(map(str, plan.ks))} --distance {plan.distance.stem}")
    words.append(f"--queries {plan.queries} --seed {plan.seed}")
    words.append(f"--repeats {plan.repeats}" + (f" --sample {plan.sample_rows}" if plan.sample_rows else ""))
    return " ".join(words)
