"""The plan doctor on a page: whether one SELECT uses a vector index, why not, and what it will miss."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.advisor.doctor.diagnose import Diagnosis, diagnose
from dashboard.advisor.doctor.rule import Finding
from dashboard.advisor.doctor.rules import DOCTOR_RULES
from dashboard.identity import Role, current_principal, require
from dashboard.ui import search_tables as tables
from dashboard.ui import state, workload_view
from dashboard.ui.messages import escaped
from dashboard.ui.search_view import ROW_PX, card_title
from dashboard.ui.shell import go
from dashboard.ui.waiting import waiting

STATEMENT = "doctor statement"
"""The widget that holds the statement; never in the address, as it may hold somebody's data."""

VIEW = "Plan doctor"
PATIENT = "doctor"
ONE, WORKLOAD = "One statement", "Workload"
_RUN = "run a pasted statement"
_ASKED, _SENT = "doctor asked", "doctor sent"
_EXAMPLE = """\
SELECT id, name
FROM products
WHERE category = 'shoes'
ORDER BY embedding <=> $1
LIMIT 100
"""


def send(statement: str, settings: Mapping[str, str]) -> None:
    """Open the doctor on a statement from elsewhere, as it is run there: under ``settings``."""
    _remember(statement, settings)
    go("advisor.py", {"view": VIEW})


def _remember(statement: str, settings: Mapping[str, str]) -> None:
    state.remember(_SENT, statement)
    state.remember(_ASKED, (statement, False, dict(settings)))


def draw() -> None:
    """Ask for a statement, and say what the doctor makes of it; or of all that the server was asked."""
    if state.recall(_SENT):
        state.put(PATIENT, ONE)
    patient = st.segmented_control(
        "Statements", [ONE, WORKLOAD], default=ONE, required=True, key=PATIENT, bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if patient == WORKLOAD:
        if chosen := workload_view.draw():
            _remember(chosen, {})
            st.rerun()
        return
    _ask()
    asked = state.recall(_ASKED)
    if not asked:
        _rules()
        return
    statement, analyze, settings = asked
    if analyze:
        require(current_principal(), Role.ENGINEER, _RUN)
    with waiting("Asking the planner", 240):
        diagnosis = _diagnosis(statement, settings, analyze=analyze)
    _verdict(diagnosis, settings)
    for title, findings in (("Why", diagnosis.findings), ("What the answer will lack", diagnosis.truncation)):
        for number, finding in enumerate(findings):
            _finding(f"{title} {number}", title, finding)
    _plan(diagnosis)


def _ask() -> None:
    if sent := state.recall(_SENT):
        state.put(STATEMENT, sent)
        state.remember(_SENT, None)
    with st.container(border=True):
        card_title("One SELECT", "checked by PostgreSQL's own parser, explained read-only, not run")
        st.text_area(
            "Statement",
            key=STATEMENT,
            height=190,
            placeholder=_EXAMPLE,
            label_visibility="collapsed",
            max_chars=100_000,
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Diagnose",
                type="primary",
                icon=":material/stethoscope:",
                shortcut="Mod+Enter",
                on_click=_diagnose,
            )
            allowed = current_principal().role >= Role.ENGINEER
            st.toggle(
                "Run it, too",
                key="doctor analyze",
                disabled=not allowed,
                help="EXPLAIN ANALYZE: counts what the plan really does, in a read-only transaction of 15 s "
                "at most that is rolled back; what calls a function declared VOLATILE is not run",
            )
            st.caption("`$1`, `%s`, `%(name)s` and `:name` may stand for values")
        if not allowed:
            st.caption("An engineer or administrator may run it, too.")


def _diagnose() -> None:
    statement = (state.value(STATEMENT) or "").strip()
    state.remember(_ASKED, (statement, bool(state.value("doctor analyze")), {}) if statement else None)


@state.cached(ttl_s=60, max_entries=32)
def _diagnosis(statement: str, settings: Mapping[str, str], *, analyze: bool) -> Diagnosis:
    with state.database().reading("doctor", vectors=True) as connection:
        return diagnose(connection, statement, settings, analyze=analyze)


def _verdict(diagnosis: Diagnosis, settings: Mapping[str, str]) -> None:
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True):
            if diagnosis.uses_index:
                st.badge("uses a vector index", icon=":material/check_circle:", color="green")
            else:
                st.badge("uses no vector index", icon=":material/error:", color="red")
            if diagnosis.truncation:
                st.badge("may be cut short", icon=":material/content_cut:", color="orange")
        through = f" through **{escaped(diagnosis.index)}**" if diagnosis.index else ""
        st.markdown(f"The rows are read by **{escaped(diagnosis.plan_node)}**{through}.{_nothing(diagnosis)}")
        if settings:
            st.caption("Under " + ", ".join(f"`{name} = {value}`" for name, value in settings.items()))
        for note in diagnosis.notes:
            st.caption(escaped(note))


def _nothing(diagnosis: Diagnosis) -> str:
    return "" if diagnosis.findings or diagnosis.truncation else " No rule finds fault with it."


def _finding(key: str, title: str, finding: Finding) -> None:
    colour = "red" if title == "Why" else "orange"
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="medium")
        with left.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(finding.rule, color=colour)  # type: ignore[arg-type]
                st.caption(title)
            st.subheader(_sentence(finding.title), anchor=False)
            st.markdown(escaped(finding.evidence))
        with right.container(gap="small"):
            st.markdown(escaped(finding.remedy))
            if finding.rewritten_sql:
                st.code(f"{finding.rewritten_sql};", language="sql", wrap_lines=True)
                st.button(
                    "Diagnose this",
                    key=f"take {key}",
                    icon=":material/arrow_upward:",
                    on_click=_take,
                    args=(finding.rewritten_sql,),
                    help="The planner was asked: this form uses the index",
                )


def _take(statement: str) -> None:
    state.put(STATEMENT, statement)
    state.remember(_ASKED, (statement, False, {}))


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]


def _plan(diagnosis: Diagnosis) -> None:
    with st.expander("The plan", icon=":material/account_tree:"):
        st.dataframe(
            tables.plan_tree(diagnosis.plan),
            hide_index=True,
            key="doctor plan",
            height="content",
            row_height=ROW_PX,
            placeholder="",
            alt="Query plan, one line per step",
        )
        st.code(f"{diagnosis.sql};", language="sql", wrap_lines=True)


def _rules() -> None:
    with st.expander(f"{len(DOCTOR_RULES)} rules it goes through", icon=":material/checklist:"):
        st.table(
            [
                {"Rule": rule.name, "Looks for": rule.title, "Tells": rule.asks.value, "Source": rule.source}
                for rule in DOCTOR_RULES
            ],
            border="horizontal",
        )
