"""Search: one bar, then the proof - what the index returned beside what exact search returns."""

import streamlit as st

from dashboard.ui import messages, pickers, search_bar, search_proof, search_view, state
from dashboard.ui.search_tables import naming_columns
from dashboard.ui.shell import go

column = pickers.pick_column()
st.title("Search", anchor=False)
if column is None:
    messages.empty("There is no vector column yet that this role may read.")
    if st.button("Load sample data", icon=":material/upload:", type="primary"):
        go("seed.py")
    st.stop()

st.caption(search_bar.describe(column))
others = state.other_columns(column)
asked = search_bar.pick_question(column, others)
if asked is None:
    search_bar.examples(column, state.examples(column, naming_columns(others, column.key)))
    st.stop()

answer = state.answer(column, asked)
search_view.headline(answer)
search_view.underfill(answer)
chosen = search_view.sides(answer)
if chosen:
    search_view.neighbours_of(chosen, answer)
if not answer.index:
    search_view.no_index(answer)
search_proof.proof(answer)
