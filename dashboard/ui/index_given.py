"""The form for a new index, filled in: by a link, by an index to clone, by what the forecast proposes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.ui import state
from dashboard.ui.messages import problem
from dashboard.ui.pickers import COLUMN
from db.catalog import ColumnInfo, default_distance
from db.distance import Distance, distances_for
from db.errors import RequestError
from db.forms import FORMS, Form, IndexSpec, parse_spec
from db.index_inventory import Listed

BUILD, DISTANCE = "build", "by"
"""Parameters of the address that fill the form in: an index as the command line spells it, a distance."""

INDEX, CHANGE = "index", "change"
"""Parameters that select an index of the column, and open what a job of that kind does to it."""

METHOD, BY, HOLDS, PRESET = "index method", "index distance", "index holds", "index preset"
OPTION, LENGTH = "index option {}", "index subvector"
MEMORY_MB, WORKER_COUNT, WHERE, NAME, PATIENCE_S = (
    f"index {part}" for part in ("memory", "workers", "where", "name", "patience")
)
WHOLE, CUSTOM = "vectors", "Custom"


def clone(one: Listed) -> None:
    """Fill the form in with an index's options; as a button's ``on_click``."""
    if one.method is None:
        return
    held = one.index.operator_class.partition("_")[0]
    form = Form(FORMS[held]) if held in FORMS and held != one.column.type else None
    st.query_params[COLUMN] = str(one.column)
    _fill(IndexSpec(one.method, form), one.index.distance or default_distance(one.column))


def selected(listed: Sequence[Listed]) -> int | None:
    """Find the place of the index that the address names."""
    column, name = st.query_params.get(COLUMN), st.query_params.get(INDEX)
    places = (
        place for place, one in enumerate(listed) if (str(one.column), one.index.name) == (column, name)
    )
    return next(places, None) if name else None


def take_change(one: Listed) -> str | None:
    """Take from the address, once, the kind of job that is to change this index."""
    if st.query_params.get(INDEX) != one.index.name:
        return None
    change = st.query_params.get(CHANGE)
    st.query_params.pop(CHANGE, None)
    return change


def take_address(column: ColumnInfo) -> None:
    """Fill the form in with what a link asks for, once; what cannot be read is told, and left out."""
    given = st.query_params.get(BUILD)
    if given and state.recall(BUILD) != (str(column), given):
        state.remember(BUILD, (str(column), given))
        stem = st.query_params.get(DISTANCE)
        known = {distance.stem: distance for distance in distances_for(column.type)}
        try:
            _fill(parse_spec(given), known.get(stem or "", default_distance(column)))
        except RequestError as error:
            problem(error)


def _fill(spec: IndexSpec, distance: Distance) -> None:
    state.put(METHOD, spec.method.name)
    state.put(BY, distance.stem)
    state.put(HOLDS, spec.form.kind.name if spec.form else WHOLE)
    state.put(PRESET, CUSTOM)
    if spec.form and spec.form.dimensions:
        state.put(LENGTH, spec.form.dimensions)
    for name, value in spec.method.options.items():
        state.put(OPTION.format(name), value)


def use_memory(memory_mb: int) -> None:
    """Give this build so much memory; as a button's ``on_click``."""
    state.put(MEMORY_MB, memory_mb)


def use_form(name: str) -> None:
    """Let the index hold another form; as a button's ``on_click``."""
    state.put(HOLDS, name)
