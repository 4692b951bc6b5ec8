"""What a file to be imported holds, before anything is settled."""

from __future__ import annotations

import re

import pandas as pd
import streamlit as st

from dashboard.seeding.formats import Contents, FileColumn
from dashboard.seeding.formats.recognise import FORMATS
from dashboard.ui.messages import escaped
from dashboard.ui.units import counted

_NUMBERS = re.compile(r"\s*[\[{]\s*[-+.\d]")
"""How vectors begin, whole or not."""


def preview(found: Contents) -> None:
    """Draw the file's first rows, as text."""
    rows, columns, kind = st.columns(3)
    rows.metric("Rows", f"{found.rows:,}")
    columns.metric("Columns", f"{len(found.columns):,}")
    kind.metric("Format", FORMATS[found.format].label if found.format in FORMATS else found.format)
    names = [column.name for column in found.columns]
    st.dataframe(
        pd.DataFrame(found.first, columns=names),
        hide_index=True,
        key="preview",
        placeholder="NULL",
        alt="The first rows of the file",
        column_config={c.name: st.column_config.TextColumn(help=holds(c)) for c in found.columns},
    )
    st.caption(" · ".join([f"The first {counted(len(found.first), 'row')}", *map(escaped, found.notes)]))


def holds(column: FileColumn) -> str:
    """Say what kind of values a column has."""
    return f"{column.kind}, {column.dimensions:,} d" if column.dimensions else column.kind


def has_words(column: FileColumn) -> bool:
    """Whether a column is text to embed, and not vectors that are spelled out.

    >>> has_words(FileColumn("title", "text", sample=("Alien", "Heat")))
    True
    >>> has_words(FileColumn("embedding", "text", sample=("[1,2,NaN]",)))
    False
    """
    return (
        column.kind == "text" and not column.is_likely_vector and not any(map(_NUMBERS.match, column.sample))
    )
