"""Advisor: when to add an index and which, what is wrong, and why a statement uses no index."""

import streamlit as st

from dashboard.ui import advisor_view, clipboard, doctor_view, messages, pickers, watch_view

column = pickers.pick_column()
if column is None:
    st.title("Advisor", anchor=False)
    messages.no_column()
    messages.end()

view, columns, budget_ms = advisor_view.header(column)
clipboard.refused()
if view == doctor_view.VIEW:
    doctor_view.draw()
elif view == watch_view.VIEW:
    watch_view.draw(column)
else:
    advisor_view.draw(columns, budget_ms)
