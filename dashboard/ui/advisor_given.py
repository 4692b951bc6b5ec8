"""What the Advisor's address asks for, and the way there from elsewhere."""

from __future__ import annotations

from dashboard.ui import state

VIEW, SCOPE, BUDGET = "view", "scope", "budget"
"""Widgets and parameters of the address: what is shown, of which columns, within what budget in ms."""

ADVICE = "Advice"
THIS, ALL = "This column", "All columns"


def show_advice() -> None:
    """Let the page show the advice on its column, within what a watch promises; as an ``on_click``, too."""
    state.put(VIEW, ADVICE)
    state.put(SCOPE, THIS)
    state.put(BUDGET, None)
