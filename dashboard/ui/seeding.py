"""Asking for rows: a source, its parameters as the registry lists them, what they make, and the result."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.seeding.inference import infer
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.sample import Sample
from dashboard.seeding.source import EMBEDDING, Parameter, Source
from dashboard.seeding.sources import MAX_DIMS, MAX_ROWS, SOURCES
from dashboard.ui import state
from dashboard.ui.shell import go
from dashboard.ui.units import counted, size
from dashboard.ui.uploads import FILE_TYPES, keep, table_name
from db.binary import TEXT
from db.columns import spelled

LONG = 120
"""Characters of a previewed value."""


def choose_source() -> Source:
    """Draw the choice of a source."""
    by_label = {source.label: source for source in SOURCES.values()}
    label = st.segmented_control(
        "Source",
        list(by_label),
        default=next(iter(by_label)),
        required=True,
        key="source",
        bind="query-params",
    )
    source = by_label[label or next(iter(by_label))]
    st.caption(source.about)
    return source


def ask(source: Source) -> PopulateRequest | None:
    """Draw what can be chosen about a source; None while a file is still to be chosen."""
    path: str | None = None
    text: tuple[str, ...] = ()
    table = source.table
    if source.rows is None:
        chosen = _choose_file()
        if chosen is None:
            return None
        path, text, table = chosen
    left, right = st.columns(2)
    name = left.text_input(
        "Table", table, key=f"table {source.key} {table}", help="Made in the schema public"
    )
    rows, dims, seed = None, None, 0
    if source.rows is not None:
        seed = right.number_input("Seed", 0, None, 0, key="seed", help="The same seed makes the same rows")
        rows = left.number_input("Rows", 1, MAX_ROWS, source.rows, 1_000, key=f"rows {source.key}")
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
        path=path,
        text=text,
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


def _choose_file() -> tuple[str, tuple[str, ...], str] | None:
    """Draw the upload and the choice of text columns: path, columns, and a name for the table."""
    upload = st.file_uploader("JSON or CSV file of records", FILE_TYPES, key="file")
    if upload is None:
        return None
    path = keep(upload)
    columns = state.records(path).columns
    texts = [name for name, values in columns.items() if infer(values)[0] is TEXT]
    text = st.multiselect(
        "Text to embed, in this order",
        list(columns),
        texts[:1],
        key=f"text {upload.file_id}",
        help="The values are joined and embedded by their words; every column is loaded as it is",
    )
    return str(path), tuple(text), table_name(upload.name)


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
    notes = [f"The first {len(sample.first)} rows, without the vectors in the column `{EMBEDDING}`"]
    if sample.without_text:
        notes.append(f"NULL vector, for want of a word: {counted(sample.without_text, 'row')}")
    if sample.rejected:
        notes.append(f"{counted(sample.rejected, 'row')} cannot be loaded; the result says why")
    st.caption(" · ".join(notes))


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
        if loaded["without_text"]:
            st.caption(f"NULL vector, for want of a word: {counted(loaded['without_text'], 'row')}")
        with st.container(horizontal=True):
            if st.button("Search it", icon=":material/search:", type="primary"):
                go("search.py", {"c": column})
            if st.button("Measure it", icon=":material/speed:"):
                go("benchmarks.py", {"c": column})
    if loaded["rejected"]:
        _rejections(loaded)


def _rejections(loaded: Mapping[str, Any]) -> None:
    listed = loaded["rejections"]
    st.warning(
        f"**{counted(loaded['rejected'], 'row')} not loaded.** The first {len(listed)}, with the reason:",
        icon=":material/rule:",
    )
    st.dataframe(
        pd.DataFrame(listed, columns=["row", "reason"]),
        hide_index=True,
        key="rejections",
        alt="Rejected rows with the reason",
        column_config={
            "row": st.column_config.NumberColumn("Row", width=80),
            "reason": st.column_config.TextColumn("Reason"),
        },
    )
