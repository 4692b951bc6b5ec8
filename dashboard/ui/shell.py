"""What surrounds every page: the logo, and what the sidebar says about the server and the reader."""

from collections.abc import Mapping
from typing import NoReturn

import streamlit as st

from dashboard.identity import LOCAL, Principal
from dashboard.nav import PAGES_DIRECTORY
from dashboard.settings import ROOT
from dashboard.ui import state
from db.capabilities import Capabilities
from db.errors import DashboardError

LOGO = ROOT / "dashboard" / "logo.svg"
ICON = ROOT / "dashboard" / "favicon.png"


SHORTCUTS = {
    "F": "filter the rows (Data)",
    "Left": "the page before (Data), the row before (Item)",
    "Right": "the page after (Data), the row after (Item)",
    "N": "search from this row (Item), or from the one chosen (Data)",
    "E": "export (Data)",
    "Mod+Enter": "search, apply the filter, diagnose",
    "Shift+L": "copy a link to what is shown",
}
"""What each key does, where a page has a button for it; ``Mod`` is Ctrl, on a Mac Cmd."""


def dress() -> None:
    """Name the browser's tab and draw the logo; first of all a script does."""
    # A Material icon here would make every browser ask a foreign host for it.
    st.set_page_config(page_title="Vectorscope", page_icon=str(ICON), layout="wide")
    st.logo(str(LOGO), icon_image=str(ICON), size="large")


def sidebar(principal: Principal) -> None:
    """Say in the sidebar which server this is, and who is asking."""
    with st.sidebar.container(horizontal=True, gap="small"):
        try:
            _server(state.server())
        except DashboardError:
            st.badge("no database", icon=":material/cloud_off:", color="red")
        if principal == LOCAL:
            st.badge(
                "local mode",
                icon=":material/home:",
                color="gray",
                help="No login is configured: whoever reaches this address acts as administrator.",
            )
    with st.sidebar.popover("Keyboard", icon=":material/keyboard:", type="tertiary"):
        lines = (f"- `{key.replace('Mod', 'Ctrl')}` {does}" for key, does in SHORTCUTS.items())
        st.markdown("\n".join(lines))
        st.caption("On a Mac Cmd stands for Ctrl. A key works where its page shows the button.")


def _server(server: Capabilities) -> None:
    version = server.server_version.split()[0]
    st.badge(f"PostgreSQL {version}", icon=":material/database:", color="green")
    if server.pgvector_version:
        st.badge(f"pgvector {server.pgvector_version}", color="blue")
    else:
        st.badge("no pgvector", icon=":material/extension_off:", color="orange")
    if server.in_recovery:
        st.badge("standby, read-only", icon=":material/lock:", color="orange")


def link(file: str, label: str, query: Mapping[str, str]) -> None:
    """Draw a link to another page of ``pages/``, with ``query`` in its address."""
    st.page_link(PAGES_DIRECTORY / file, label=label, icon=":material/arrow_forward:", query_params=query)


def go(file: str, query: Mapping[str, str] | None = None) -> NoReturn:
    """Open another page of ``pages/``, with ``query`` in its address."""
    st.switch_page(PAGES_DIRECTORY / file, query_params=query)
