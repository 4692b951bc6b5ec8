"""Inspect: is this column fit for search?  A grade, its reasons, and the rows behind them."""

import streamlit as st

from dashboard.ui import clipboard, inspect_find, inspect_looks, inspect_rows, inspect_view, messages, pickers
from dashboard.ui.progress import follow
from dashboard.ui.shell import go

column = pickers.pick_column()
if column is None:
    st.title("Inspect", anchor=False)
    messages.empty("There is no vector column yet that this role may read.")
    if st.button("Load sample data", icon=":material/upload:", type="primary"):
        go("seed.py")
    st.stop()

known = inspect_looks.looks(column)
inspect_view.header(column, known)
clipboard.refused()
for job in known.jobs.values():
    follow(job.id)

if known.report:
    inspect_view.summary(known.report, known.earlier, column)
    inspect_rows.findings(known.report, column)
    inspect_view.charts(known.report)
elif "inspect" not in known.jobs:
    inspect_view.never(column)
inspect_find.draw(column, known)
