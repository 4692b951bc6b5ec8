"""What the index asked for would take: disk, memory, time, workers, and of every row inserted after."""

from __future__ import annotations

import math
from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.advisor.forecast import Forecast, Shape, forecast
from dashboard.indexing.obstacles import Obstacle, obstacle
from dashboard.indexing.request import BuildRequest
from dashboard.indexing.trial import SPILLED, WITHIN, Timed
from dashboard.ui import index_form, index_given, index_reads
from dashboard.ui.charts import INK, PLAIN, STYLES, laid_out, note
from dashboard.ui.index_form import Asked
from dashboard.ui.messages import escaped, remedy
from dashboard.ui.search_view import card_title
from dashboard.ui.tables import MB
from dashboard.ui.units import counted, duration, size
from db.catalog import ColumnInfo
from db.errors import RequestError
from db.forms import FORMS
from db.index_forecast import BuildSettings
from db.index_forecast import temporary_bytes as disk_while_built
from db.index_plan import IndexPlan


def draw(column: ColumnInfo, request: BuildRequest, asked: Asked) -> None:
    """Draw the forecast in a card, with the statement or what stands in its way, and the form's button."""
    plan = request.plan(column)
    hindrance = obstacle(plan, index_reads.ground_of(column))
    with st.container(border=True, height="stretch", key="build forecast"):
        try:
            _forecast(column, request, plan)
        except RequestError as error:
            card_title("Forecast", "not for this column")
            st.caption(f"{escaped(error.message)} {remedy(error)}")
        index_form.offer_trial(request)
        if hindrance:
            _tell(hindrance, plan.name)
        else:
            st.code(_statements(request, plan), language="sql", wrap_lines=True)
    with asked.place:
        index_form.start(request, blocked=hindrance is not None)


def _forecast(column: ColumnInfo, request: BuildRequest, plan: IndexPlan) -> None:
    settings = _settings(request)
    shape = Shape(column.rows or 0, column.dimensions or 0, column.type)
    found = forecast(shape, plan.spec, settings)
    partial = "at most, for the whole column: " if request.where else ""
    card_title(
        "Forecast",
        f"{partial}{counted(shape.rows, 'row')} of {shape.dimensions:,} dimensions · size within 10 %, "
        "memory within 15 %",
    )
    timed = index_reads.timed_builds(column, plan.spec)
    temporary_bytes = disk_while_built(plan.spec.method, found.size_bytes, settings)
    first, second = st.columns(3), st.columns(3)
    first[0].metric(
        "Size",
        f"~{size(found.size_bytes)}",
        f"~{size(temporary_bytes)} more meanwhile",
        delta_color="gray",
        delta_arrow="off",
        help="While it is built, WAL and rows that are being sorted take disk, too",
    )
    fits = _disk(first[1], found.size_bytes + temporary_bytes)
    _insert(first[2], nearest([one for one in timed if one.insert_ms], shape.rows))
    second[0].metric("Build memory", f"~{size(found.build_memory_bytes)}")
    _time(
        second[1],
        nearest(timed, shape.rows),
        found,
        settings,
        shape.rows,
        spills=plan.spec.method.name == "hnsw",
    )
    second[2].metric("Workers", f"{found.workers} of {settings.maintenance_workers}")
    if not fits:
        _no_room(found.size_bytes + temporary_bytes)
    st.plotly_chart(
        memory_chart(found.build_memory_bytes, settings.memory_bytes, plan.spec.method.name),
        key="memory",
        config=PLAIN,
        alt="Memory the build needs, against maintenance_work_mem",
    )
    if found.build_memory_bytes > settings.memory_bytes:
        _does_not_fit(column, request, plan, found)
    for told in found.notes:
        if "maintenance_work_mem is" not in told or "Serial" in told:
            st.caption(f":material/info: {escaped(told)}")


def _settings(request: BuildRequest) -> BuildSettings:
    server = index_reads.settings()
    if request.memory_mb is not None:
        server = replace(server, memory_bytes=request.memory_mb * MB)
    if request.workers is not None:
        server = replace(server, maintenance_workers=request.workers)
    return server


def _does_not_fit(column: ColumnInfo, request: BuildRequest, plan: IndexPlan, found: Forecast) -> None:
    """Say what happens, and what would help: more memory, or holding less."""
    have, need = _settings(request).memory_bytes, found.build_memory_bytes
    give_mb = math.ceil(1.05 * need / MB / 8) * 8
    with st.container(gap="xsmall"):
        if plan.spec.method.name == "hnsw":
            fit = (column.rows or 0) * have // need
            st.error(
                f"**The graph will not fit into maintenance_work_mem.** After ~{fit:,} of "
                f"{column.rows or 0:,} rows the rest is written to disk, about {SPILLED} times slower, and "
                "worse on a slow disk.",
                icon=":material/memory_alt:",
            )
        else:
            st.error(
                f"**The server will refuse this build.** Finding the centres takes {size(need)}, and "
                f"maintenance_work_mem is {size(have)}.",
                icon=":material/memory_alt:",
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                f"Use {give_mb:,} MB for this build",
                icon=":material/memory:",
                key="use memory",
                on_click=index_given.use_memory,
                args=(give_mb,),
                help="The server must have it free; a parallel build takes it from shared memory (/dev/shm)",
            )
            if plan.spec.form is None and column.type == "vector":
                st.button(
                    "Try halfvec instead",
                    type="tertiary",
                    key="try halfvec",
                    on_click=index_given.use_form,
                    args=("halfvec",),
                    help=FORMS["halfvec"].about,
                )


