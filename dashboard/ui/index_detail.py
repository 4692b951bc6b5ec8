"""One index of the inventory: its facts and SQL, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from dashboard.decisions import Followed
from dashboard.identity import Role, current_principal
from dashboard.indexing.change import DROP_KIND, REINDEX_KIND
from dashboard.indexing.request import ChangeRequest
from dashboard.inspection.findability import KIND as FIND_KIND
from dashboard.inspection.findability import FindRequest
from dashboard.recall import BUDGET_S, MOST, SEED
from dashboard.ui import followed, index_given, index_reads, state, tables
from dashboard.ui.index_reads import Measured
from dashboard.ui.index_table import built, chip, holds, options, serves
from dashboard.ui.messages import escaped, problem
from dashboard.ui.search_view import card_title
from dashboard.ui.shell import go
from dashboard.ui.units import duration, size
from dashboard.ui.waiting import waiting
from db.columns import spelled
from db.errors import DashboardError
from db.index_inventory import Listed

PARTITIONED = "partitioned table"
"""Its index holds nothing: each part has its own, and plans name those."""

JOB = "job"
"""The address's name for the job that is shown."""


def draw(one: Listed, known: Measured) -> None:
    """Draw the selected index in a card."""
    with st.container(border=True, key="index detail"):
        left, right = st.columns([3, 4], vertical_alignment="center")
        with left:
            card_title(escaped(one.index.name), f"{escaped(str(one.column))} · {one.state}")
        with right.container(horizontal=True, horizontal_alignment="right"):
            _actions(one)
        about, statement = st.columns([2, 3])
        with about:
            tables.facts(_facts(one, known), alt=f"What is known of {one.index.name}")
        with statement:
            definition = one.facts.definition if one.facts else "-- its table is held by another session"
            st.code(f"{definition};", language="sql", wrap_lines=True)
            _measure(one)


def _facts(one: Listed, known: Measured) -> dict[str, object]:
    build = one.facts.build if one.facts else None
    forecast = f" of ~{size(one.forecast_bytes)} forecast" if one.forecast_bytes else ""
    return {
        "State": chip(one),
        "Operator class": f"`{serves(one)}`",
        "Holds": f"`{held}`" if (held := holds(one)) else "the whole column",
        "Options": options(one),
        "Size": f"{size(one.index.size_bytes)}{forecast}",
        "Scans": f"{one.index.scans:,}",
        "Dead rows": "—" if one.dead_share is None else f"{one.dead_share:.1%} of the table's",
        "Pages cached": "—" if one.hit_share is None else f"{one.hit_share:.1%} of those asked for",
        "Recall": "not measured" if known.recall is None else f"{known.recall:.3f} ({known.recall_from})",
        "Findable": "not asked" if known.found is None else f"{known.found:.1%} ({known.found_from})",
        "Built": built(one) if build is None else f"{built(one)}, in {duration(build.build_s or 0)}",
        "Remarks": "; ".join(build.notices) if build and build.notices else "none known",
    }


def _actions(one: Listed) -> None:
    allowed = current_principal().role >= Role.ENGINEER
    about = None if allowed else "This needs the role engineer"
    st.button(
        "Clone",
        icon=":material/difference:",
        key="clone index",
        help="Begin a new index with these options",
        on_click=index_given.clone,
        args=(one,),
        disabled=one.method is None,
    )
    at_work = bool(index_reads.at_work())
    if st.button(
        "Rebuild",
        icon=":material/autorenew:",
        key="rebuild index",
        disabled=not allowed or at_work,
        help=about,
    ):
        _rebuild(one)
    if st.button("Drop", icon=":material/delete:", key="drop index", disabled=not allowed, help=about):
        _drop(one)
    wanted = index_given.take_change(one)
    if wanted == DROP_KIND and allowed:
        _drop(one)
    elif wanted == REINDEX_KIND and allowed and not at_work:
        _rebuild(one)


