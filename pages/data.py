"""Data: the rows of any table beside their vectors, a page at a time, by condition, order and place."""

import streamlit as st

from dashboard.ui import (
    clipboard,
    data_address,
    data_bar,
    data_facets,
    data_more,
    data_reads,
    data_rows,
    data_selection,
    messages,
    pickers,
    state,
)

column = pickers.pick_column()
beside_title = data_bar.header(column)
if column is None:
    messages.no_column()
    messages.end()

sortables = data_reads.sortables(column)
request, problems = data_address.read(column, sortables)
messages.left_out(problems)
data_bar.draw(request, sortables, state.other_columns(column))
clipboard.refused()

main, side = st.columns([4, 1.35])
with main:
    opened = data_rows.read(request)
    if opened and opened.page:
        data_rows.draw(opened, opened.page)
        data_selection.actions(column)
        data_more.draw(opened.page)
with beside_title:
    data_bar.take_away(request, opened.page if opened else None)
if opened and opened.page:
    with side, messages.told_to_the_reader():
        data_facets.draw(request)
data_address.remember(column)
