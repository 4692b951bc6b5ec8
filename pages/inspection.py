"""Inspect: is this column fit for search?  A grade, its reasons, and the rows behind them."""

import streamlit as st

from dashboard.ui import clipboard, inspect_find, inspect_looks, inspect_rows, inspect_view, messages, pickers
from dashboard.ui.progress import follow

column = pickers.pick_column()
if column is None:
    st.title("Inspect", anchor=False)
    messages.no_column()
    messages.end()

known = inspect_looks.looks(column)
inspect_view.header(column, known)
clipboard.refused()
for job in known.jobs.values():
    follow(job.id)

if known.report:
    inspect_view.summary(known.report, known.earlier, column)
    inspect_rows.findings(known.report, column)
    inspect_view.charts(known.report)
elif column.is_empty:
    messages.no_rows(column)
    messages.end()
elif "inspect" not in known.jobs:
    inspect_view.never(column)
inspect_find.draw(column, known)
