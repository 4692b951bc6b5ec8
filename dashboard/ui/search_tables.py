"""What the search page shows, as frames: both answers line by line, the plan as a tree, the ladder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from dashboard.ui.data_tables import cells
from dashboard.ui.units import counted
from db.catalog import PlainColumn
from db.comparison import TOLERANCE, Comparison, Line, Mark
from db.explain import Node, Plan
from db.ladder import Rung
from db.search import Neighbour, SearchResult

TIED = "= tied"
_MARKS = {Mark.MATCHED: "✓ matched", Mark.MISSED: "✕ missed", Mark.EXTRA: "+ extra"}
MARK_COLORS = {"✓ matched": "green", TIED: "blue", "✕ missed": "orange", "+ extra": "violet"}
"""Sign and word of every mark, and the colour that goes with them."""

NOT_RETURNED = "not returned"

# Translucent colours and a middle grey read in light and dark alike: a Styler knows no theme.
_TINTS = {
    "✕ missed": "background-color: rgba(217,119,6,.18)",
    "+ extra": "background-color: rgba(124,58,237,.16)",
}
_FAINT = "color: #8590A6"

_OURS = frozenset({"#", "Row", "Mark", "Shift"})

_EM_SPACE = "\u2003"
"""Indents where an ordinary space would collapse."""

_TITLES = ("title", "name", "label", "headline", "subject")


def naming_columns(others: Sequence[PlainColumn], key: Sequence[str]) -> tuple[str, ...]:
    """Choose the columns that name a row to a reader: a title, else the first text, else the key."""
    texts = [c.name for c in others if c.category == "S" and c.name not in key]
    titled = [name for name in texts if name.lower() in _TITLES]
    return tuple((titled or texts)[:1]) or tuple(key)


def row_name(row: Neighbour, naming: Sequence[str]) -> str:
    """Name a row by its title, or by its key where it has none."""
    title = row.values.get(naming[0]) if len(naming) == 1 else None
    return str(title) if title else key_text(row.key)


def key_text(key: Any) -> str:
    """Spell a row's key as the bar reads it: as it is, or a JSON list where it has several parts."""
    return json.dumps([str(part) for part in key]) if isinstance(key, tuple) else str(key)


def exact_side(comparison: Comparison, naming: Sequence[str]) -> Styler:
    """Make the table of the exact answer; its line stays empty where only the index has a row."""
    rows = [_row(line.exact_rank, line.exact, naming, _mark(line)) for line in comparison.lines]
    return _styled(rows, ("#", "Row", "Distance", "Mark"))


def index_side(comparison: Comparison, naming: Sequence[str]) -> Styler:
    """Make the table of the index's answer, each row on the line of its exact twin."""
    rows = []
    for line in comparison.lines:
        row = _row(line.index_rank, line.found, naming, _mark(line))
        rows.append(row | {"Shift": _shift(line, comparison)} if line.found else {"Row": NOT_RETURNED})
    return _styled(rows, ("#", "Row", "Distance", "Mark", "Shift"))


def one_side(result: SearchResult, naming: Sequence[str]) -> Styler:
    """Make the table of an answer that has nothing to be compared with."""
    return _styled(
        [_row(rank, row, naming) for rank, row in enumerate(result.rows, 1)], ("#", "Row", "Distance")
    )


def _row(
    rank: int | None, row: Neighbour | None, naming: Sequence[str], mark: str | None = None
) -> dict[str, Any]:
    if row is None:
        return {}
    fixed: dict[str, Any] = {"#": rank, "Row": row_name(row, naming), "Distance": row.distance}
    if mark:
        fixed["Mark"] = [mark]
    return fixed | {beside(name): value for name, value in row.values.items() if name not in naming}


def beside(name: str) -> str:
    """Name a column of the table beside ours, whatever it is called."""
    return f"{name} "


def _mark(line: Line) -> str:
    tied = line.exact and line.found and line.exact.key != line.found.key
    return TIED if tied else _MARKS[line.mark]


def _shift(line: Line, comparison: Comparison) -> str | None:
    """Write places gained or lost against the exact list; among rows equally far, order is chance."""
    if not line.shift or not line.found or not line.index_rank:
        return None
    displaced = next((other.exact for other in comparison.lines if other.exact_rank == line.index_rank), None)
    if displaced and abs(displaced.distance - line.found.distance) <= TOLERANCE * max(
        1.0, line.found.distance
    ):
        return None
    return f"{'▲' if line.shift > 0 else '▼'} {abs(line.shift)}"


def _styled(rows: Sequence[dict[str, Any]], first: tuple[str, ...]) -> Styler:
    names = dict.fromkeys((*first, *(name for row in rows for name in row)))
    filled = {name: [row.get(name) for row in rows] for name in names}
    # As objects: a column of whole numbers with a gap would turn into fractions.
    frame = pd.DataFrame(
        {name: values if name in _OURS else cells(values) for name, values in filled.items()}, dtype=object
    )
    return frame.where(frame.notna(), None).style.apply(_tint, axis=1)


def _tint(row: pd.Series[Any]) -> list[str]:
    if row["Row"] == NOT_RETURNED:
        return [_FAINT if name == "Row" else "" for name in row.index]
    marks = row.get("Mark") or [""]
    tint = _TINTS.get(marks[0], "")
    return [tint if name in {"#", "Row", "Distance"} else "" for name in row.index]


def plan_tree(plan: Plan) -> pd.DataFrame:
    """Make a plan's table: one line per step and per condition, indented as they nest."""
    lines = list(_plan_lines(plan.root, depth=0))
    return pd.DataFrame(lines, columns=["Step", "~Rows", "Rows", "Own ms", "Buffers"])


def _plan_lines(node: Node, depth: int) -> Iterator[tuple[Any, ...]]:
    buffers = (node.hit_blocks or 0) + (node.read_blocks or 0)
    name = "  ".join(filter(None, (node.node_type, node.index_name or node.relation)))
    yield f"{_indent(depth)}{name}", node.rows_estimated, _whole(node.rows_actual), node.own_ms, buffers
    for word, condition in (("Order by", node.order_by), ("Filter", node.filter)):
        if condition:
            removed = f"  (-{counted(node.rows_removed)})" if word == "Filter" and node.rows_removed else ""
            yield f"{_EM_SPACE * (depth + 1)}{word}  {_short(condition)}{removed}", None, None, None, None
    for child in node.children:
        yield from _plan_lines(child, depth + 1)


def _whole(rows: float | None) -> int | None:
    """Round what several loops or workers share: PostgreSQL 18 gives fractions."""
    return None if rows is None else round(rows)


def _indent(depth: int) -> str:
    return _EM_SPACE * (depth - 1) + "└─ " if depth else ""


def _short(condition: str) -> str:
    """Cut the numbers of a vector out of a condition."""
    return re.sub(r"'[\[{][^']{24,}'", "'[...]'", condition)


def ladder_table(rungs: Sequence[Rung]) -> pd.DataFrame:
    """Make the table of tried settings: what each found of the exact answer, and how fast."""
    return pd.DataFrame(
        [
            (
                f"{rung.label}  · now" if rung.is_current else rung.label,
                rung.comparison.count(Mark.MATCHED),
                rung.result.server_ms,
            )
            for rung in rungs
        ],
        columns=["Setting", "Recall", "Server ms"],
    )
