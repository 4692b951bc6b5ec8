"""Asking for an import: a file, where it goes, and where each of its columns goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.seeding.embedders import FAMILIES, HASHING, embedder_named, embedders
from dashboard.seeding.formats import Contents, contents, known_as
from dashboard.seeding.imports.columns import NEW_TYPES
from dashboard.seeding.imports.mapping import suggested
from dashboard.seeding.imports.request import MODES, ImportRequest
from dashboard.seeding.local_models import FAMILY
from dashboard.ui import state
from dashboard.ui.import_preview import has_words, holds, preview
from dashboard.ui.messages import check_choices, escaped, told_to_the_reader
from dashboard.ui.units import size
from dashboard.ui.uploads import FILE_TYPES, keep, table_name
from db.columns import spelled
from db.targets import Target, find_target, writable_tables

NEW, THERE = "A new table", "A table that is there"
FILE = "import file"
AS_IT_IS = ""
"""In the place of a column's name: no column is taken for vectors."""
READ = "CSV, JSON, Parquet, NPY, NPZ, HDF5, fvecs, bvecs or ivecs"
ABOUT = (
    "A file of your own, into a new table or one that is there: every row is checked before any is written, "
    "and text becomes vectors on the way where you ask for it."
)


@state.cached(ttl_s=600, max_entries=8)
def look(path: Path, dataset: str | None) -> Contents:
    """What is in an upload; it never changes, as each is kept under a name of its own."""
    return contents(path, dataset=dataset)


@state.cached(ttl_s=10, max_entries=1)
def tables() -> tuple[tuple[str, str], ...]:
    """The tables that rows can be added to, by the login that writes: the one that reads may only read."""
    with state.database().writing("import") as connection, connection.begin():
        return writable_tables(connection)


@state.cached(ttl_s=10, max_entries=8)
def table(schema: str, name: str) -> Target | None:
    """One table, as it is."""
    with state.database().reading("import") as connection:
        return find_target(connection, schema, name)


def ask() -> ImportRequest | None:
    """Draw the form of an import; None while something is still to be chosen, or cannot be used."""
    request, found = None, None
    left, right = st.columns([2, 3])
    with left.container(border=True, height="stretch"):
        st.subheader("File and table", anchor=False)
        if chosen := _choose_file():
            path, name = chosen
            with told_to_the_reader(), known_as(path, name):
                found = look(path, None)
                if dataset := _choose_dataset(found):
                    found = look(path, dataset)
                asked = ImportRequest(path=str(path), name=name, table="", dataset=dataset)
                request = _choose_text(_choose_table(asked, found), found)
    with right.container(border=True, height="stretch"):
        st.subheader("What is in it", anchor=False)
        if found is None and state.recall(FILE):
            st.caption("Nothing to show of this file, for the reason beside.")
        elif found is None:
            st.caption(f"Choose a file to see its first rows: {READ}. Nothing is written before you say so.")
        else:
            preview(found)
    if request is None or found is None:
        return None
    with st.container(border=True), told_to_the_reader():
        return _choose_columns(request, found)
    return None


def ask_again(request: ImportRequest) -> None:
    """Fill the form, before it is drawn, with what was asked for before."""
    path = Path(request.path)
    state.remember(FILE, (path, request.name))
    state.remember(_columns_key(request), request.columns)
    state.put("into", NEW if request.create else THERE)
    state.put(f"table {path}", request.table)
    state.put("import table", spelled(request.schema, request.table))
    state.put("mode", MODES[request.mode].label)
    state.put(f"text {path} {request.create}", list(request.text))
    state.put("vectors as", request.type)
    sources = {name: source for source, name in request.columns.items()}
    if request.create and not request.text:
        state.put(f"vectors of {path}", sources.get(request.vector or "", AS_IT_IS))
    state.put("data set", request.dataset)
    for name in request.key[:1]:
        state.put("key", name)
    labels = {embedder.key: embedder.label for embedder in embedders()}
    state.put("embedder", labels.get(request.embedder, request.embedder.removeprefix(f"{FAMILY}:")))


def _choose_file() -> tuple[Path, str] | None:
    """Draw the upload, or the file that was uploaded: its path, and what the reader calls it."""
    kept: tuple[Path, str] | None = state.recall(FILE)
    if kept and kept[0].exists():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/description: **{escaped(kept[1])}** · {size(kept[0].stat().st_size)}",
                width="stretch",
            )
            st.button(
                "Another file",
                icon=":material/swap_horiz:",
                type="tertiary",
                on_click=state.remember,
                args=(FILE, None),
            )
        return kept
    upload = st.file_uploader(
        "File",
        FILE_TYPES,
        key="file",
    )
    st.caption(
        f"Up to {st.get_option('server.maxUploadSize'):,} MB. A larger one is read where it is: "
        "`python -m dashboard import FILE --table TABLE`"
    )
    if upload is not None:
        state.remember(FILE, (keep(upload), upload.name))
        st.rerun()
    return None


def _choose_dataset(found: Contents) -> str | None:
    names = [dataset.name for dataset in found.datasets if len(dataset.shape) == 2]
    if found.format != "hdf5" or len(names) < 2:
        return found.dataset
    start = names.index(found.dataset) if found.dataset in names else 0
    return st.selectbox("Data set", names, start, key="data set")


