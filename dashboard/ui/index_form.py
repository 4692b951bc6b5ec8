"""The form for a new index: presets and raw options with their bounds, and a button that starts the job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.decisions import Followed
from dashboard.identity import Role, current_principal
from dashboard.indexing.presets import PRESETS, Preset
from dashboard.indexing.request import MEMORY, PATIENCE, WORKERS, BuildRequest
from dashboard.indexing.run import KIND
from dashboard.indexing.trial import KIND as TRIAL
from dashboard.ui import followed, state
from dashboard.ui import index_given as given
from dashboard.ui.messages import escaped, problem
from dashboard.ui.pickers import label
from dashboard.ui.search_view import card_title
from db.catalog import ColumnInfo, default_distance
from db.conditions import Group, to_text
from db.distance import distances_for
from db.errors import DashboardError, RequestError
from db.filters import parse_filter
from db.forms import CANDIDATES, FORMS, SUBVECTOR, Form, IndexSpec
from db.index_trial import LARGER, ROWS
from db.indexes import METHODS, IndexMethod, Parameter

_LABELS = {"hnsw": "HNSW", "ivfflat": "IVFFlat"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks for; ``request`` is None, and the form says why, where it cannot be."""

    request: BuildRequest | None
    place: DeltaGenerator
    """Where the button goes."""


def draw(column: ColumnInfo) -> Asked:
    """Draw the form's fields in a card; hand back what they ask for."""
    with st.container(border=True, height="stretch", key="build form"):
        card_title("Build an index", "nothing is sent until you press Build")
        st.caption(f"On {escaped(label(column))}; choose another column in the sidebar")
        with st.container(horizontal=True, gap="medium"):
            method = _one_of("Method", list(METHODS), given.METHOD, _LABELS.__getitem__)
            stem = _one_of("Distance", _distances(column, method), given.BY, str, "What queries order by")
        holds = _one_of("Holds", _forms(column), given.HOLDS, str, "\n\n".join(_form_help()))
        _presets(method, column)
        options = {p.name: _option(p) for p in METHODS[method].parameters()}
        length = _number(SUBVECTOR, given.LENGTH) if holds == "subvector" else None
        memory_mb, workers, patience_s = _resources()
        where, name = _rows_and_name(column)
        try:
            spec = IndexSpec(_method(method, options), _form(holds, length))
            request = BuildRequest(
                str(column),
                str(spec),
                distance=stem,
                where=_condition(where),
                name=name or None,
                memory_mb=memory_mb,
                workers=workers,
                patience_s=patience_s,
            )
            request.plan(column)
        except RequestError as error:
            problem(error)
            return Asked(None, st.container())
        return Asked(request, st.container())


def start(request: BuildRequest, *, blocked: bool) -> None:
    """Draw the button that begins the build."""
    allowed = current_principal().role >= Role.ENGINEER
    method = _LABELS[request.index.partition(":")[0]]
    answers = followed.of_build(request)
    followed.note(answers)
    if st.button(
        f"Build {method}",
        icon=":material/construction:",
        type="primary",
        width="stretch",
        key="build index",
        disabled=blocked or not allowed,
        help=None if allowed else "Building an index needs the role engineer",
    ):
        _begin(KIND, request, answers)


def offer_trial(request: BuildRequest) -> None:
    """Draw the button that times a build of a few thousand rows."""
    if current_principal().role >= Role.ENGINEER and st.button(
        "Time a trial build",
        icon=":material/timer:",
        type="tertiary",
        key="trial build",
        help=f"A job: {ROWS:,} rows, and then {LARGER} times as many if that takes seconds, are copied and "
        "indexed in a transaction that is rolled back",
    ):
        _begin(TRIAL, request, None)


def _begin(kind: str, request: BuildRequest, answers: Followed | None) -> None:
    try:
        job_id = followed.begin(kind, request.to_params(), answers)
    except DashboardError as error:
        problem(error)
        return
    st.query_params["job"] = str(job_id)
    state.forget()
    st.rerun()


def _one_of(
    label: str, choices: list[str], key: str, shown: Callable[[str], str], about: str | None = None
) -> str:
    if state.value(key) not in choices:
        state.put(key, choices[0])
    chosen = st.segmented_control(label, choices, format_func=shown, required=True, key=key, help=about)
    return str(chosen)