def _measure(one: Listed) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        able = one.state == "valid" and not one.index.is_expression and not one.index.predicate
        able = able and one.index.distance is not None
        asked = st.button(
            "Measure recall now",
            icon=":material/straighten:",
            key="recall now",
            disabled=not able or one.column.kind == PARTITIONED,
            help=f"Up to {MOST} rows, seed {SEED}, are searched exactly and through this index, at the "
            f"settings a new session has, read-only; the searches take about {BUDGET_S:g} s at most",
        )
        if st.button(
            "Ask it for its rows",
            icon=":material/radar:",
            key="find rows",
            disabled=not able,
            help="A job: 2,000 rows are looked for by their own vector, seed 42",
        ):
            request = FindRequest(str(one.column), distance=one.index.distance and one.index.distance.stem)
            _submit(FIND_KIND, request.to_params())
        if st.button("Benchmark", icon=":material/speed:", type="tertiary", key="measure recall"):
            go("benchmarks.py", {"c": str(one.column), "new": "1"})
        if st.button("Lost rows", icon=":material/query_stats:", type="tertiary", key="lost rows"):
            go("inspection.py", {"c": str(one.column)})
    if asked:
        _recall_now(one)
    elif now := index_reads.recalled(one):
        st.caption(
            f":material/straighten: **Recall@{now.k} {now.recall:.3f}** ({now.low:.3f} to {now.high:.3f} "
            f"with 95 % confidence) over {now.queries:,} rows of the table, seed {now.seed}, at "
            f"{escaped(now.parameter)} = {now.setting}, in {now.took_s:.1f} s. A table's own rows flatter "
            "an index a little; a benchmark holds its queries out."
        )


def _recall_now(one: Listed) -> None:
    try:
        with waiting("Searching exactly and through the index", 60):
            index_reads.measure_recall(one)
    except DashboardError as error:
        problem(error)
        return
    st.rerun()


@st.dialog("Drop an index", icon=":material/delete:")
def _drop(one: Listed) -> None:
    st.markdown(
        f"**{escaped(one.index.name)}** on {escaped(str(one.column))} has served {one.index.scans:,} scans "
        f"since the statistics were reset, and takes {size(one.index.size_bytes)}. Without it searches are "
        "exact, or go through another index. It is dropped concurrently; to have it again it must be built."
    )
    st.code(f"DROP INDEX CONCURRENTLY {spelled(one.column.schema, one.index.name)};", language="sql")
    _confirm(one, DROP_KIND, "Drop it", ":material/delete:")


@st.dialog("Rebuild an index", icon=":material/autorenew:")
def _rebuild(one: Listed) -> None:
    st.markdown(
        f"**{escaped(one.index.name)}** is built anew with the options the catalog says. The old one serves "
        f"until the new one is ready; for a while both take {size(one.index.size_bytes)}."
    )
    st.code(f"REINDEX INDEX CONCURRENTLY {spelled(one.column.schema, one.index.name)};", language="sql")
    _confirm(one, REINDEX_KIND, "Rebuild it", ":material/autorenew:")


def _confirm(one: Listed, kind: str, label: str, icon: str) -> None:
    typed = st.text_input("Type its name to say that you mean this one", key=f"typed {kind}")
    st.caption(f"Its name: `{one.index.name}`")
    answers = followed.of_change(kind, str(one.column), one.index.name)
    followed.note(answers)
    if st.button(label, icon=icon, type="primary", disabled=typed != one.index.name, key=f"confirm {kind}"):
        _submit(kind, ChangeRequest(one.column.schema, one.index.name, typed).to_params(), answers)


def _submit(kind: str, params: dict[str, object], answers: Followed | None = None) -> None:
    try:
        job_id = followed.begin(kind, params, answers)
    except DashboardError as error:
        problem(error)
        return
    st.query_params[JOB] = str(job_id)
    state.forget()
    st.rerun()
