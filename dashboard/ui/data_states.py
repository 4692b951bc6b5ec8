"""What the Data page shows where there are no rows to show: why, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.settings import settings
from dashboard.ui import data_address as address
from dashboard.ui import data_conditions as conditions
from dashboard.ui import data_reads
from dashboard.ui.data_reads import PATIENCE_S
from dashboard.ui.data_tables import count_text
from dashboard.ui.messages import empty, escaped, no_rows, problem, stopped_sql
from db.browse import MAX_COST, PageRequest, Preflight
from db.conditions import EVERY_ROW, Condition, in_words
from db.counts import Count
from db.errors import DashboardError, StatementTimeout

Insist = Callable[[PageRequest], None]


def too_heavy(request: PageRequest, expected: Preflight, *, insist: Insist) -> None:
    """Ask before a page is read that the planner expects to be slow."""
    with st.container(border=True):
        with st.container(gap=None):
            st.subheader(":material/scale: This page would be slow, so it was not read", anchor=False)
            st.caption(
                f"The planner expects a cost of {expected.cost:,.0f}; "
                f"above {MAX_COST:,} a page waits to be asked for"
            )
        st.markdown(escaped(expected.reason))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                f"Run anyway ({PATIENCE_S} s limit)",
                type="primary",
                icon=":material/play_arrow:",
                key="run anyway",
                on_click=insist,
                args=(request,),
            )
            _lighter(request)
        with st.expander("The plan", icon=":material/account_tree:"):
            st.json(expected.plan.document, expanded=3)


def timed_out(request: PageRequest, error: StatementTimeout, *, insisted: bool, insist: Insist) -> None:
    """Say that the limit was reached, and offer what would take less, or more time."""
    limit_s = PATIENCE_S if insisted else settings().read_timeout_s
    with st.container(gap="xsmall"):
        problem(
            StatementTimeout(
                f"This page was not there after {limit_s} s, and the server stopped looking.",
                "An order with an index, or a condition on an indexed column, is found at once.",
            )
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if not insisted:
                st.button(
                    f"Wait up to {PATIENCE_S} s",
                    type="primary",
                    icon=":material/timer:",
                    key="wait longer",
                    on_click=insist,
                    args=(request,),
                )
            _lighter(request)
        stopped_sql(error)


def _lighter(request: PageRequest) -> None:
    """Offer what of the request can be left out."""
    if request.sort:
        st.button(
            "Order by the key" if request.column.key else "In no order",
            icon=":material/sort:",
            key="lighter order",
            on_click=address.show_sorted,
            args=(None,),
        )
    if request.where != EVERY_ROW:
        st.button(
            "Without the filter",
            icon=":material/filter_alt_off:",
            key="lighter filter",
            on_click=address.show_where,
            args=(EVERY_ROW,),
        )


def refused(request: PageRequest, error: DashboardError) -> None:
    """Say what the server makes no sense of: most likely a value that its column cannot hold."""
    with st.container(gap="xsmall"):
        problem(error)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if request.cursor:
                st.button(
                    "First page",
                    icon=":material/first_page:",
                    key="lighter place",
                    on_click=address.show_place,
                    args=(None,),
                )
            _lighter(request)


def nothing(request: PageRequest) -> None:
    """Tell a table that is empty from a condition that no row meets."""
    if request.where == EVERY_ROW:
        no_rows(request.column)
        return
    empty("No row meets this condition.", icon=":material/filter_alt_off:")
    parts = data_reads.rows_without_each(request.column, request.where)
    if conditions.joiner(request.where) == "all" and len(parts) > 1:
        _blame(request.where, parts)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Show every row",
            icon=":material/select_all:",
            key="every row",
            on_click=address.show_where,
            args=(EVERY_ROW,),
        )


def _blame(where: Condition, parts: tuple[tuple[Condition, Count], ...]) -> None:
    """Name the part that hides most, and offer to leave each out."""
    worst, brought = parts[0]
    if brought.rows:
        st.markdown(f"Most are hidden by **{escaped(in_words(worst))}**. What comes back without each part:")
    else:
        st.markdown("No single part is to blame: each leaves none even without one of the others.")
    for place, (part, count) in enumerate(parts):
        if count.rows:
            st.button(
                f"Without {escaped(in_words(part))}: {count_text(count)}",
                icon=":material/filter_alt_off:",
                type="primary" if place == 0 else "secondary",
                key=f"leave out {place}",
                on_click=address.show_where,
                args=(conditions.without(where, part),),
            )
