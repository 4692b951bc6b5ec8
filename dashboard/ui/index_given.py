"""The form for a new index, filled in: by a link, by an index to clone, by what the forecast proposes."""

from __future__ import annotations

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
