"""Asking for rows: a source, its parameters as the registry lists them, what they make, and the result."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.sample import Sample, take_sample
from dashboard.seeding.source import EMBEDDING, Parameter, Source
from dashboard.seeding.sources import MAX_DIMS, MAX_ROWS, SOURCES
from dashboard.ui import imports, state
from dashboard.ui.messages import check_choices
from dashboard.ui.shell import go
from dashboard.ui.units import counted, size
from db.columns import spelled

FILE = "File"
"""How the choice is called that is no source."""
LONG = 120
"""Characters of a previewed value."""


def choose_source() -> Source | None:
    """Draw the choice of a source; None where it is a file, to be imported."""
    by_label: dict[str, Source | None] = {source.label: source for source in SOURCES.values()}
    by_label[FILE] = None
    check_choices({"source": by_label})
    label = st.segmented_control(
        "Source",
        list(by_label),
        default=next(iter(by_label)),
        required=True,
        key="source",
        bind="query-params",
    )
    source = by_label[label or next(iter(by_label))]
    st.caption(source.about if source else imports.ABOUT)
    return source


def ask(source: Source) -> PopulateRequest:
    """Draw what can be chosen about a generator."""
    left, right = st.columns(2)
    name = left.text_input("Table", source.table, key=f"table {source.key}", help="Made in the schema public")
    seed = right.number_input("Seed", 0, None, 0, key="seed", help="The same seed makes the same rows")
    rows = left.number_input("Rows", 1, MAX_ROWS, source.rows, 1_000, key=f"rows {source.key}")
    dims = None
    if not source.fixed_dims:
        dims = right.number_input("Dimensions", 1, MAX_DIMS, source.dims, key=f"dims {source.key}")
    columns = st.columns(2)
    parameters = {
        parameter.key: _number(columns[place % 2], source, parameter)
        for place, parameter in enumerate(source.parameters)
    }
    replace = st.toggle(
        "Replace the table if it exists",
        key="replace",
        help="Only a table that Vectorscope made, or an empty one, is ever replaced",
    )
    return PopulateRequest(
        source=source.key,
        table=name.strip(),
        rows=rows,
        dims=dims,
        seed=seed,
        parameters=parameters,
        replace=replace,
    )


def _number(place: Any, source: Source, parameter: Parameter) -> float:
    kind = type(parameter.default)
    value: float = place.number_input(
        parameter.label,
        kind(parameter.low),
        kind(parameter.high),
        parameter.default,
        step=kind(1) if kind is int else 0.1,
        help=parameter.help,
        key=f"{source.key} {parameter.key}",
    )
    return value


@state.cached(ttl_s=600)
def sample_of(request: PopulateRequest) -> Sample:
    """The first rows a request would load."""
    return take_sample(request)


def preview(sample: Sample) -> None:
    """Draw what a request would load."""
    rows, space, dims = st.columns(3)
    rows.metric("Rows", f"{sample.rows:,}")
    dims.metric("Dimensions", f"{sample.dims:,}")
    space.metric("Size, forecast", f"~{size(sample.size_bytes)}")
    frame = pd.DataFrame(
        [[_short(value) for value in row] for row in sample.first],
        columns=[name for name, _ in sample.columns],
    )
    st.dataframe(
        frame,
        hide_index=True,
        key="preview",
        placeholder="NULL",
        alt="The first rows that would be loaded, without their vectors",
        column_config={name: st.column_config.TextColumn(name, help=kind) for name, kind in sample.columns},
    )
    st.caption(
        f"The first {counted(len(sample.first), 'row')}, without the vectors in the column `{EMBEDDING}`"
    )


def _short(value: object) -> str | None:
    return None if value is None else str(value)[:LONG]


def result(loaded: Mapping[str, Any]) -> None:
    """Draw what a finished load did, and where to go from there."""
    table = spelled(loaded["schema"], loaded["table"])
    column = spelled(loaded["schema"], loaded["table"], EMBEDDING)
    with st.container(border=True):
        if loaded["already"]:
            st.markdown(f"**`{table}` held these very rows already;** nothing was loaded again.")
        else:
            st.markdown(f"**{counted(loaded['rows'], 'row')}** loaded into `{table}`.")
        with st.container(horizontal=True):
            if st.button("Search it", icon=":material/search:", type="primary"):
                go("search.py", {"c": column})
            if st.button("Measure it", icon=":material/speed:"):
                go("benchmarks.py", {"c": column})
