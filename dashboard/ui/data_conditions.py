"""What the Data page does with a condition: its parts as chips, a facet's value toggled, a range laid on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from db.conditions import EVERY_ROW, Condition, Group, Joiner
from db.filters import Filter


def members(where: Condition) -> tuple[Condition, ...]:
    """Take a condition apart: its members, or itself where it is a lone filter."""
    return where.members if isinstance(where, Group) else (where,)


def joiner(where: Condition) -> Joiner:
    """Tell whether rows must meet all members or any of them."""
    return where.joiner if isinstance(where, Group) else "all"


def joined(how: Joiner, parts: Sequence[Condition]) -> Condition:
    """Put members together; none hold for every row, and one needs no second word for it."""
    return Group(how if len(parts) > 1 else "all", tuple(parts)) if parts else EVERY_ROW


def and_also(where: Condition, part: Condition) -> Condition:
    """Narrow a condition by one more."""
    if joiner(where) == "any" and len(members(where)) > 1:
        return Group("all", (where, part))
    return joined("all", (*members(where), part))


def without(where: Condition, part: Condition) -> Condition:
    """Leave one member out."""
    return joined(joiner(where), [member for member in members(where) if member != part])


def apart_from(where: Condition, column: str) -> Condition:
    """Leave out what is asked of one column: a facet counts the values that could be chosen instead.

    Only members that every row must meet can be left out by themselves.
    """
    if joiner(where) == "any":
        return where
    return joined("all", [member for member in members(where) if not _is_about(member, column)])


def toggled(where: Condition, column: str, value: str | None) -> Condition:
    """Choose a value of a facet, or take the choice back; several values of a column join as one."""
    narrowed = joiner(where) == "all"
    choice = next((m for m in members(where) if narrowed and _is_choice(m, column)), None)
    if not isinstance(choice, Filter):
        return and_also(where, _choice(column, (value,)))
    if value is None or choice.operator == "is null":
        same = (value is None) == (choice.operator == "is null")
        return replaced(where, choice, None if same else _choice(column, (value,)))
    values = choice.value if isinstance(choice.value, tuple) else (choice.value or "",)
    left = tuple(v for v in values if v != value) if value in values else (*values, value)
    return replaced(where, choice, _choice(column, left) if left else None)


def chosen(where: Condition, column: str) -> tuple[str | None, ...]:
    """List the values of a facet of which every row must have one; None stands for no value."""
    for part in members(where) if joiner(where) == "all" else ():
        if isinstance(part, Filter) and _is_choice(part, column):
            return part.value if isinstance(part.value, tuple) else (part.value,)
    return ()


def ranged(where: Condition, column: str, low: str, high: str, *, closed: bool) -> Condition:
    """Ask for low <= column < high, or <= high where ``closed``, instead of an earlier range."""
    bounds = (Filter(column, ">=", low), Filter(column, "<=" if closed else "<", high))
    if joiner(where) == "any":
        return and_also(and_also(where, bounds[0]), bounds[1])
    kept = [m for m in members(where) if not (_is_about(m, column) and _operator(m) in _ORDERS)]
    return joined("all", [*kept, *bounds])


def replaced(where: Condition, part: Condition, by: Condition | None) -> Condition:
    """Put another member in one's place; None takes it out."""
    parts: Iterable[Condition | None] = (by if member == part else member for member in members(where))
    return joined(joiner(where), [member for member in parts if member is not None])


_ORDERS = frozenset({"<", "<=", ">", ">="})


def _operator(part: Condition) -> str | None:
    return part.operator if isinstance(part, Filter) else None


def _is_about(part: Condition, column: str) -> bool:
    return isinstance(part, Filter) and part.column == column and not part.path


def _is_choice(part: Condition, column: str) -> bool:
    return _is_about(part, column) and _operator(part) in {"=", "in", "is null"}


def _choice(column: str, values: tuple[str | None, ...]) -> Filter:
    known = tuple(value for value in values if value is not None)
    if not known:
        return Filter(column, "is null")
    return Filter(column, "=", known[0]) if len(known) == 1 else Filter(column, "in", known)
