"""Where a reader adds a condition: column, comparison, value, and whether it joins all or a group of any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.ui import data_address as address
from dashboard.ui import data_conditions as conditions
from dashboard.ui import state
from dashboard.ui.messages import escaped
from db.catalog import ColumnInfo, PlainColumn
from db.conditions import Condition, Group, Joiner, in_words
from db.filters import OPERATORS, VECTOR_PARTS, Filter, Value

_COLUMN, _PATH, _OPERATOR, _VALUE, _INTO = (
    f"filter {part}" for part in ("column", "path", "operator", "value", "into")
)
_HINTS = {
    "N": "12.5",
    "D": "2026-01-31",
    "B": "true",
    "json": "text or number",
}
"""What a value looks like, by the category of its column."""


def build(column: ColumnInfo, where: Condition, others: Sequence[PlainColumn]) -> None:
    """Draw the builder; what is added goes into the address."""
    known = {other.name: other for other in others}
    subjects = _subjects(column, known)
    fields = st.columns([2.6, 2.2, 2.8, 2.4, 1.6], vertical_alignment="bottom")
    name, path = subjects[fields[0].selectbox("Column", list(subjects), key=_COLUMN)]
    symbols = _symbols(is_vector=name == column.column and not path)
    if state.value(_OPERATOR) not in symbols:
        state.put(_OPERATOR, symbols[0])
    symbol = fields[1].selectbox(
        "Condition", symbols, format_func=lambda key: OPERATORS[key].label, key=_OPERATOR
    )
    category = known[name].category if name in known else ""
    if category == "json":
        path = _pick_path(fields[0])
    value_key = _pick_value(fields[2], OPERATORS[symbol].takes, category)
    into = _pick_group(fields[3], where)
    fields[4].button(
        "Add",
        type="primary",
        width="stretch",
        key="filter add",
        shortcut="Mod+Enter",
        on_click=_add,
        args=(where, into, (name, symbol, path), value_key),
    )


def _subjects(column: ColumnInfo, known: Iterable[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """List what a condition can be about, with the path into the column: also parts of the vector."""
    parts = [(), *((part,) for part in VECTOR_PARTS)]
    return {name: (name, ()) for name in known} | {
        " -> ".join((column.column, *part)): (column.column, part) for part in parts
    }


def _symbols(*, is_vector: bool) -> list[str]:
    """List what a column can be asked; of a vector, only whether it is there."""
    return [symbol for symbol, operator in OPERATORS.items() if not is_vector or operator.takes == "none"]


def _pick_path(place: DeltaGenerator) -> tuple[str, ...]:
    given = place.text_input("Path", placeholder="weight -> unit, or empty", key=_PATH)
    return tuple(step.strip() for step in given.split("->") if step.strip())


def _pick_value(place: DeltaGenerator, takes: str, category: str) -> str:
    """Draw the field that fits, and name its widget; empty where no value is needed."""
    if takes == "none":
        place.text_input("Value", disabled=True, placeholder="none needed", key=f"{_VALUE} none")
        return ""
    if takes == "many":
        hint = "Type one, press Enter, type the next"
        place.multiselect("Values", [], accept_new_options=True, placeholder=hint, key=f"{_VALUE} many")
        return f"{_VALUE} many"
    if category == "B":
        place.selectbox("Value", ["true", "false"], key=f"{_VALUE} bool")
        return f"{_VALUE} bool"
    place.text_input("Value", placeholder=_HINTS.get(category, "text"), key=_VALUE)
    return _VALUE


def _pick_group(place: DeltaGenerator, where: Condition) -> Condition | str:
    """Choose where the new condition goes: beside the others, in a new group, or in one that is there."""
    members = conditions.members(where)
    other = "any" if conditions.joiner(where) == "all" else "all"
    groups = [member for member in members if isinstance(member, Group)]
    labels = ["beside the others", f"a new group: {other} of", *(in_words(group) for group in groups)]
    if not members:
        return ""
    # A group that is gone cannot stay chosen.
    if (state.value(_INTO) or 0) >= len(labels):
        state.put(_INTO, 0)
    chosen = place.selectbox(
        "Into", range(len(labels)), format_func=lambda at: escaped(labels[at]), key=_INTO
    )
    return groups[chosen - 2] if chosen > 1 else ("", "new")[chosen]


def _add(
    where: Condition, into: Condition | str, parts: tuple[str, str, tuple[str, ...]], value_key: str
) -> None:
    """Add the condition, with the value as it is now: typed by the very keys that add it."""
    name, symbol, path = parts
    given: Value = state.value(value_key) if value_key else None
    given = tuple(given) if isinstance(given, list) else given
    if value_key and not given:
        return
    added = Filter(name, symbol, given, path)
    joiner = conditions.joiner(where)
    if isinstance(into, Group):
        changed = conditions.replaced(where, into, Group(into.joiner, (*into.members, added)))
    elif into == "new":
        other: Joiner = "any" if joiner == "all" else "all"
        changed = conditions.joined(joiner, [*conditions.members(where), Group(other, (added,))])
    else:
        changed = conditions.joined(joiner, [*conditions.members(where), added])
    address.show_where(changed)
    state.put(_VALUE, "")
    state.put(f"{_VALUE} many", [])
