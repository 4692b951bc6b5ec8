"""Maps that a job works out: which one is shown, making a new one, and following the job."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import streamlit as st

from dashboard.mapping.draw import Map
from dashboard.mapping.methods import PROJECTIONS, Method
from dashboard.mapping.plan import LARGEST_SEED, PERPLEXITIES, PERPLEXITY, SEED, MapPlan
from dashboard.mapping.plane import FEWEST_ROWS
from dashboard.ui import map_reads as reads
from dashboard.ui import state
from dashboard.ui.map_bar import DRAWN_BY, FILTER, METHOD, ROWS, SIZES, STORED, Asked
from dashboard.ui.messages import told_to_the_reader
from dashboard.ui.pickers import COLUMN, whole_number
from dashboard.ui.progress import begin, follow
from dashboard.ui.units import ago, counted
from db import retention
from db.catalog import ColumnInfo
from db.conditions import EVERY_ROW, from_text, to_text
from db.errors import RequestError
from db.projections import Projection

_PICKER, _JOB = "map picker", "job"
_SIZES = (1_000, 2_000, 5_000, 10_000, 20_000)
_USUAL_SIZE = 2


def in_address() -> None:
    """Let a stored map that the address names choose column, rows and method.

    A job that is over stands for its map.  Where the reader has picked another column or other rows since,
    the map is left behind.  Raises RequestError for a map that is not there.
    """
    if (made := _made_by_job()) is not None:
        st.query_params.pop(_JOB, None)
        st.query_params[STORED] = str(made)
    given = st.query_params.get(STORED)
    if given is None:
        return
    if (number := whole_number(given)) is None:
        raise RequestError(f"{given[:20]!r} is not the number of a map.", "Choose one on the page Map.")
    stored = reads.stored_as(number)
    plan = MapPlan.from_params(stored.params["plan"])
    if st.query_params.get(COLUMN, stored.subject) != stored.subject or _other_rows(plan):
        del st.query_params[STORED]
        return
    st.query_params[COLUMN] = stored.subject
    if plan.where:
        st.query_params[FILTER] = plan.where
    state.put(METHOD, PROJECTIONS[stored.method].label)
    if PROJECTIONS[stored.method].at_once_numbers:
        # Drawn at once from few rows: the bar says from how many, and by which seed.
        state.put(DRAWN_BY, plan.seed)
        for label in (label for label, rows in SIZES.items() if rows == plan.rows):
            state.put(ROWS, label)


def _other_rows(plan: MapPlan) -> bool:
    """Whether the address asks for rows that meet another condition than those of a map."""
    try:
        return FILTER in st.query_params and to_text(from_text(st.query_params[FILTER])) != plan.where
    except RequestError:
        return True


def _made_by_job() -> int | None:
    number = whole_number(st.query_params.get(_JOB, ""))
    if number is None:
        return None
    job, _ = state.job(number)
    return (job.result or {}).get("map") if job.kind == "map" else None


def pick(column: ColumnInfo, method: Method, asked: Asked) -> Map | None:
    """Draw the choice of stored maps and the way to a new one; None while there is none to show."""
    job_id = whole_number(st.query_params.get(_JOB, ""))
    job = None if job_id is None else follow(job_id)
    known = {stored.id: stored for stored in reads.stored(column) if _is_asked(stored, method, asked)}
    if not known:
        if job is None or job.is_finished:
            _first(column, method, asked)
        return None
    wanted = whole_number(st.query_params.get(STORED, ""))
    chosen = wanted if wanted in known else next(iter(known))
    st.query_params[STORED] = str(chosen)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _choose(known, chosen)
        with st.popover("New map", icon=":material/add:"):
            _form(column, method, asked)
    return reads.loaded(known[chosen])


def _is_asked(stored: Projection, method: Method, asked: Asked) -> bool:
    """Whether a map shows what the bar asks for: of a method that always is a job, whatever its sample."""
    plan = MapPlan.from_params(stored.params["plan"])
    same_rows = not method.at_once_numbers or (plan.rows, plan.seed) == (asked.rows, asked.seed)
    return stored.method == method.key and plan.where == to_text(asked.where) and same_rows


def _choose(known: dict[int, Projection], chosen: int) -> None:
    state.put(_PICKER, chosen)
    st.selectbox(
        "Stored map",
        list(known),
        format_func=lambda number: _label(known[number]),
        key=_PICKER,
        on_change=_open_picked,
        width=420,
    )


def _label(stored: Projection) -> str:
    plan = stored.params["plan"]
    made = f"{stored.created_at.astimezone(UTC):%d %b %H:%M}, {ago(stored.created_at)}"
    how = "" if PROJECTIONS[stored.method].at_once_numbers else f"perplexity {plan['perplexity']:g} · "
    return f"{stored.id} · {counted(stored.rows, 'row')} · {how}seed {plan['seed']} · {made}"


def _open_picked() -> None:
    st.query_params[STORED] = str(state.value(_PICKER))


def _first(column: ColumnInfo, method: Method, asked: Asked) -> None:
    of = "these rows" if asked.where != EVERY_ROW else "this column"
    with st.container(border=True):
        if method.at_once_numbers:
            rows = min(asked.rows, column.rows or asked.rows)
            st.subheader(f"No map of {counted(rows, 'row')} of {of} yet", anchor=False)
            st.markdown("So many take longer than a page should. Once made, the map opens at once.")
        else:
            st.subheader(f"No {method.label} map of {of} yet", anchor=False)
            st.markdown(method.about)
        _form(column, method, asked)


def _form(column: ColumnInfo, method: Method, asked: Asked) -> None:
    """Ask what a new map shall show, and hand it to the queue."""
    from_bar = {"rows": asked.rows, "seed": asked.seed}
    plan = from_bar if method.at_once_numbers else _ask_more(method)
    if column.rows is not None and column.rows < FEWEST_ROWS:
        st.caption(f"A map needs at least {FEWEST_ROWS} rows; there are {counted(column.rows, 'row')}.")
    if st.button("Make the map", icon=":material/play_arrow:", type="primary", key="map start"):
        with told_to_the_reader():
            asked_for = MapPlan(str(column), method.key, **plan, where=to_text(asked.where))
            job_id = begin("map", asked_for.to_params())
            st.query_params[_JOB] = str(job_id)
            st.rerun()
    st.caption(
        "A job: it goes on when you leave. Its map is kept for everybody: "
        f"the newest {retention.PROJECTIONS} of a column and method are."
    )


def _ask_more(method: Method) -> dict[str, Any]:
    left, middle, right = st.columns([3, 2, 2], width=560)
    sizes = [size for size in _SIZES if size <= method.most_rows]
    rows = left.selectbox(
        "Rows, at most", sizes, index=_USUAL_SIZE, format_func="{:,}".format, key="map rows"
    )
    perplexity = middle.number_input(
        "Perplexity",
        *PERPLEXITIES,
        PERPLEXITY,
        5.0,
        help="About how many neighbours each row is to keep: small shows fine groups, large the whole.",
        key="map perplexity",
    )
    seed = right.number_input("Seed", 0, LARGEST_SEED, SEED, key="map seed")
    return {"rows": rows, "perplexity": perplexity, "seed": seed}
