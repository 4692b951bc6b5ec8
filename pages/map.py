"""Map: the rows of a vector column as points, coloured, searched and selected."""

import streamlit as st

from dashboard.ui import map_bar, map_stored, map_view, map_windows, messages, pickers, state
from dashboard.ui.shell import go

map_stored.in_address()
column = pickers.pick_column()
map_bar.header(column)
if column is None:
    messages.empty("There is no vector column yet that this role may read.")
    if st.button("Load sample data", icon=":material/upload:", type="primary"):
        go("seed.py")
    st.stop()

others = state.other_columns(column)
asked = map_bar.ask(column, others)
if asked.method is None:
    map_windows.draw(column, others, where=asked.where, seed=asked.seed)
    st.stop()

if asked.method.is_job:
    shown = map_stored.pick(column, asked.method)
else:
    shown = map_view.made_at_once(column, asked.method, asked)
if shown:
    map_view.draw(column, others, shown, asked)
