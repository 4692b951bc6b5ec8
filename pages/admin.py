"""The server and this installation: versions, settings, sessions, migrations, who changed what."""

import streamlit as st

from dashboard.instance import serving
from dashboard.ui import state
from dashboard.ui.admin import embedded, installation, migrations, server_settings, sessions
from dashboard.ui.overview import server_facts
from dashboard.ui.tables import audit_table

with st.container(gap=None):
    st.title("Admin", anchor=False)
    st.caption("Read-only: migrations and server settings are changed on the command line")

server, own, log = st.tabs(
    [":material/dns: Server", ":material/tune: Installation", ":material/receipt_long: Audit log"]
)
with server:
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        server_facts(state.server())
    with right.container(border=True, height="stretch"):
        sessions(state.sessions())
    with st.container(border=True):
        server_settings(state.server_settings())
with own:
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        migrations(state.schema_revisions())
    with right.container(border=True, height="stretch"):
        embedded(serving())
    with st.container(border=True):
        installation(serving())
with log:
    audit_table(state.audit_rows())
    st.caption("The last 100 changes; a row is written in the transaction of the change itself.")
