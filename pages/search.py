"""Search: one bar, then the proof - what the index returned beside what exact search returns."""

import streamlit as st

from dashboard.ui import messages, pickers, search_bar, search_proof, search_saved, search_view, state
from dashboard.ui.search_tables import naming_columns
from dashboard.ui.waiting import waiting

column = pickers.pick_column()
st.title("Search", anchor=False)
if column is None:
    messages.no_column()
    messages.end()

st.caption(search_bar.describe(column))
if column.is_empty:
    messages.no_rows(column)
    messages.end()
others = state.other_columns(column)
asked = search_bar.pick_question(column, others)
if asked is None:
    search_bar.examples(column, state.examples(column, naming_columns(others, column.key)))
    search_saved.offered(column)
    messages.end()

with waiting("Searching both ways", 480):
    answer = state.answer(column, asked)
with st.container(horizontal=True, vertical_alignment="center"):
    search_view.headline(answer)
    search_saved.beside(column, asked, answer)
search_view.underfill(answer)
chosen = search_view.sides(answer)
if chosen:
    search_view.neighbours_of(chosen, answer)
if not answer.index:
    search_view.no_index(answer)
search_proof.proof(answer)
