"""One map drawn: its points, how far it can be believed, what a search found on it, and what is selected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from zlib import crc32

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.mapping.draw import Map
from dashboard.mapping.methods import PROJECTIONS, Method
from dashboard.mapping.plan import MapPlan
from dashboard.ui import map_charts as charts
from dashboard.ui import map_reads as reads
from dashboard.ui import map_selection as selection
from dashboard.ui.map_bar import Asked
from dashboard.ui.map_colours import Colouring, colour
from dashboard.ui.map_marks import Marked, hover_texts
from dashboard.ui.messages import escaped, problem
from dashboard.ui.search_tables import naming_columns
from dashboard.ui.search_view import card_title
from dashboard.ui.units import ago, counted
from db.catalog import ColumnInfo, PlainColumn
from db.conditions import EVERY_ROW
from db.distance import distance_named
from db.errors import DatabaseError, RequestError, StatementTimeout
from db.sampling import ALL
from db.sampling import METHODS as DRAWN_BY

SHOWN_IN_TABLE = 1_000

FEW_KEPT = 0.2
"""Share of neighbours below which a quick map misleads about them."""

TRUSTED = 0.9
"""Trustworthiness from which a map's neighbours may be taken at their word."""


def made_at_once(column: ColumnInfo, method: Method, asked: Asked) -> Map:
    """Make a map that needs no job.  Raises RequestError where the column cannot be mapped."""
    plan = MapPlan(str(column), method.key, asked.rows, asked.seed)
    with st.spinner("Drawing the map", show_time=True):
        return reads.drawn(column, plan, asked.where)


def draw(column: ColumnInfo, others: tuple[PlainColumn, ...], shown: Map, asked: Asked) -> None:
    """Draw a map, and beside it what is selected on it or was found."""
    token = f"{crc32(repr((str(column), shown.method, shown.drawn, shown.made_at)).encode()):08x}"
    naming = naming_columns(others, column.key)
    names = tuple(dict.fromkeys((*naming[:1], *([asked.colour.name] if asked.colour else ()))))
    values = _values(column, token, shown, names)
    colouring = _colouring(shown, values, names, asked)
    found = _found(column, token, shown, asked.words, naming)
    marked = _marked(column, token, shown, asked.marked, naming)
    left, right = st.columns([7, 3])
    with left.container(border=True):
        card_title(PROJECTIONS[shown.method].label, _sample_note(shown))
        _believable(shown)
        event = st.plotly_chart(
            charts.map_figure(
                shown,
                colouring,
                hover=hover_texts(shown.keys, values, names),
                hits=found.hits,
                marked=marked,
                query=found.query,
            ),
            key=f"map {token}",
            on_select="rerun",
            config=charts.TOOLS,
            alt=charts.in_words(shown, colouring, found.hits, marked),
        )
        _remarks(column, shown, values, asked)
    found_keys, marked_keys = [hit.key for hit in found.hits], [row.key for row in marked]
    chosen = selection.keys_of(event, shown.keys, found_keys, marked_keys)
    with right:
        if asked.marked:
            selection.marked_card(marked, len(asked.marked))
        selection.card(column, chosen, values, names, where=asked.where)
        if found.hits:
            selection.hits_card(found.hits, asked.words)
    _twin(shown, values, names, token)


def _values(column: ColumnInfo, token: str, shown: Map, names: tuple[str, ...]) -> reads.Values:
    """Read what names and colours the points; where that takes too long, the map is shown bare."""
    try:
        return reads.values(column, token, shown.keys, names)
    except StatementTimeout:
        st.warning(
            "Reading the names and colours of these rows took too long: their keys are in no index. "
            "The points are shown without. Fewer rows may do.",
            icon=":material/timer_off:",
        )
        return {}


def _colouring(shown: Map, values: reads.Values, names: tuple[str, ...], asked: Asked) -> Colouring:
    if not asked.colour or not values:
        return ()
    place = names.index(asked.colour.name)
    nothing = (None,) * len(names)
    return colour([values.get(key, nothing)[place] for key in shown.keys], asked.colour)


def _found(column: ColumnInfo, token: str, shown: Map, words: str, naming: tuple[str, ...]) -> reads.Found:
    if words:
        try:
            return reads.found(column, token, shown, words, naming)
        except RequestError as error:
            problem(error)
    return reads.Found((), None)


def _marked(
    column: ColumnInfo, token: str, shown: Map, keys: tuple[str, ...], naming: tuple[str, ...]
) -> tuple[Marked, ...]:
    if keys:
        try:
            return reads.marked(column, token, shown, keys, naming)
        except (RequestError, DatabaseError) as error:
            problem(error)
    return ()


