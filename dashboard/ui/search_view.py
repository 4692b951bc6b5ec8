"""The search page's answer: how many rows, by what, how fast, how right; and the rows, side by side."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st
from pandas.io.formats.style import Styler

from dashboard.question import Answer, Tried
from dashboard.ui import search_tables as tables
from dashboard.ui.messages import escaped
from dashboard.ui.search_bar import ask, use_settings
from dashboard.ui.shell import go
from dashboard.ui.tables import number_column
from dashboard.ui.units import counted
from db.comparison import Comparison, Mark
from db.distance import Distance
from db.indexes import METHODS
from db.search import Neighbour, SearchResult
from db.underfill import index_used

_MOST_LINES = 40
"""Lines of a table that are shown whole; a longer one scrolls."""

ROW_PX = 32


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
    short = f"{counted(missing, 'row')} short: {found.cause.value}."
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


def sides(answer: Answer) -> Neighbour | None:
    """Draw both answers, line by line; hand back the row the reader chose, if any."""
    naming = tables.naming_columns(answer.exact.shown, answer.exact.request.column.key)
    if not (answer.index and answer.comparison):
        with st.container(border=True):
            card_title("Exact", _exact_note(answer.exact))
            place = _result_table(tables.one_side(answer.exact, naming), answer, "exact")
        return None if place is None else answer.exact.rows[place]
    left, right = st.columns(2)
    with left.container(border=True):
        card_title("Exact", _exact_note(answer.exact))
        first = _result_table(tables.exact_side(answer.comparison, naming), answer, "exact")
    with right.container(border=True):
        card_title("Index", _index_note(answer.index))
        second = _result_table(tables.index_side(answer.comparison, naming), answer, "index")
    st.caption(_summary(answer.comparison))
    lines = answer.comparison.lines
    if second is not None:
        return lines[second].found
    return lines[first].exact if first is not None else None


def card_title(title: str, note: str) -> None:
    """Draw a card's title and its note on one line."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(title, anchor=False, width="content")
        st.caption(note)


def _exact_note(exact: SearchResult) -> str:
    return f"ground truth · {_read(exact)} · {exact.server_ms:.1f} ms"


def _read(exact: SearchResult) -> str:
    """Say how many rows had to be compared."""
    rows = exact.request.column.rows
    if not exact.request.filters:
        return "every row read"
    kept = sum(node.rows_actual or 0 for node in exact.plan.root.walk() if node.relation)
    share = f", {100 * kept / rows:.2g} % of all" if rows else ""
    return f"the filters keep {kept:,.0f}{share}"


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
        height="content" if lines <= _MOST_LINES else ROW_PX * _MOST_LINES,
        row_height=ROW_PX,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "#": st.column_config.NumberColumn(width=34, format="%d"),
            "Row": st.column_config.TextColumn(width=180 if answer.index else 400),
            "Distance": _distance_column(answer.exact.request.distance, distances),
            # A multiselect column draws coloured chips in a read-only table: sign, word and colour.
            "Mark": st.column_config.MultiselectColumn(
                width=90, options=list(tables.MARK_COLORS), color=list(tables.MARK_COLORS.values())
            ),
            "Shift": st.column_config.TextColumn(width=46, help="Places gained against the exact list"),
        }
        | _numbers(answer),
    )
    cells = event.selection.cells
    return cells[0][0] if cells else None


def _numbers(answer: Answer) -> dict[str, Any]:
    """Configure the columns of numbers among those beside ours."""
    rows = (*answer.exact.rows, *answer.best.rows)
    key = answer.exact.request.column.key
    return {
        tables.beside(column.name): number_column(column, [row.values.get(column.name) for row in rows])
        for column in answer.exact.shown
        if column.category == "N" and column.name not in key
    }


def _distance_column(distance: Distance, values: list[float]) -> Any:
    about = f"{distance.label} distance `{distance.operator}`. Smaller is nearer."
    longest = max(values, default=0)
    if not all(map(math.isfinite, values)):
        return st.column_config.TextColumn(width=96, help=about, alignment="right")
    if distance is Distance.INNER_PRODUCT or longest <= 0:
        return st.column_config.NumberColumn(width=96, format="%,.4f", help=about)
    return st.column_config.ProgressColumn(
        width=104, min_value=0, max_value=1.05 * longest, format="%,.4f", help=about
    )


def neighbours_of(row: Neighbour, answer: Answer) -> None:
    """Offer to search on from the row that was chosen."""
    naming = tables.naming_columns(answer.exact.shown, answer.exact.request.column.key)
    st.button(
        f"Neighbours of {escaped(tables.row_name(row, naming))}",
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
            f":material/straighten: **No index serves `{request.distance.stem}` distance here, so this "
            "answer is exact: recall is perfect.** An index would be faster and may miss rows: measure first."
        )
        with right.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Measure it", icon=":material/speed:"):
                go("benchmarks.py", {"c": str(request.column)})
