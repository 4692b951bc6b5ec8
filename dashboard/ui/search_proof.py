"""The proof of an answer: its plan, what to paste elsewhere, and what other settings would have found."""

from __future__ import annotations

import streamlit as st

from dashboard.question import Answer
from dashboard.ui import doctor_view, state
from dashboard.ui import search_tables as tables
from dashboard.ui.plan_words import plan_sentence
from dashboard.ui.search_bar import use_settings
from dashboard.ui.search_view import ROW_PX, card_title
from db.ladder import Rung
from db.recipes import as_python, as_sql
from db.search import SearchResult

_CODE_PX = 360


def proof(answer: Answer) -> None:
    """Draw how the answer came about, and how to have it elsewhere; beside it what other settings find."""
    rungs = state.rungs(answer, answer.token)
    if not rungs:
        with st.container(border=True):
            _plan_and_recipes(answer.best)
        return
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        _plan_and_recipes(answer.best)
    with right.container(border=True, height="stretch"):
        _ladder(rungs)


def _plan_and_recipes(result: SearchResult) -> None:
    tree, sql, python = st.tabs(
        [":material/account_tree: Plan", ":material/database: SQL", ":material/code: Python"]
    )
    with tree:
        _plan(result)
    with sql:
        st.code(as_sql(result), language="sql", wrap_lines=True, height=_CODE_PX)
        if st.button("Ask the plan doctor", icon=":material/stethoscope:", key="ask doctor"):
            doctor_view.send(result.sql, result.request.settings.parameters())
    with python:
        st.code(as_python(result), language="python", wrap_lines=True, height=_CODE_PX)


def _plan(result: SearchResult) -> None:
    """Draw a plan in words and as a tree."""
    st.markdown(plan_sentence(result))
    frame = tables.plan_tree(result.plan)
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        key="plan",
        height="content",
        row_height=ROW_PX,
        alt="Query plan, one line per step",
        column_config={
            "Step": st.column_config.TextColumn(width=268),
            "~Rows": st.column_config.NumberColumn(
                format="localized", width=70, help="What the planner expected"
            ),
            "Rows": st.column_config.NumberColumn(format="localized", width=60, help="What came out"),
            "Own ms": st.column_config.ProgressColumn(
                format="%.2f", min_value=0, max_value=float(frame["Own ms"].max()) or 1.0, width=106
            ),
            "Buffers": st.column_config.NumberColumn(
                format="localized", width=66, help="Pages of 8 kB read, children included"
            ),
        },
    )
    root = result.plan.root
    read = root.read_blocks or 0
    where = f"{read:,} pages read from outside shared buffers" if read else "every page found in memory"
    st.caption(f"planned in {result.plan.planning_ms or 0:.2f} ms · {where} · read-only, rolled back")


def _ladder(rungs: tuple[Rung, ...]) -> None:
    """Draw what other settings found of the exact answer, and offer the first that found all of it."""
    card_title("What would it take?", "each tried once on this query")
    wanted = rungs[-1].comparison.wanted
    st.dataframe(
        tables.ladder_table(rungs),
        hide_index=True,
        key="ladder",
        height="content",
        row_height=ROW_PX,
        alt="Recall and server time by setting",
        column_config={
            "Setting": st.column_config.TextColumn(width=164),
            "Recall": st.column_config.ProgressColumn(
                min_value=0, max_value=wanted, format=f"%d / {wanted}", width=106
            ),
            "Server ms": st.column_config.NumberColumn(format="%.1f", width=74),
        },
    )
    found = next((rung for rung in rungs[:-1] if rung.comparison.recall == 1), None)
    if found and not found.is_current:
        st.button(
            f"Use {found.label}",
            icon=":material/check:",
            key="use rung",
            on_click=use_settings,
            args=(found.result.request.settings,),
        )