def _disk(place: DeltaGenerator, needed_bytes: int) -> bool:
    """Draw what is free; hand back whether it suffices, as far as that is known."""
    room = index_reads.free_bytes()
    if room is None:
        elsewhere = "Not known here: the server is elsewhere, or keeps its directory from this login"
        place.metric("Free disk", "not known", help=elsewhere)
        return True
    fits = needed_bytes <= room
    place.metric(
        "Free disk",
        size(room),
        "enough" if fits else "too little",
        delta_color="green" if fits else "red",
        delta_arrow="off",
        help="Where the server keeps its data directory, or its default tablespace",
    )
    return fits


def _no_room(needed_bytes: int) -> None:
    st.error(
        f"**The disk has no room for this index.** Building it takes ~{size(needed_bytes)}, more than is "
        "free. A server whose disk is full takes no writes.",
        icon=":material/hard_drive:",
    )


def _insert(place: DeltaGenerator, timed: Timed | None) -> None:
    if timed is None or timed.insert_ms is None:
        about = (
            "Nobody has timed inserts beside such an index here: a trial, or a benchmark with inserts, tells"
        )
        place.metric("A row inserted", "not timed", help=about)
        return
    place.metric(
        "A row inserted",
        f"~{timed.insert_ms:.2f} ms",
        None if timed.plain_ms is None else f"{timed.plain_ms:.2f} ms without",
        delta_color="gray",
        delta_arrow="off",
        help=f"Beside the index over {timed.rows:,} rows, by {timed.source}, on a table without WAL. It "
        "grows slowly with the rows.",
    )


def nearest(known: list[Timed], rows: int) -> Timed | None:
    """Find the timed build that is nearest in rows."""
    return min(known, key=lambda one: abs(math.log(one.rows / rows)), default=None) if rows > 1 else None


def _time(
    place: DeltaGenerator,
    timed: Timed | None,
    found: Forecast,
    settings: BuildSettings,
    rows: int,
    *,
    spills: bool,
) -> None:
    if timed is None:
        about = "No build of this kind has been timed on this column: a trial or a benchmark tells"
        place.metric("Time", "not timed", help=about)
        return
    fits = min(1.0, settings.memory_bytes / max(found.build_memory_bytes, 1))
    build_s = timed.forecast_s(rows, fits, spills=spills)
    low, high = duration(build_s / WITHIN), duration(build_s * WITHIN)
    source = f"{timed.source}: {timed.rows:,} rows in {duration(timed.build_s)}"
    grows = f"n to the power {timed.exponent:.2f}, as two trials did," if timed.exponent else "n log n"
    place.metric("Time", f"~{duration(build_s)}", help=f"{low} to {high}, by {grows} from {source}")


def _statements(request: BuildRequest, plan: IndexPlan) -> str:
    lines = []
    if request.memory_mb is not None:
        lines.append(f"SET maintenance_work_mem = '{request.memory_mb}MB';  -- this build only")
    if request.workers is not None:
        lines.append(f"SET max_parallel_maintenance_workers = {request.workers};")
    return "\n".join([*lines, f"{_folded(plan)};"])


def _folded(plan: IndexPlan) -> str:
    """Break the statement into lines, where its own words stand and no name's or value's."""
    begins, ends = plan.sql.split(" ON ", 1) if " ON " not in plan.name else (plan.sql, "")
    options = ", ".join(f"{name} = {value}" for name, value in plan.spec.method.options.items())
    folded = f"{begins}\n    ON {ends}" if ends else begins
    return folded.replace(f" WITH ({options})", f"\n    WITH ({options})", 1)


def _tell(hindrance: Obstacle, name: str) -> None:
    if any(record and record.name == name for record in map(index_reads.record_of, index_reads.at_work())):
        st.info(
            "**This very index is being built now.** Its progress stands above.",
            icon=":material/construction:",
        )
        return
    error = hindrance.error
    st.warning(f"**{escaped(error.message)}** {remedy(error)}", icon=":material/block:")
    if hindrance.statements:
        st.code("\n".join(f"{statement};" for statement in hindrance.statements), language="sql")


def memory_chart(need_bytes: int, have_bytes: int, method: str) -> go.Figure:
    """Draw what a build needs as a bar over what it has; what does not fit is hatched."""
    need_mb, have_mb = need_bytes / MB, have_bytes / MB
    figure = go.Figure()
    for value, colour, pattern in (
        (min(need_mb, have_mb), STYLES[method].color, ""),
        (max(need_mb - have_mb, 0), "#000003", "/"),
    ):
        figure.add_bar(
            x=[value],
            y=[""],
            orientation="h",
            hoverinfo="skip",
            showlegend=False,
            marker={"color": colour, "pattern": {"shape": pattern, "fillmode": "overlay"}},
        )
    figure.add_vline(x=have_mb, line={"color": INK, "width": 2})
    above = {"y": 1.04, "yref": "paper", "yanchor": "bottom"}
    label = f"maintenance_work_mem {have_mb:,.0f} MB"
    if need_mb <= have_mb:
        figure.add_annotation(note(label, x=have_mb, xanchor="right", **above))
    else:
        lacking = f"<b>{need_mb - have_mb:,.0f} MB does not fit</b>"
        figure.add_annotation(note(label, x=0, xanchor="left", **above))
        figure.add_annotation(note(lacking, x=need_mb, xanchor="right", **above))
    return laid_out(
        figure,
        134,
        barmode="stack",
        xaxis={
            "title": "memory of the build, MB",
            "tickformat": ",",
            "range": [0, max(need_mb, have_mb) * 1.08],
        },
        yaxis={"visible": False},
        margin={"l": 0, "r": 0, "t": 24, "b": 0},
    )
