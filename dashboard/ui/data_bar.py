"""The Data page's bar: what is shown, in which order, from where, and which rows are left."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.reading import StillReading
from dashboard.ui import clipboard, condition_builder, data_reads, state
from dashboard.ui import data_address as address
from dashboard.ui import data_conditions as conditions
from dashboard.ui.data_selection import chosen
from dashboard.ui.exports import export_popover
from dashboard.ui.messages import escaped, problem
from dashboard.ui.shell import go
from db import browse
from db.browse import Page, PageRequest, Sort, Sortable
from db.catalog import ColumnInfo, PlainColumn
from db.conditions import EVERY_ROW, Condition, in_words, to_text
from db.errors import DashboardError, RequestError

_CHIPS, _JOINER, _ORDER, _JUMP, _BUILDING = "data chips", "data joiner", "data order", "data jump", "building"
_DIRECTIONS = {
    "N": ("lowest first", "highest first"),
    "D": ("oldest first", "newest first"),
    "S": ("A to Z", "Z to A"),
    "B": ("false first", "true first"),
}


def header(column: ColumnInfo | None) -> DeltaGenerator:
    """Draw the title; hand back the place beside it, for what is done with the page."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Data", anchor=False)
        st.caption(
            f"{escaped(str(column))} · {column.kind} · read-only" if column else "The rows beside the vectors"
        )
    return right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center")


def take_away(request: PageRequest, page: Page | None) -> None:
    """Draw what can be taken elsewhere: a link to what is shown, and its rows as a file."""
    clipboard.link_button(request.column, "Link copied: it shows these rows in this order")
    where = to_text(request.where)
    if st.button("Map", icon=":material/scatter_plot:", key="map these", help="These rows as points"):
        go("map.py", {"c": str(request.column)} | ({"f": where} if where else {}))
    if page:
        with st.container(width="content"):  # a fragment's own container would fill the line
            export_popover(
                request.column,
                request.where,
                sort=request.sort,
                page_keys=[row.key for row in page.rows],
                selected_keys=list(chosen(request.column).values()),
            )


def draw(request: PageRequest, sortables: Sequence[Sortable], others: Sequence[PlainColumn]) -> None:
    """Draw order, jump and conditions in one card."""
    with st.container(border=True):
        order, jump = st.columns([3, 2])
        with order:
            _pick_order(request, sortables, {other.name: other.category for other in others})
        with jump:
            _pick_place(request)
        _pick_conditions(request)
        if state.recall(_BUILDING):
            condition_builder.build(request.column, request.where, others)


def _pick_order(request: PageRequest, sortables: Sequence[Sortable], categories: dict[str, str]) -> None:
    marks = {sortable.column: "indexed" if sortable.indexed else "no index" for sortable in sortables}
    orders: list[Sort | None] = [None]
    orders += [
        Sort(name, descending)
        for name in marks
        for descending in (True, False)
        if (name, descending) != (*request.column.key, True)
    ]

    def label(at: int) -> str:
        sort = orders[at]
        if sort is None:
            return (
                f"{', '.join(request.column.key) or 'as stored'}, newest first · {_key_mark(request.column)}"
            )
        words = _DIRECTIONS.get(categories.get(sort.column, ""), ("ascending", "descending"))
        return f"{sort.column}, {words[sort.descending]} · {marks[sort.column]}"

    state.put(_ORDER, orders.index(request.sort) if request.sort in orders else 0)
    st.selectbox(
        "Order",
        range(len(orders)),
        format_func=label,
        key=_ORDER,
        help="Without an index on its column, an order makes every page read the whole table.",
        on_change=lambda: address.show_sorted(orders[state.value(_ORDER)]),
    )


def _key_mark(column: ColumnInfo) -> str:
    return "indexed" if column.key else "by place on disk" if column.kind != "view" else "no key"


def _pick_place(request: PageRequest) -> None:
    st.text_input(
        "Jump to",
        placeholder=_places(request),
        icon=":material/my_location:",
        key=_JUMP,
        on_change=_jump,
        args=(request,),
    )
    if error := state.recall("jump problem"):
        state.remember("jump problem", None)
        problem(error)


def _places(request: PageRequest) -> str:
    key = request.column.key[0] if len(request.column.key) == 1 else "key"
    sorted_by = f"{request.sort.column}, " if request.sort and request.sort.column != key else ""
    return f"{sorted_by}{key} or percentile, e.g. 50 %"


def _jump(request: PageRequest) -> None:
    """Go where the reader said; what cannot be reached is told beside the field."""
    given = str(state.value(_JUMP)).strip()
    if not given:
        return
    try:
        there = _place(request, given)
        with suppress(StillReading):  # told where its rows will stand
            data_reads.opened(there, insisted=False)  # what the column cannot read is refused here
        address.show_place(there.cursor)
        state.put(_JUMP, "")
    except DashboardError as error:
        state.remember("jump problem", error)


def _place(request: PageRequest, given: str) -> PageRequest:
    with state.database().reading("data") as connection:
        if given.endswith("%"):
            return browse.jump_to_percentile(connection, request, _percent(given))
        if request.sort is None or request.column.key == (request.sort.column,):
            return browse.jump_to_key(connection, request, given)
        return browse.jump_to_value(request, given)


def _percent(given: str) -> float:
    try:
        percent = float(given.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise RequestError(f"{given[:20]!r} is not a percentile.", "Write one from 0 % to 100 %.")
    return percent


def _pick_conditions(request: PageRequest) -> None:
    """Draw the parts of the condition as chips, which can be switched off and on again."""
    where, column = request.where, request.column
    active = list(conditions.members(where))
    known: list[Condition] = list(dict.fromkeys((*state.recall(_chips(column), ()), *active)))
    state.remember(_chips(column), tuple(known))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Filter",
            icon=":material/filter_alt:",
            type="tertiary",
            shortcut="F",
            key="filter open",
            on_click=state.remember,
            args=(_BUILDING, not state.recall(_BUILDING)),
        )
        if len(active) > 1:
            _pick_joiner(where)
        if not known:
            return
        state.put(_CHIPS, [known.index(part) for part in active])
        st.pills(
            "Filters",
            range(len(known)),
            selection_mode="multi",
            format_func=lambda at: escaped(in_words(known[at])),
            label_visibility="collapsed",
            key=_CHIPS,
            on_change=lambda: address.show_where(
                conditions.joined(conditions.joiner(where), [known[at] for at in sorted(state.value(_CHIPS))])
            ),
        )
        st.button(
            "Clear",
            icon=":material/close:",
            type="tertiary",
            key="filter clear",
            on_click=_clear,
            args=(column,),
        )


def _chips(column: ColumnInfo) -> str:
    return f"data conditions {column}"


def _clear(column: ColumnInfo) -> None:
    state.remember(_chips(column), ())
    address.show_where(EVERY_ROW)


def _pick_joiner(where: Condition) -> None:
    state.put(_JOINER, conditions.joiner(where))
    st.segmented_control(
        "Rows must meet",
        ["all", "any"],
        format_func=lambda how: f"{how} of",
        required=True,
        label_visibility="collapsed",
        key=_JOINER,
        on_change=lambda: address.show_where(
            conditions.joined(state.value(_JOINER), conditions.members(where))
        ),
    )
