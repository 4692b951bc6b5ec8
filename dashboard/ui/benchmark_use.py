"""What to do with a run: the best setting with an index as SQL, Python and a migration; the run once more."""

from __future__ import annotations

import shlex
from dataclasses import replace

import streamlit as st

from dashboard.benchmark.advice import recipe_of
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import to_toml
from dashboard.ui import runs
from dashboard.ui.benchmark_shown import Shown
from dashboard.ui.benchmark_trials import heading
from db.catalog import ColumnInfo
from db.index_recipes import as_migration, as_python, as_sql

PLAN_FILE = "plan.toml"


def how_to_use(shown: Shown, column: ColumnInfo | None) -> None:
    """Draw what to paste to have the best setting with an index, and to repeat the run."""
    verdict = shown.verdict
    subject = verdict.index or verdict.nearest
    title = "Use this setting" if subject is verdict.cheapest else "Use an index all the same"
    heading(title, "builds without blocking writes; the setting lasts for one transaction")
    sql, python, migration, again = st.tabs(
        [
            ":material/database: SQL",
            ":material/code: Python",
            ":material/history: Alembic",
            ":material/replay: Repeat this run",
        ]
    )
    with again:
        _again(shown.plan)
    if subject is None or column is None or str(column) != shown.run.subject:
        with sql:
            st.caption("No index was measured, or the column is not there any more.")
        return
    recipe = recipe_of(replace(subject, k=shown.k, subset=shown.subset), shown.plan)
    with sql:
        st.code(as_sql(column, recipe), language="sql", wrap_lines=True)
    with python:
        st.code(as_python(column, recipe), language="python", wrap_lines=True)
    with migration:
        st.code(as_migration(column, recipe), language="python", wrap_lines=True)


def _again(plan: BenchmarkPlan) -> None:
    st.code(to_toml(plan), language="toml", wrap_lines=True)
    st.code(
        f"python -m dashboard benchmark {shlex.quote(plan.column)} --plan {PLAN_FILE}",
        language="bash",
        wrap_lines=True,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Change it and run again",
            icon=":material/edit:",
            key="run again",
            on_click=runs.ask_again,
            args=(to_toml(plan),),
        )
        st.caption(f"Save the plan as `{PLAN_FILE}` for the command line, or start it from here.")