def _choose_table(asked: ImportRequest, found: Contents) -> ImportRequest:
    check_choices({"into": [NEW, THERE]})
    where = st.segmented_control(
        "Into", [NEW, THERE], default=NEW, required=True, key="into", bind="query-params"
    )
    if where == THERE:
        return _choose_existing(asked)
    left, right = st.columns(2)
    name = left.text_input(
        "Table", table_name(asked.name), key=f"table {asked.path}", help="In schema public"
    )
    keys = [column.name for column in found.columns if column.kind in {"integer", "text"}]
    automatic = "id" if "id" in keys else "id, the number of the row"
    key = right.selectbox(
        "Key", [automatic, *(name for name in keys if name != "id")], key="key", help="What tells rows apart"
    )
    chosen = () if key == automatic else (key,)
    return replace(asked, table=name.strip(), create=True, key=chosen)


def _choose_existing(asked: ImportRequest) -> ImportRequest:
    known = {spelled(*names): names for names in tables()}
    label = st.selectbox("Table", list(known), None, key="import table", placeholder="Choose a table")
    modes = {mode.label: mode for mode in MODES.values()}
    chosen = st.segmented_control("Rows", list(modes), default="Insert", required=True, key="mode")
    mode = modes[chosen or "Insert"]
    st.caption(mode.about)
    schema, name = known[label] if label else ("public", "")
    return replace(asked, schema=schema, table=name, mode=mode.key)


def _choose_text(asked: ImportRequest, found: Contents) -> ImportRequest | None:
    """Draw what is embedded, by what, and into what; None where no table is chosen."""
    if not asked.table:
        return None
    has_vectors = any(column.kind == "vector" for column in found.columns)
    likely = asked.create and not has_vectors and any(c.is_likely_vector for c in found.columns)
    texts = [column.name for column in found.columns if column.kind not in {"vector", "integers", "numbers"}]
    words = [column.name for column in found.columns if has_words(column)]
    text: list[str] = []
    if texts:
        text = st.multiselect(
            "Text to embed, in this order",
            texts,
            words[:1] if asked.create and not has_vectors and not likely else [],
            key=f"text {asked.path} {asked.create}",
            help="The values are joined and embedded; every column is imported as it is, besides",
        )
    places = list(st.columns(2))
    embedder = HASHING.key
    if text:
        with places.pop(0):
            embedder = _choose_embedder()
    vector = None
    if likely and not text:
        with places.pop(0):
            vector = _choose_vectors(asked, found)
    kind = "vector"
    if asked.create and (text or has_vectors or vector):
        kind = (
            places[0].segmented_control(
                "Vectors as",
                NEW_TYPES,
                default="vector",
                required=True,
                key="vectors as",
                help="halfvec takes half the space, with three significant digits",
            )
            or "vector"
        )
    return replace(asked, text=tuple(text), vector=vector, embedder=embedder, type=kind)


def _choose_embedder() -> str:
    """Draw what makes vectors of the text: one that is known, or the name of a model."""
    known = {embedder.label: embedder.key for embedder in embedders()}
    chosen = st.selectbox(
        "Embedder",
        list(known),
        key="embedder",
        accept_new_options=True,
        help="Or type a sentence-transformers model: its folder on the server, or its name on the Hugging "
        "Face hub, such as all-MiniLM-L6-v2",
    )
    if chosen in known:
        return known[chosen]
    is_key = chosen.partition(":")[0] in FAMILIES
    return embedder_named(chosen if is_key else f"{FAMILY}:{chosen}").key


def _choose_vectors(asked: ImportRequest, found: Contents) -> str | None:
    """Draw which column holds the vectors, where they differ in length or are among other values."""
    names = [column.name for column in found.columns if column.is_likely_vector]
    chosen = st.selectbox(
        "Column of vectors",
        [*names, AS_IT_IS],
        format_func=lambda name: name or "None: keep it as it is",
        key=f"vectors of {asked.path}",
        help="Rows whose value is no vector, or one of another length than most, are bad rows",
    )
    return chosen or None


def _choose_columns(asked: ImportRequest, found: Contents) -> ImportRequest:
    """Draw where each column goes, to be corrected."""
    there = None if asked.create else table(asked.schema, asked.table)
    with st.container(gap=None):
        st.subheader("Where each column goes", anchor=False)
        st.caption("Matched by name. Correct the last column; leave it empty to leave a column out.")
    into = state.recall(_columns_key(asked)) or suggested(found, there, asked)
    frame = pd.DataFrame(
        {
            "file": [column.name for column in found.columns],
            "holds": [holds(column) for column in found.columns],
            "empty": [column.nulls for column in found.columns],
            "values": [" · ".join(column.sample) for column in found.columns],
            "into": [into.get(column.name) or None for column in found.columns],
        }
    )
    edited = st.data_editor(
        frame,
        hide_index=True,
        disabled=["file", "holds", "empty", "values"],
        key=_columns_key(asked),
        placeholder="left out",
        alt="The file's columns, what they hold, and the column of the table each goes into",
        column_config={
            "file": st.column_config.TextColumn("Column of the file"),
            "holds": st.column_config.TextColumn("Holds", width=120),
            "empty": st.column_config.NumberColumn("Empty", width=80, help="Rows without a value"),
            "values": st.column_config.TextColumn("First values"),
            "into": _into(there),
        },
    )
    pairs = zip(edited["file"], edited["into"], strict=True)
    columns = {source: "" if pd.isna(name) else str(name) for source, name in pairs}
    return replace(asked, columns=columns, vector=columns.get(asked.vector or "") or None)


def _columns_key(asked: ImportRequest) -> str:
    """Tell apart the columns of different files and tables; a new table's name makes no difference."""
    place = "" if asked.create else spelled(asked.schema, asked.table)
    return f"columns {asked.path} {asked.dataset} {place} {bool(asked.text)}"


def _into(there: Target | None) -> Any:
    title = "Column of the table"
    if there is None:
        return st.column_config.TextColumn(title, max_chars=63)
    names = [column.name for column in there.columns if not column.is_computed]
    return st.column_config.SelectboxColumn(title, options=names)
