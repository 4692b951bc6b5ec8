"""The Map page's bar: how to draw, which rows, what colours and marks them; all of it in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import streamlit as st

from dashboard.mapping.chosen import keys_from_text
from dashboard.mapping.methods import PROJECTIONS, Method
from dashboard.mapping.plan import LARGEST_SEED, SEED
from dashboard.seeding.embedders import embedder_of
from dashboard.ui import clipboard, pickers, state
from dashboard.ui import map_reads as reads
from dashboard.ui.map_colours import COLOURABLE
from dashboard.ui.messages import check_choices, escaped, problem
from dashboard.ui.search_bar import describe
from db.catalog import ColumnInfo, PlainColumn
from db.conditions import EVERY_ROW, Condition, from_text, in_words
from db.errors import RequestError
from db.sampling import USUAL_DIMENSIONS

T = TypeVar("T")

METHOD, STORED, COLOUR, ROWS, DRAWN_BY, WORDS = "method", "m", "colour", "n", "seed", "q"
FILTER, MARKED = "f", "at"
"""Where each part stands in the address, and the key of its widget."""

WINDOWS = "Two windows"
"""The choice beside the methods: two windows of rows on one plane."""

QUICK = "quick"
"""As many rows as are drawn without a job."""

SIZES = {"2k": 2_000, "5k": 5_000, "10k": 10_000, "20k": 20_000, "50k": 50_000, "100k": 100_000}

_METHODS = {method.label: key for key, method in PROJECTIONS.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the bar asks for; ``method`` is None for two windows.

    ``marked`` are the keys of rows to be pointed out; ``is_job``, that a page cannot wait for so many rows.
    """

    method: Method | None
    colour: PlainColumn | None
    rows: int
    seed: int
    words: str
    where: Condition
    marked: tuple[str, ...]
    is_job: bool


def header(column: ColumnInfo | None) -> None:
    """Draw the title and what the page is about."""
    left, right = st.columns([4, 3], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Map", anchor=False)
        st.caption(describe(column) if column else "The rows of a vector column as points: near means alike")
    if column is None:
        return
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        pickers.pick_vector(column)
        clipboard.link_button(column, "Link copied: it shows this map")
        st.button("Draw again", icon=":material/refresh:", on_click=state.forget, help="From today's rows")
    clipboard.refused()


def ask(column: ColumnInfo, others: tuple[PlainColumn, ...]) -> Asked:
    """Draw the bar."""
    _forget_another_table(column)
    where = _part(FILTER, from_text) or EVERY_ROW
    marked = _part(MARKED, partial(keys_from_text, column)) or ()
    words, colour, rows, seed = "", None, 0, SEED
    names = [other.name for other in others if other.category in COLOURABLE]
    check_choices({METHOD: [*_METHODS, WINDOWS], COLOUR: names, ROWS: [QUICK, *SIZES]})
    with st.container(border=True):
        a, b, c, d = st.columns([3, 3.6, 2.6, 1.2], vertical_alignment="bottom")
        with a:
            method = _pick_method()
        if method:
            with b:
                words = _pick_words(column)
            with c:
                colour = _pick_colour(column, others)
        quick = rows_at_once(column, method) if method else 0
        if not method or quick:
            with d.popover("Sample", icon=":material/casino:", width="stretch"):
                rows = _pick_size(method, quick) if method else 0
                seed = _pick_seed()
    if where != EVERY_ROW:
        _show_where(where)
    is_job = method is not None and (not quick or min(rows, column.rows or rows) > quick)
    return Asked(method, colour, rows, seed, words, where, marked, is_job)


def rows_at_once(column: ColumnInfo, method: Method) -> int:
    """Tell how many rows of a column a page draws by itself."""
    return method.rows_at_once(column.dimensions or USUAL_DIMENSIONS)


def _pick_method() -> Method | None:
    label = st.segmented_control(
        "How",
        [*_METHODS, WINDOWS],
        default=next(iter(_METHODS)),
        required=True,
        help="\n".join(f"- **{m.label}**: {m.about}" for m in PROJECTIONS.values())
        + f"\n- **{WINDOWS}**: rows of two times or kinds on one plane, and whether they differ.",
        key=METHOD,
        bind="query-params",
        on_change=_leave_out,
        args=(STORED,),
    )
    return PROJECTIONS.get(_METHODS.get(label or "", ""))


def _leave_out(*names: str) -> None:
    for name in names:
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


def _pick_size(method: Method, quick: int) -> int:
    size = st.segmented_control(
        "Rows, at most",
        [QUICK, *SIZES],
        default=QUICK,
        required=True,
        key=ROWS,
        bind="query-params",
        on_change=_leave_out,
        args=(STORED,),
    )
    st.caption(f"{QUICK.capitalize()}: {quick:,} here. Up to so many are drawn at once, more as a job.")
    return min(SIZES.get(size or "", quick), method.most_rows)


def _pick_seed() -> int:
    state.drop_beyond(DRAWN_BY, 0, LARGEST_SEED)
    return st.number_input(
        "Seed",
        0,
        LARGEST_SEED,
        SEED,
        help="Chooses the rows: the same seed draws the same map.",
        key=DRAWN_BY,
        bind="query-params",
        width=150,
        on_change=_leave_out,
        args=(STORED,),
    )


def _part(name: str, read: Callable[[str], T]) -> T | None:
    """Read a part of the address; what cannot be read is told, and left out."""
    try:
        return read(st.query_params[name]) if name in st.query_params else None
    except RequestError as error:
        problem(error)
        return None


def _forget_another_table(column: ColumnInfo) -> None:
    """Drop the rows of the table that was shown before: the picker changes only the column's name."""
    now = (column.schema, column.table), {part: st.query_params.get(part) for part in (FILTER, MARKED)}
    shown, parts = state.recall("map address", now)
    if shown != now[0] and parts == now[1]:
        _leave_out(FILTER, MARKED)
        now = now[0], dict.fromkeys(now[1])
    state.remember("map address", now)


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
            args=(FILTER, STORED),
        )


def unmark() -> None:
    """Point out no rows any more; as a button's ``on_click``."""
    _leave_out(MARKED)
