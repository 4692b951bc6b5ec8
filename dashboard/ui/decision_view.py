"""Decisions on the Advisor: dismissing a finding, bringing it back, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from textwrap import shorten

import pandas as pd
import streamlit as st

from dashboard import decisions
from dashboard.advisor.advice import Advice, Advised
from dashboard.advisor.evidence import sentence
from dashboard.decisions import Hidden, Lapsed
from dashboard.identity import Role, current_principal
from dashboard.outcomes import APPLIED, DECIDED, VERIFIED, Now, Outcome, outcome_of
from dashboard.ui import state
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.pickers import COLUMN, number_in_address
from dashboard.ui.search_view import card_title
from dashboard.ui.shell import link
from dashboard.ui.units import ago, counted
from db import decisions as kept_decisions
from db.catalog import ColumnInfo
from db.decisions import LONGEST_REASON, Decision

DECISION = "decision"
"""The parameter of the address that opens one decision."""
ROW_PX = 80
"""Rows above four rem wrap their sentences, here to four lines.  Source: Streamlit 1.67, its front end."""
FINDING_LETTERS = 90
"""What four lines of the table hold; the whole stands below it."""


@state.cached(ttl_s=60, max_entries=1)
def why_not_kept() -> str | None:
    """Say why no decision can be kept here, as it was a minute ago at most; None where it can."""
    return decisions.why_not_kept(state.database())


def offer(number: int, advice: Advice, advised: Advised) -> None:
    """Draw the way to dismiss a finding; nothing where decisions are not kept."""
    if why_not_kept():
        return
    beside = len(decisions.of_rule(advised.spoken, advice.rule.key)) - 1
    key = f"dismiss reason {number} {advice.rule.key} {advice.column}"
    allowed = current_principal().role >= Role.ENGINEER
    # With a state of its own, what is open does not pass on to the next card once this one is gone.
    with st.popover(
        "Dismiss…", icon=":material/visibility_off:", type="tertiary", key=f"{key} open", on_change="rerun"
    ):
        st.text_area(
            "Why it may be left",
            max_chars=LONGEST_REASON,
            key=key,
            placeholder="We search this table once a night",
            help="Kept with your name, the time and the evidence",
        )
        others = f" and {counted(beside, 'other finding')} of its rule" * bool(beside)
        st.caption(
            f"Hides this{others} on this column, until it is essentially worse: a higher severity, another "
            "index, or a figure twice what it is."
        )
        st.button(
            "Dismiss",
            type="primary",
            key=f"dismiss {number}",
            disabled=not allowed,
            help=None if allowed else "An engineer or administrator may",
            on_click=_dismiss,
            args=(advised, advice.rule.key, key),
        )


def _dismiss(advised: Advised, rule: str, reason: str) -> None:
    with told_to_the_reader():
        decisions.dismiss(state.database(), current_principal(), advised, rule, reason=state.value(reason))


def came_back(lapsed: Lapsed | None) -> None:
    """Say on a card that it was dismissed once, and why it is shown again."""
    if lapsed:
        decision = lapsed.decision
        st.caption(
            f":material/undo: Dismissed {ago(decision.created_at)} by {escaped(decision.created_by)} "
            f"(“{escaped(decision.reason or '')}”), and shown again. {escaped(lapsed.because)}"
        )


def dismissed(hidden: Sequence[Hidden]) -> None:
    """Draw the findings that somebody dismissed, each with who, when, why, and the way back."""
    if not hidden:
        return
    with st.expander(f"Dismissed · {len(hidden)}", icon=":material/visibility_off:", key="dismissed"):
        for each in hidden:
            _one_dismissed(each)


def _one_dismissed(each: Hidden) -> None:
    decision, rule = each.decision, each.advice[0].rule
    allowed = current_principal().role >= Role.ENGINEER and not why_not_kept()
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left.container(gap="xxsmall"):
        st.markdown(f"**{rule.title}** · {escaped(decision.reason or '')}")
        st.caption(
            f"{escaped(decision.created_by)}, {decision.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC · "
            f"{escaped(decision.subject)} · {' '.join(escaped(one.said.finding) for one in each.advice)}"
        )
    with right.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Bring back",
            icon=":material/undo:",
            key=f"bring back {decision.id}",
            disabled=not allowed,
            help=None if allowed else "An engineer or administrator may",
            on_click=_bring_back,
            args=(decision,),
        )


def _bring_back(decision: Decision) -> None:
    with told_to_the_reader():
        decisions.bring_back(state.database(), current_principal(), decision)


def record(column: ColumnInfo | None, advised: Sequence[Advised]) -> None:
    """Draw what was decided, on one column or on any, and what came of it; whole the one chosen."""
    with st.container(border=True):
        card_title("Decisions", "what was made of the findings, by whom, and what came of it since")
        reason = why_not_kept()
        if reason:
            st.caption(f":material/info: Decisions are not kept here. {reason}")
        if reason == decisions.UNREADABLE:
            return
        made = _made(column, advised)
        if made:
            _table(made, names_column=column is None)
        elif not reason:
            st.caption(
                "Nothing is decided yet. What you verify, apply or dismiss of the findings is kept here, "
                "with the evidence of its day and what came of it."
            )


def _made(column: ColumnInfo | None, advised: Sequence[Advised]) -> list[tuple[Decision, Outcome]]:
    said = {str(each.facts.column): each for each in advised}
    with state.database().reading("decisions") as connection:
        now = Now(connection, said)
        return [(one, outcome_of(one, now)) for one in kept_decisions.decisions(connection, column)]


def _table(made: Sequence[tuple[Decision, Outcome]], *, names_column: bool) -> None:
    frame = pd.DataFrame(
        [
            {
                "at": one.created_at,
                "who": one.created_by,
                "column": one.subject,
                "rule": one.rule,
                "decided": [one.decided],
                "outcome": outcome.sentence,
                "finding": shorten(sentence(one.evidence), FINDING_LETTERS, placeholder="…"),
            }
            for one, outcome in made
        ]
    )
    text = st.column_config.TextColumn
    event = st.dataframe(
        frame,
        hide_index=True,
        key=f"decisions {made[0][0].id}",
        row_height=ROW_PX,
        on_select="rerun",
        selection_mode="single-row",
        alt="Decisions: when, who, on which column and rule, what, on which finding, and what came of it",
        column_config={
            "at": st.column_config.DatetimeColumn(
                "When, UTC", format="YYYY-MM-DD HH:mm", timezone="UTC", width=124
            ),
            "who": text("Who", width=60),
            "column": text("Column", width=150) if names_column else None,
            "rule": text("Rule", width=130),
            "decided": st.column_config.MultiselectColumn(
                "Decided", options=list(DECIDED), color=["gray", "blue", "green"], width=92
            ),
            "outcome": text("Outcome now", width=250 if names_column else 350),
            "finding": text("Finding then", width=180),
        },
    )
    chosen = event["selection"]["rows"]
    number = made[chosen[0]][0].id if chosen else number_in_address(DECISION, "Choose one in the table.")
    for one, outcome in made:
        if one.id == number:
            _whole(one, outcome)
            return
    st.caption("Select a row to see its evidence, and to open its run or job.")


def _whole(one: Decision, outcome: Outcome) -> None:
    kind = DECIDED[one.decided]
    left, right = st.columns([6, 1], vertical_alignment="center")
    with left.container(gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(one.decided, icon=kind.icon, color="gray")
            st.caption(f"{kind.about} By {escaped(one.created_by)}, {ago(one.created_at)}.")
        st.markdown(f"**{escaped(outcome.sentence)}**")
    with right.container(horizontal=True, horizontal_alignment="right"):
        if one.decided == VERIFIED and outcome.run:
            budget = f"{one.evidence['budget_ms']:g}"
            link("benchmarks.py", f"Run {outcome.run}", {"run": str(outcome.run), "p95": budget})
        elif one.decided == APPLIED and one.job_id:
            link("indexes.py", f"Job {one.job_id}", {COLUMN: one.subject, "job": str(one.job_id)})
        elif one.job_id:
            link("jobs.py", f"Job {one.job_id}", {"job": str(one.job_id)})
    if one.reason:
        st.markdown(f"“{escaped(one.reason)}”")
    for said in one.evidence["said"]:
        st.markdown(escaped(said["finding"]))
        st.caption(escaped(" · ".join(f"{n['value']} {n['what']}" for n in said["numbers"])))
        query, sql = st.columns(2)
        query.code(said["query"], language="sql", wrap_lines=True)
        if said["sql"]:
            sql.code(said["sql"], language="sql", wrap_lines=True)
