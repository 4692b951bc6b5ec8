"""What the advisor found: a sentence, a card for each finding with evidence and remedy, the silent rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from itertools import groupby

import pandas as pd
import streamlit as st

from dashboard import decisions
from dashboard.advisor.advice import Advice, Quiet, Severity
from dashboard.advisor.exact import BUDGET_MS
from dashboard.advisor.rules import RULES
from dashboard.decisions import Weighed
from dashboard.ui import advisor_acts, advisor_reads, clipboard, decision_view, doctor_view, state, watch_view
from dashboard.ui.advisor_acts import Key, Verified
from dashboard.ui.advisor_given import ADVICE, ALL, BUDGET, SCOPE, THIS, VIEW
from dashboard.ui.advisor_reads import Looked
from dashboard.ui.messages import escaped, no_rows, problem
from dashboard.ui.search_view import card_title
from dashboard.ui.units import counted
from dashboard.ui.waiting import waiting
from db.catalog import ColumnInfo

LEAST_MS, MOST_MS = 0.1, 60_000.0

SIGNS = {
    Severity.BROKEN: ("red", ":material/error:"),
    Severity.WRONG: ("orange", ":material/warning:"),
    Severity.SLOW: ("violet", ":material/hourglass_bottom:"),
    Severity.PLAN: ("blue", ":material/event:"),
    Severity.SAVE: ("gray", ":material/savings:"),
    Severity.FINE: ("green", ":material/check_circle:"),
}
"""How each severity is marked: a colour, and a sign for who does not see colours."""

_VERDICTS = {
    Severity.BROKEN: "Something is broken: mend it first.",
    Severity.WRONG: "Searches miss rows they should find.",
    Severity.SLOW: "Searches take longer than they need to, or than they may.",
    Severity.PLAN: "Nothing is wrong today; something is coming.",
    Severity.SAVE: "All is well, and some of it is not needed.",
    Severity.FINE: "All is well.",
}
_NOTHING_ELSE = "Nothing is found that was not dismissed."


def header(column: ColumnInfo) -> tuple[str, tuple[ColumnInfo, ...], float | None]:
    """Draw the title and what is asked; return the view, the columns, and the budget in ms where one is."""
    state.drop_beyond(BUDGET, LEAST_MS, MOST_MS)
    left, right = st.columns([2, 7], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Advisor", anchor=False)
        st.caption("When to add an index, which, and proof")
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom"):
        clipboard.link_button(column, "Link copied: it shows the advice on this column")
        view = _choice("View", [ADVICE, watch_view.VIEW, doctor_view.VIEW], VIEW)
        scope, budget_ms = THIS, None
        if view == ADVICE:
            scope = _choice("Columns", [THIS, ALL], SCOPE)
            with st.popover("Budget", icon=":material/timer:"):
                budget_ms = st.number_input(
                    "Budget (ms)",
                    LEAST_MS,
                    MOST_MS,
                    None,
                    format="%g",
                    placeholder=f"promised, else {BUDGET_MS:g}",
                    key=BUDGET,
                    bind="query-params",
                    help="What 95 % of exact searches may take, k = 10, before an index is called for; left "
                    f"empty, what a watch promises of the column, else {BUDGET_MS:g} ms",
                )
    return view, state.columns() if scope == ALL else (column,), budget_ms


def _choice(label: str, options: list[str], key: str) -> str:
    chosen = st.segmented_control(
        label, options, default=options[0], required=True, key=key, bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or options[0]


def draw(columns: Sequence[ColumnInfo], budget_ms: float | None) -> None:
    """Ask the rules, and draw what they say."""
    if len(columns) == 1 and columns[0].is_empty:
        no_rows(columns[0])
        return
    with waiting(f"Asking {len(RULES)} rules about {counted(len(columns), 'column')}", 480):
        looked = advisor_reads.look(columns, budget_ms)
    weighed = decisions.weigh(looked.spoken, decisions.standing(state.database()))
    _summary(looked, weighed, columns)
    known, drawn = advisor_acts.verified(columns), set[int]()
    for number, advice in enumerate(weighed.shown):
        _finding(number, advice, looked, weighed, known, drawn)
    for name, error in looked.failed.items():
        with st.container(border=True):
            card_title(escaped(name), "could not be asked")
            problem(error)
    decision_view.dismissed(weighed.hidden)
    _silent(looked.silent)
    decision_view.record(columns[0] if len(columns) == 1 else None, looked.advised)


def _summary(looked: Looked, weighed: Weighed, columns: Sequence[ColumnInfo]) -> None:
    spoken = weighed.shown
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            for severity, (colour, icon) in SIGNS.items():
                if count := sum(advice.rule.severity is severity for advice in spoken):
                    st.badge(f"{count} {severity.value}", icon=icon, color=colour)  # type: ignore[arg-type]
            if weighed.hidden:
                st.badge(f"{len(weighed.hidden)} dismissed", icon=":material/visibility_off:", color="gray")
            st.badge(
                f"{counted(len(looked.silent), 'rule')} silent", icon=":material/volume_off:", color="gray"
            )
            st.space("stretch")
            st.button("Check again", icon=":material/refresh:", on_click=advisor_reads.look_again)
        worst = spoken[0].rule.severity if spoken else Severity.FINE
        verdict = _NOTHING_ELSE if weighed.hidden and not spoken else _VERDICTS[worst]
        st.markdown(f"**{verdict}** {_first_words(weighed)}")
        at = max((advised.facts.at for advised in looked.advised), default=None)
        checked = f"checked {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC in {looked.took_s:.1f} s" if at else ""
        st.caption(
            f"{len(RULES)} rules on {counted(len(columns), 'column')} · {_budgets(looked)} · {checked}"
            " · reads catalogs, counts, a few timed searches, past runs and inspections; changes nothing"
        )


def _budgets(looked: Looked) -> str:
    """Say which budget each column had, and where it comes from."""
    said = list(dict.fromkeys(str(advised.facts.budget) for advised in looked.advised))
    return said[0] if len(said) == 1 else f"{len(said)} budgets, by what watches promise"


def _first_words(weighed: Weighed) -> str:
    if weighed.shown:
        return escaped(weighed.shown[0].said.finding)
    return "See under Dismissed." if weighed.hidden else "No rule has anything to say."


def _finding(  # noqa: PLR0917 - a card, and what of the others it must know
    number: int,
    advice: Advice,
    looked: Looked,
    weighed: Weighed,
    known: Mapping[Key, Verified],
    drawn: set[int],
) -> None:
    colour, icon = SIGNS[advice.rule.severity]
    advised = looked.of(advice.column)
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="medium")
        with left.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(advice.rule.severity.value, icon=icon, color=colour)  # type: ignore[arg-type]
                st.caption(escaped(advice.column))
            st.subheader(advice.rule.title, anchor=False)
            st.markdown(escaped(advice.said.finding))
            _numbers(advice)
            decision_view.came_back(weighed.lapsed.get((advice.column, advice.rule.key)))
            st.caption(f"Rule `{advice.rule.key}` · {escaped(advice.rule.source)}")
        with right.container(gap="small"):
            _remedy(advice)
            with st.container(horizontal=True, horizontal_alignment="right"):
                decision_view.offer(number, advice, advised)
                advisor_acts.buttons(number, advice, advised.facts)
            advisor_acts.note(advice, advised.facts)
        advisor_acts.outcome(advice, advised.facts, known, drawn)


def _numbers(advice: Advice) -> None:
    with st.grid(3, gap="small", min_column_width=110):
        for number in advice.said.numbers:
            with st.container(gap=None):
                st.markdown(f"**{escaped(number.value)}**")
                st.caption(escaped(number.what))


def _remedy(advice: Advice) -> None:
    remedy = advice.said.remedy
    if remedy.migration:
        sql, migration, query = st.tabs(["Remedy", "Alembic", "Evidence"])
        sql.code(remedy.sql, language="sql", wrap_lines=True)
        migration.code(remedy.migration, language="python", wrap_lines=True)
    elif remedy.sql:
        sql, query = st.tabs(["Remedy", "Evidence"])
        sql.code(remedy.sql, language="sql", wrap_lines=True)
    else:
        query = st.tabs(["Evidence"])[0]
    query.code(advice.said.query, language="sql", wrap_lines=True)


def _silent(silent: Sequence[Quiet]) -> None:
    if not silent:
        return
    with st.container(border=True):
        card_title(
            "Silent rules", f"{counted(len(silent), 'rule')} looked and found nothing; each says what it saw"
        )
        order = {rule.key: place for place, rule in enumerate(RULES)}
        by_rule = sorted(silent, key=lambda quiet: (_GROUPS.index(quiet.rule.group), order[quiet.rule.key]))
        for group, members in groupby(by_rule, key=lambda quiet: quiet.rule.group):
            _group(group, list(members))


_GROUPS = tuple(dict.fromkeys(rule.group for rule in RULES))


def _group(group: str, members: Sequence[Quiet]) -> None:
    columns = {quiet.column for quiet in members}
    lines = [
        (quiet.rule.title, *([quiet.column] if len(columns) > 1 else []), quiet.reason) for quiet in members
    ]
    names = ["Rule", *(["Column"] if len(columns) > 1 else []), "Why it is silent"]
    with st.expander(f"{group} · {len(members)}", icon=":material/volume_off:"):
        frame = pd.DataFrame(lines, columns=names).map(escaped)
        st.table(frame, border="horizontal", hide_index=True)