def _sample_note(shown: Map) -> str:
    drawn = shown.drawn
    distance = distance_named(drawn.by)
    of = f" of {'' if drawn.of_rows_exact else '~'}{counted(drawn.of_rows, 'row')}" if drawn.of_rows else ""
    rows = f"{drawn.rows:,}{of}" if of else counted(drawn.rows, "row")
    parts = [rows, f"{drawn.how}, seed {drawn.seed}", f"{distance.stem} distance"]
    parts.append(
        f"map {shown.stored_as}, made {ago(shown.made_at)}"
        if shown.stored_as
        else f"as of {shown.made_at.astimezone(UTC):%H:%M} UTC"
    )
    return " · ".join(parts)


def _believable(shown: Map) -> None:
    """Say how much of each row's neighbourhood the map keeps."""
    found = shown.quality
    share = found.kept / found.neighbours
    few = share < FEW_KEPT
    kept = f"{found.kept:.0f}" if found.kept >= 10 else f"{found.kept:.1f}"
    better = few and PROJECTIONS[shown.method].at_once_numbers
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(
            f"{kept} of {found.neighbours} neighbours preserved",
            icon=":material/warning:" if few else ":material/group:",
            color="orange" if few else "blue",
            help=f"Of the {found.neighbours} rows nearest to each row, so many are still among the "
            f"{found.neighbours} nearest on the map; on average over {found.n:,} rows.",
        )
        st.badge(
            f"trustworthiness {found.trustworthiness:.2f}",
            color="green" if found.trustworthiness >= TRUSTED else "orange",
            help="1 where nobody is shown near who is far; 0.5 is what chance does "
            f"(Venna and Kaski, 2001; {found.neighbours} neighbours, {found.n:,} rows).",
        )
        st.caption(f"n {found.n:,}{' · t-SNE shows neighbours better' if better else ''}")


def _remarks(column: ColumnInfo, shown: Map, values: reads.Values, asked: Asked) -> None:
    """Say how to read the map, what it leaves out, and what has changed since it was drawn."""
    with st.container(gap="xxsmall"):
        st.caption(f":material/info: {PROJECTIONS[shown.method].reading}")
        for icon, remark in _notes(column, shown, values, asked):
            st.caption(f":material/{icon}: {remark}")


def _notes(column: ColumnInfo, shown: Map, values: reads.Values, asked: Asked) -> Iterator[tuple[str, str]]:
    drawn, points = shown.drawn, len(shown.keys)
    if points > charts.MOST_POINTS:
        some = f"a random {charts.SHOWN_OF_MORE:,}"
        yield (
            "blur_on",
            f"Too many to tell apart: the cloud is all {points:,} rows, the points {some} of them.",
        )
    if drawn.how != ALL:
        how = escaped(DRAWN_BY[drawn.how])
        yield "casino", f"A sample: {how}."
    if drawn.nulls:
        yield "block", f"{counted(drawn.nulls, 'drawn row')} had no vector: not on the map."
    if len(drawn.of_dimensions) > 1:
        mix = ", ".join(f"{int(length):,} d: {rows:,}" for length, rows in drawn.of_dimensions.items())
        yield "shuffle", f"Vectors of several lengths ({mix}): only the commonest are shown."
    if values and (gone := sum(key not in values for key in shown.keys)):
        yield "delete", f"{counted(gone, 'row')} of this map can no longer be found by key."
    is_whole = asked.where == EVERY_ROW
    if shown.stored_as and is_whole and column.rows and drawn.of_rows and column.rows > drawn.of_rows:
        more = counted(column.rows - drawn.of_rows, "row")
        yield "fiber_new", f"~{more} came since this map was made: a new one will show them."


def _twin(shown: Map, values: reads.Values, names: tuple[str, ...], token: str) -> None:
    with st.expander("As a table", icon=":material/table_rows:", key=f"twin {token}"):
        rows = min(len(shown.keys), SHOWN_IN_TABLE)
        nothing = (None,) * len(names)
        frame = pd.DataFrame(np.round(shown.points[:rows], 4), columns=list(shown.axes))
        frame.insert(0, "id", list(shown.keys[:rows]))
        for place, name in enumerate(names):
            if name not in frame:
                frame[name] = [values.get(key, nothing)[place] for key in shown.keys[:rows]]
        st.dataframe(frame, hide_index=True, alt="The points of the map with their keys and names")
        if rows < len(shown.keys):
            st.caption(f"The first {rows:,} of {counted(len(shown.keys), 'point')}.")
