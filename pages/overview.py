"""What this database holds, whether it is healthy, and what to do next."""

import streamlit as st

from dashboard.ui import state
from dashboard.ui.messages import hidden_tables
from dashboard.ui.overview import last_run, next_card, server_facts, tiles
from dashboard.ui.shell import go
from dashboard.ui.summary import next_step
from dashboard.ui.tables import column_table
from dashboard.ui.watch_view import alert_cards

with st.container(gap=None):
    st.title("Overview", anchor=False)
    st.caption("The vectors in this database: what is there, whether it is healthy, what to do next")

server, columns, runs = state.server(), state.columns(), state.runs()
active = [job for job in state.latest_jobs() if not job.is_finished]
alert_cards()
tiles(columns, runs)
next_card(next_step(columns, runs, active))

if columns:
    with st.container(border=True):
        with st.container(gap=None):
            st.subheader("Vector columns", anchor=False)
            st.caption("In every schema you may read · select one to search or to measure it")
        if chosen := column_table(columns):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"`{chosen}`")
                if st.button("Search it", icon=":material/search:"):
                    go("search.py", {"c": str(chosen)})
                if st.button("Measure it", icon=":material/speed:"):
                    go("benchmarks.py", {"c": str(chosen)})

hidden_tables()

left, right = st.columns([3, 2])
with left.container(border=True, height="stretch"):
    last_run(runs)
with right.container(border=True, height="stretch"):
    server_facts(server)
