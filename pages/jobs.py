"""Work in the background: what waits, what runs, and how it ended."""

import streamlit as st

from dashboard.ui import state
from dashboard.ui.jobs import details, job_list
from dashboard.ui.messages import empty, told_to_the_reader
from dashboard.ui.pickers import job_in_address
from dashboard.ui.progress import follow
from dashboard.ui.shell import go

with st.container(gap=None):
    st.title("Jobs", anchor=False)
    st.caption(
        "Loading and measuring run in the background; they survive a closed tab, a reload and a restart"
    )

if state.latest_jobs(1):
    job_list(job_in_address())
else:
    empty("Nothing is running, and nothing has run yet.")
    if st.button("Load sample data", icon=":material/upload:", type="primary"):
        go("seed.py")

if job_id := job_in_address():
    with told_to_the_reader():
        details(follow(job_id))
