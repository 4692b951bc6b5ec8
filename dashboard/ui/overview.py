"""The parts of the overview: tiles, the next step, the last run, the server."""

from collections.abc import Sequence

import streamlit as st

from dashboard.ui.shell import go
from dashboard.ui.summary import NextStep, best_trial, finding
from dashboard.ui.tables import facts
from dashboard.ui.units import ago, counted, size
from db.capabilities import Capabilities
from db.catalog import ColumnInfo
from db.runs import Run


def tiles(columns: Sequence[ColumnInfo], runs: Sequence[Run]) -> None:
    """Draw the four figures that tell the state at a glance."""
    vectors, count, health, gain = st.columns(4)
    with vectors:
        _vectors(columns)
    with count:
        _columns(columns)
    with health:
        _indexes(columns)
    with gain:
        _gain(runs)


def _vectors(columns: Sequence[ColumnInfo]) -> None:
    estimated = any(column.rows is None or not column.rows_exact for column in columns)
    total = sum(column.rows or 0 for column in columns)
    _tile(
        "Vectors",
        f"{'~' if estimated else ''}{total:,}",
        size(sum(column.column_bytes or 0 for column in columns)),
        ":material/scatter_plot:",
        about="Rows of every vector column together; ~ where the planner's estimate is all there is",
    )


def _columns(columns: Sequence[ColumnInfo]) -> None:
    types = sorted({column.type for column in columns})
    _tile("Vector columns", f"{len(columns)}", ", ".join(types) or "none", ":material/view_column:")


def _indexes(columns: Sequence[ColumnInfo]) -> None:
    indexes = [index for column in columns for index in column.indexes]
    invalid = sum(not index.valid for index in indexes)
    if not indexes:
        note, colour = "search is exact", "blue"
    elif invalid:
        note, colour = f"{invalid} invalid", "red"
    else:
        note, colour = "all valid", "green"
    value = f"{len(indexes) - invalid} / {len(indexes)}" if indexes else "none"
    _tile("Valid indexes", value, note, ":material/account_tree:", colour)


def _gain(runs: Sequence[Run]) -> None:
    run = next((run for run in runs if run.state == "succeeded" and best_trial(run)), None)
    trial = best_trial(run) if run else None
    if run is None or trial is None:
        _tile("Gain of an index", "none yet", "no benchmark", ":material/speed:")
        return
    _tile(
        "Gain of an index",
        f"{trial.measures['speedup']:.3g}x",
        f"recall {trial.measures['recall']:.3f}",
        ":material/speed:",
        "green",
        about=f"Times as fast as exact search, asked in the same minutes: run {run.id}, {run.subject}",
    )


def _tile(
    label: str, value: str, note: str, icon: str, colour: str = "gray", *, about: str | None = None
) -> None:
    st.metric(
        label,
        value,
        note,
        delta_color=colour,  # type: ignore[arg-type]
        delta_arrow="off",
        icon=icon,
        border=True,
        help=about,
    )


def next_card(step: NextStep) -> None:
    """Draw the one thing to do now."""
    with st.container(border=True):
        words, action = st.columns([5, 1], vertical_alignment="center")
        with words.container(gap=None):
            st.subheader("What to do next", anchor=False)
            st.markdown(step.sentence)
        if step.statement:
            st.code(step.statement, language="sql")
        if way := step.way:
            with action.container(horizontal=True, horizontal_alignment="right"):
                if st.button(way.button, icon=way.icon, type="primary", key="next step"):
                    go(way.page, way.query)


def last_run(runs: Sequence[Run]) -> None:
    """Say what the last benchmark found."""
    st.subheader("Last benchmark", anchor=False)
    finished = next((run for run in runs if run.state == "succeeded"), None)
    if finished is None:
        st.caption(
            "None yet. A benchmark measures exact search, HNSW and IVFFlat on a copy of your own rows: "
            "latency, recall, build time and size, side by side."
        )
        if st.button("Plan one", icon=":material/speed:"):
            go("benchmarks.py")
        return
    found = finding(finished)
    st.markdown(f"**{found.sentence}.** {found.remark or ''}")
    st.caption(
        f"`{finished.subject}` · {counted(finished.rows or 0, 'row')}, "
        f"{counted(finished.queries or 0, 'query')} · "
        f"run {finished.id}, {ago(finished.finished_at or finished.started_at)}"
    )
    if st.button(f"Open run {finished.id}", icon=":material/arrow_forward:"):
        go("benchmarks.py", {"run": str(finished.id)})


def server_facts(server: Capabilities) -> None:
    """Say what server this is, and what its settings allow."""
    st.subheader("Server", anchor=False)
    facts(
        {
            "PostgreSQL": server.server_version,
            "pgvector": server.pgvector_version or "not created in this database",
            "Database": f"{server.database}, as {server.role}",
            "shared_buffers": size(server.shared_buffers_bytes),
            "maintenance_work_mem": size(server.maintenance_work_mem_bytes),
        },
        alt="The server's versions, database and memory",
    )
