"""The search page's answer: how many, by what, how fast, how right; then the proof."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pandas.io.formats.style import Styler

from dashboard.question import Answer, Tried
from dashboard.ui import search_tables as tables
from dashboard.ui import state
from dashboard.ui.messages import escaped
from dashboard.ui.plan_words import plan_sentence
from dashboard.ui.search_bar import EF_SEARCH, PROBES, SCAN, ask
from dashboard.ui.shell import go
from db.comparison import Comparison, Mark
from db.distance import Distance
from db.indexes import METHODS
from db.ladder import Rung
from db.nearest import SearchSettings
from db.recipes import as_python, as_sql
from db.search import Neighbour, SearchResult
from db.underfill import index_used

_MOST_LINES = 40
"""Lines of a table that are shown whole; a longer one scrolls."""

_ROW_PX = 32
_CODE_PX = 360


def headline(answer: Answer) -> None:
    """Say in one line how many rows came, by what, how fast, and how right."""
    best = answer.best
    full = best.returned == best.asked
    parts = [
        f":{'green' if full else 'orange'}-badge[:material/{'check_circle' if full else 'warning'}: "
        f"{best.returned:,} of {best.asked:,} returned]",
        f":material/account_tree: {escaped(best.index)} used"
        if best.index
        else ":material/straighten: no index used",
        f":material/timer: {best.server_ms:.1f} ms server + {best.client_ms:.1f} ms client",
    ]
    if answer.comparison and answer.comparison.wanted:
        parts.append(_recall_badge(answer.comparison))
    st.markdown(" &nbsp;·&nbsp; ".join(parts))


def _recall_badge(comparison: Comparison) -> str:
    hits, wanted = comparison.count(Mark.MATCHED), comparison.wanted
    color = "blue" if hits >= 0.8 * wanted else "orange"
    return f":{color}-badge[:material/target: recall {hits}/{wanted} on this query]"


def underfill(answer: Answer) -> None:
    """Say why rows are missing, if any are, with the settings that would bring them, each tried already."""
    if not (found := answer.underfill):
        return
    missing = answer.best.asked - answer.best.returned
    short = f"{missing:,} {'row' if missing == 1 else 'rows'} short: {found.cause.value}."
    sentence = f"**{short}** {escaped(found.sentence)}"
    if not found.remedies:
        st.info(sentence, icon=":material/info:")
        return
    with st.container(gap="xsmall"):  # a tight container keeps the cause and its remedies together
        st.warning(sentence, icon=":material/filter_alt:")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            for place, trial in enumerate(answer.tried):
                _remedy_button(trial, first=place == 0)
            st.caption("each tried on this query just now")


def _remedy_button(trial: Tried, *, first: bool) -> None:
    result = trial.result
    st.button(
        f"{trial.remedy.label}: {result.returned:,} of {result.asked:,}, {result.server_ms:.1f} ms",
        type="primary" if first else "secondary",
        icon=":material/repeat:" if trial.remedy.settings.iterative_scan else ":material/tune:",
        key=f"remedy {trial.remedy.label}",
        on_click=use_settings,
        args=(trial.remedy.settings,),
    )


def use_settings(settings: SearchSettings) -> None:
    """Put ``settings`` into the bar's widgets, as a button's ``on_click``."""
    values = {EF_SEARCH: settings.ef_search, PROBES: settings.probes, SCAN: settings.iterative_scan}
    for address, value in values.items():
        if value is not None:
            state.put(address, value)


def sides(answer: Answer) -> Neighbour | None:
    """Draw both answers, line by line; hand back the row the reader chose, if any."""
    label = tables.label_column(answer.exact.shown, answer.exact.request.column.key)
    if not (answer.index and answer.comparison):
        with st.container(border=True):
            _card_title("Exact", _exact_note(answer.exact))
            place = _result_table(tables.one_side(answer.exact, label), answer, "exact")
        return None if place is None else answer.exact.rows[place]
    left, right = st.columns(2)
    with left.container(border=True):
        _card_title("Exact", _exact_note(answer.exact))
        first = _result_table(tables.exact_side(answer.comparison, label), answer, "exact")
    with right.container(border=True):
        _card_title("Index", _index_note(answer.index))
        second = _result_table(tables.index_side(answer.comparison, label), answer, "index")
    st.caption(_summary(answer.comparison))
    lines = answer.comparison.lines
    if second is not None:
        return lines[second].found
    return lines[first].exact if first is not None else None


def _card_title(title: str, note: str) -> None:
    # A horizontal container puts the heading and its note on one line.
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(title, anchor=False, width="content")
        st.caption(note)


def _exact_note(exact: SearchResult) -> str:
    rows = exact.request.column.rows
    kept = sum(node.rows_actual or 0 for node in exact.plan.root.walk() if node.relation)
    note = f"ground truth · every row read · {exact.server_ms:.1f} ms"
    if exact.request.filters and rows:
        note += f" · the filters keep {kept:,.0f} rows, {kept / rows:.1%}"
    return note


def _index_note(index: SearchResult) -> str:
    used = index_used(index)
    if not used:
        return f"the planner preferred to read every row · {index.server_ms:.1f} ms"
    options = ", ".join(f"{name} {value}" for name, value in used.options.items())
    setting = METHODS[used.method].search.name
    value = index.in_force[f"{used.method}.{setting}"]
    return f"{used.method}, {options} · {setting} {value} · {index.server_ms:.1f} ms"


def _summary(comparison: Comparison) -> str:
    counts = ", ".join(f"{comparison.count(mark):,} {mark.value}" for mark in Mark)
    missed = [line.exact.distance for line in comparison.lines if line.mark is Mark.MISSED and line.exact]
    extra = [line.found.distance for line in comparison.lines if line.mark is Mark.EXTRA and line.found]
    if missed and extra:
        farther = max(extra) - max(missed)
        counts += f" · the farthest extra row is {farther:.4f} farther away than the farthest missed one"
    return f"{counts} · rows at equal distance count as matched"


def _result_table(styled: Styler, answer: Answer, side: str) -> int | None:
    """Draw one side; hand back the line of the cell that is selected."""
    distances = [row.distance for result in (answer.exact, answer.best) for row in result.rows]
    lines = len(styled.index)
    event = st.dataframe(
        styled,
        hide_index=True,
        placeholder="",
        key=f"{side} {answer.token}",
        alt=f"Rows of the {side} answer, nearest first",
        height="content" if lines <= _MOST_LINES else _ROW_PX * _MOST_LINES,
        row_height=_ROW_PX,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "#": st.column_config.NumberColumn(width=34, format="%d"),
            "Row": st.column_config.TextColumn(width=180),
            "Distance": _distance_column(answer.exact.request.distance, distances),
            # A multiselect column draws coloured chips in a read-only table: sign, word and colour.
            "Mark": st.column_config.MultiselectColumn(
                width=90, options=list(tables.MARK_COLORS), color=list(tables.MARK_COLORS.values())
            ),
            "Shift": st.column_config.TextColumn(width=46, help="Places gained against the exact list"),
        },
    )
    cells = event.selection.cells
    return cells[0][0] if cells else None


def _distance_column(distance: Distance, values: list[float]) -> Any:
    about = f"{distance.label} distance `{distance.operator}`. Smaller is nearer."
    if distance is Distance.INNER_PRODUCT or not values or max(values) <= 0:
        return st.column_config.NumberColumn(width=96, format="%.4f", help=about)
    return st.column_config.ProgressColumn(
        width=104, min_value=0, max_value=1.05 * max(values), format="%.4f", help=about
    )


def plan(result: SearchResult) -> None:
    """Draw a plan in words and as a tree."""
    st.markdown(plan_sentence(result))
    frame = tables.plan_tree(result.plan)
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        key="plan",
        height="content",
        row_height=_ROW_PX,
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


def ladder(rungs: tuple[Rung, ...]) -> None:
    """Draw what other settings found of the exact answer, and offer the first that found all of it."""
    _card_title("What would it take?", "each tried once on this query")
    wanted = rungs[-1].comparison.wanted
    st.dataframe(
        tables.ladder_table(rungs),
        hide_index=True,
        key="ladder",
        height="content",
        row_height=_ROW_PX,
        alt="Recall and server time by setting",
        column_config={
            "Setting": st.column_config.TextColumn(width=140),
            "Recall": st.column_config.ProgressColumn(
                min_value=0, max_value=wanted, format=f"%d / {wanted}", width=120
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


def proof(answer: Answer) -> None:
    """Draw how the answer came about, and how to have it elsewhere; beside it what other settings find."""
    if not answer.index:
        with st.container(border=True):
            _plan_and_recipes(answer.best)
        return
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        _plan_and_recipes(answer.best)
    with right.container(border=True, height="stretch"):
        ladder(state.rungs(answer, answer.token))


def _plan_and_recipes(result: SearchResult) -> None:
    tree, sql, python = st.tabs(
        [":material/account_tree: Plan", ":material/database: SQL", ":material/code: Python"]
    )
    with tree:
        plan(result)
    with sql:
        st.code(as_sql(result), language="sql", wrap_lines=True, height=_CODE_PX)
    with python:
        st.code(as_python(result), language="python", wrap_lines=True, height=_CODE_PX)


def neighbours_of(row: Neighbour, answer: Answer) -> None:
    """Offer to search on from the row that was chosen."""
    label = tables.label_column(answer.exact.shown, answer.exact.request.column.key)
    st.button(
        f"Neighbours of {escaped(tables.row_name(row, label))}",
        icon=":material/near_me:",
        key="neighbours",
        on_click=ask,
        args=("Row id", tables.key_text(row.key)),
    )


def no_index(answer: Answer) -> None:
    """Say that nothing approximate took part, and that this may be right."""
    request = answer.exact.request
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.markdown(
            f":material/straighten: **No index serves {request.distance.label.lower()} distance here, so this "
            "answer is exact: recall is perfect.** An index would be faster and may miss rows: measure first."
        )
        with right.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Measure it", icon=":material/speed:"):
                go("benchmarks.py", {"c": str(request.column)})
