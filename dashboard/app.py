"""Entry script: Streamlit runs it from top to bottom at every interaction."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # `streamlit run dashboard/app.py` puts only dashboard/ on the path

import streamlit as st  # noqa: E402

from dashboard.identity import current_principal  # noqa: E402
from dashboard.nav import PAGES, pages_for  # noqa: E402
from dashboard.ui.messages import told_to_the_reader  # noqa: E402
from dashboard.ui.shell import dress, sidebar  # noqa: E402
from dashboard.ui.state import ping  # noqa: E402

dress()
principal = current_principal()
page = st.navigation(
    {
        section: [
            st.Page(
                p.path,
                title=p.title,
                icon=p.icon,
                default=p is PAGES[0],
                visibility="hidden" if p.hidden else "visible",
            )
            for p in pages
        ]
        for section, pages in pages_for(principal).items()
    },
    expanded=True,
)
try:
    with told_to_the_reader():
        ping()  # a database that is down is told once, and not by whichever question happens to come first
        page.run()
finally:
    sidebar(principal)  # below the page's own pickers, and also when the page ended early