def _forms(column: ColumnInfo) -> list[str]:
    if column.type not in {"vector", "halfvec"}:
        return [given.WHOLE]
    return [given.WHOLE, *(name for name in FORMS if name != column.type)]


def _form_help() -> list[str]:
    return [f"**{kind.name}** ({kind.label}): {kind.about}" for kind in FORMS.values()]


def _distances(column: ColumnInfo, method: str) -> list[str]:
    kind = FORMS.get(state.value(given.HOLDS) or given.WHOLE)
    held = kind.vector_type if kind else column.type
    known = distances_for(column.type)
    able = [d for d in known if METHODS[method].supports(held, (kind and kind.distance) or d)]
    usual = default_distance(column)
    return [d.stem for d in sorted(able or known, key=lambda d: d is not usual)]


def _presets(method: str, column: ColumnInfo) -> None:
    presets = {preset.label: preset for preset in PRESETS if preset.method == method}
    usual = presets["Balanced"].make(column.rows or 0)
    for name, value in usual.options.items():
        if state.value(given.OPTION.format(name)) is None:
            state.put(given.OPTION.format(name), value)
            state.put(given.PRESET, "Balanced")
    if state.value(given.PRESET) not in {*presets, given.CUSTOM}:
        state.put(given.PRESET, given.CUSTOM)
    st.segmented_control(
        "Preset",
        [*presets, given.CUSTOM],
        required=True,
        width="stretch",
        key=given.PRESET,
        on_change=_apply,
        args=(presets, column.rows or 0),
        help="\n\n".join(f"**{preset.label}**: {preset.about}" for preset in presets.values()),
    )


def _apply(presets: dict[str, Preset], rows: int) -> None:
    if preset := presets.get(state.value(given.PRESET)):
        for name, value in preset.make(rows).options.items():
            state.put(given.OPTION.format(name), value)


def _option(parameter: Parameter) -> int:
    """Draw a build option; changed by hand, it is no preset any more."""
    key, custom = given.OPTION.format(parameter.name), lambda: state.put(given.PRESET, given.CUSTOM)
    about = f"{parameter.about} {parameter.low:,} to {parameter.high:,}."
    if parameter.high > 1000:
        return int(
            st.number_input(
                parameter.name, parameter.low, parameter.high, key=key, on_change=custom, help=about
            )
        )
    return int(
        st.slider(parameter.name, parameter.low, parameter.high, key=key, on_change=custom, help=about)
    )


def _number(parameter: Parameter, key: str) -> int:
    if state.value(key) is None:
        state.put(key, parameter.default)
    return int(st.number_input(parameter.name, parameter.low, parameter.high, key=key, help=parameter.about))


def _resources() -> tuple[int | None, int | None, int]:
    memory, workers, patience = st.columns(3)
    return (
        memory.number_input(
            "Memory, MB",
            MEMORY.low,
            MEMORY.high,
            None,
            key=given.MEMORY_MB,
            placeholder="server's",
            help=MEMORY.about,
        ),
        workers.number_input(
            "Workers",
            WORKERS.low,
            WORKERS.high,
            None,
            key=given.WORKER_COUNT,
            placeholder="server's",
            help=WORKERS.about,
        ),
        int(
            patience.number_input(
                "Patience, s",
                PATIENCE.low,
                PATIENCE.high,
                PATIENCE.default,
                key=given.PATIENCE_S,
                help=PATIENCE.about,
            )
        ),
    )


def _rows_and_name(column: ColumnInfo) -> tuple[str, str]:
    with st.expander("Only some rows, or a name of your own", icon=":material/filter_alt:"):
        others = ", ".join(other.name for other in state.other_columns(column)) or "none"
        where = st.text_area(
            "Index only rows that meet",
            key=given.WHERE,
            placeholder="category=footwear\nprice<=150",
            help=f"One condition a line. Searches must name the same conditions. Columns: {others}",
            height=80,
        )
        name = st.text_input("Name", key=given.NAME, placeholder="vs_table_column_method_hash")
    return where or "", (name or "").strip()


def _condition(given: str) -> str:
    return to_text(Group("all", tuple(parse_filter(line) for line in given.splitlines() if line.strip())))


def _method(name: str, options: dict[str, int]) -> IndexMethod:
    return METHODS[name](**options)


def _form(name: str, length: int | None) -> Form | None:
    if name == given.WHOLE:
        return None
    kind = FORMS[name]
    return Form(kind, length, CANDIDATES.default if kind.reordered else None)
