"""The Map page's bar: how to draw, which rows, what colours them; all of it in the address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from dashboard.mapping.methods import PROJECTIONS, Method
from dashboard.mapping.plan import LARGEST_SEED, SEED
from dashboard.seeding.embedders import embedder_of
from dashboard.ui import clipboard, state
from dashboard.ui import map_reads as reads
from dashboard.ui.map_colours import COLOURABLE
from dashboard.ui.messages import escaped, problem
from dashboard.ui.pickers import COLUMN
from dashboard.ui.search_bar import describe
from db.catalog import ColumnInfo, PlainColumn
from db.conditions import EVERY_ROW, Condition, from_text, in_words
from db.errors import RequestError

METHOD, STORED, COLOUR, ROWS, DRAWN_BY, WORDS, FILTER = "method", "m", "colour", "n", "seed", "q", "f"
"""Where each part stands in the address, and the key of its widget."""

WINDOWS = "Two windows"
"""The choice beside the methods: two windows of rows on one plane."""

SIZES = {"2k": 2_000, "5k": 5_000, "10k": 10_000, "20k": 20_000, "50k": 50_000, "100k": 100_000}
USUAL_SIZE = "10k"

_METHODS = {method.label: method for method in PROJECTIONS.values()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the bar asks for; ``method`` is None for two windows."""

    method: Method | None
    colour: PlainColumn | None
    rows: int
    seed: int
    words: str
    where: Condition


def header(column: ColumnInfo | None) -> None:
    """Draw the title and what the page is about."""
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Map", anchor=False)
        st.caption(describe(column) if column else "The rows of a vector column as points: near means alike")
    if column is None:
        return
    with right.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Copy link", icon=":material/link:", type="tertiary", shortcut="Shift+L"):
            query = st.query_params.to_dict() | {COLUMN: str(column)}
            clipboard.copy(f"{st.context.url or ''}?{urlencode(query)}", "Link copied")
        st.button("Draw again", icon=":material/refresh:", on_click=state.forget, help="From today's rows")
    clipboard.refused()


def ask(column: ColumnInfo, others: tuple[PlainColumn, ...]) -> Asked:
    """Draw the bar."""
    where = _where()
    words, colour, rows, seed = "", None, SIZES[USUAL_SIZE], SEED
    with st.container(border=True):
        a, b, c, d = st.columns([3, 3.6, 2.6, 1.2], vertical_alignment="bottom")
        with a:
            method = _pick_method()
        if method:
            with b:
                words = _pick_words(column)
            with c:
                colour = _pick_colour(column, others)
        if not (method and method.is_job):
            with d.popover("Sample", icon=":material/casino:", width="stretch"):
                rows, seed = _pick_sample()
    if method and method.is_job and where != EVERY_ROW:
        st.caption(":material/filter_alt_off: A stored map shows rows of the whole column.")
    elif where != EVERY_ROW:
        _show_where(where)
    return Asked(method, colour, rows, seed, words, where)


def _pick_method() -> Method | None:
    label = st.segmented_control(
        "How",
        [*_METHODS, WINDOWS],
        default=next(iter(_METHODS)),
        required=True,
        help="\n".join(f"- **{m.label}**: {m.about}" for m in _METHODS.values())
        + f"\n- **{WINDOWS}**: rows of two times or kinds on one plane, and whether they differ.",
        key=METHOD,
        bind="query-params",
        on_change=_leave_out,
        args=(STORED,),
    )
    return _METHODS.get(label or "")


def _leave_out(name: str) -> None:
    st.query_params.pop(name, None)


def _pick_words(column: ColumnInfo) -> str:
    possible = embedder_of(column.comment) is not None
    words = st.text_input(
        "Find on the map",
        placeholder="Words to look for" if possible else "Nothing says which model made these vectors",
        type="search",
        icon=":material/search:",
        key=WORDS,
        bind="query-params",
        disabled=not possible,
    )
    return words.strip() if possible else ""


def _pick_colour(column: ColumnInfo, others: tuple[PlainColumn, ...]) -> PlainColumn | None:
    telling = reads.telling_column(column)
    known = {other.name: other for other in others if other.category in COLOURABLE}
    name = st.selectbox(
        "Colour by",
        list(known),
        index=list(known).index(telling) if telling else None,
        placeholder="Nothing",
        key=COLOUR,
        bind="query-params",
        help="Up to ten values have a colour and a shape of their own; numbers and dates make a scale.",
    )
    return known.get(name or "")


def _pick_sample() -> tuple[int, int]:
    size = st.segmented_control(
        "Rows, at most", list(SIZES), default=USUAL_SIZE, required=True, key=ROWS, bind="query-params"
    )
    state.drop_beyond(DRAWN_BY, 0, LARGEST_SEED)
    seed = st.number_input(
        "Seed",
        0,
        LARGEST_SEED,
        SEED,
        help="Chooses the rows: the same seed draws the same map.",
        key=DRAWN_BY,
        bind="query-params",
        width=150,
    )
    return SIZES[size or USUAL_SIZE], seed


def _where() -> Condition:
    """Read which rows the address asks for; what cannot be read is told, and left out."""
    try:
        return from_text(st.query_params.get(FILTER, ""))
    except RequestError as error:
        problem(error)
        return EVERY_ROW


def _show_where(where: Condition) -> None:
    told = in_words(where)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f":material/filter_alt: Only rows where {escaped(told[:300])}{'…' if len(told) > 300 else ''}",
            width="content",
        )
        st.button(
            "Show all rows",
            type="tertiary",
            icon=":material/close:",
            on_click=_leave_out,
            args=(FILTER,),
        )
