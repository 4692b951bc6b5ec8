"""Put text on the reader's clipboard, as the answer to a click."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.ui import state
from dashboard.ui.data_address import link
from db.catalog import ColumnInfo

# Only a script in the page reaches the clipboard.  This one loads nothing and draws nothing; the text comes
# as data, never as code.  Over plain HTTP a browser has no navigator.clipboard, but the old command.
_SCRIPT = """
let last = 0;
export default function ({ data, setTriggerValue }) {
  if (data.number === last) return;
  last = data.number;
  const withTheOldCommand = () => {
    const area = document.createElement("textarea");
    area.value = data.text;
    document.body.append(area);
    area.select();
    if (!document.execCommand("copy")) setTriggerValue("refused", true);
    area.remove();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(data.text).catch(withTheOldCommand);
  else withTheOldCommand();
}
"""
_script: Any = st.components.v2.component("vectorscope_clipboard", js=_SCRIPT)
_NUMBER, _REFUSED = "copies", "copy refused"


def copy(text: str, said: str) -> None:
    """Copy ``text`` in the run that a click began, and say so; a browser may refuse, and is told on then."""
    number = state.recall(_NUMBER, 0) + 1
    state.remember(_NUMBER, number)
    _script(
        data={"text": text, "number": number},
        key="clipboard",
        on_refused_change=lambda: state.remember(_REFUSED, text),
    )
    st.toast(said, icon=":material/content_copy:")


def link_button(column: ColumnInfo, said: str) -> None:
    """Draw the button that copies the whole address of what is shown."""
    if st.button("Copy link", icon=":material/link:", type="tertiary", shortcut="Shift+L", key="copy link"):
        copy(link(column), said)


def refused() -> None:
    """Show what the browser would not take, to be copied by hand; once."""
    if text := state.recall(_REFUSED):
        state.remember(_REFUSED, None)
        st.warning("The browser does not let this page use the clipboard. Copy it here:")
        st.code(text, language=None, wrap_lines=True)
