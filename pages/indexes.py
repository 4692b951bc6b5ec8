"""Indexes: every vector index there is, how it does, and a new one built, rebuilt or dropped safely."""

import streamlit as st

from dashboard.ui import (
    clipboard,
    index_detail,
    index_forecast,
    index_form,
    index_given,
    index_reads,
    index_table,
    index_view,
    messages,
    pickers,
)

column = pickers.pick_column()
index_view.header(column)
if column is None:
    messages.no_column()
    messages.end()

clipboard.refused()
index_given.take_address(column)
listed = index_reads.inventory()
known = index_table.known_of(listed)
index_table.tiles(listed, known)
index_view.jobs()

if listed:
    if selected := index_table.table(listed, known):
        index_detail.draw(selected, known[listed.index(selected)])
else:
    index_table.nothing()

form, forecast = st.columns([2, 3])
with form:
    asked = index_form.draw(column)
if asked.request:
    with forecast, messages.told_to_the_reader():
        index_forecast.draw(column, asked.request, asked)
