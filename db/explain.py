"""What the planner chose: EXPLAIN (FORMAT JSON) as a tree of frozen nodes.

PostgreSQL 16 to 18 are read alike: a node the settings disabled carries ``Disabled`` on 18 and a
cost raised by 1e10 before, and ``Actual Rows`` may be a fraction on 18.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Connection, Executable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

DISABLE_COST = 1e10
"""What PostgreSQL before 18 added to the cost of a disabled node.  Source: costsize.c, disable_cost."""


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a plan.

    ``rows_actual`` and ``rows_removed`` are totals over all loops; ``own_ms`` is the wall time spent in
    this step without its children.  What only ANALYZE tells is None without it.  ``hit_blocks`` and
    ``read_blocks`` count 8 kB pages from shared buffers and from outside, children included.
    """

    node_type: str
    relation: str | None
    index_name: str | None
    rows_estimated: float
    rows_actual: float | None
    own_ms: float | None
    hit_blocks: int | None
    read_blocks: int | None
    filter: str | None
    rows_removed: float | None
    order_by: str | None
    sort_key: tuple[str, ...]
    disabled: bool
    join_type: str | None
    beside: bool
    """Whether this is an InitPlan or SubPlan: it feeds its parent a value, not the rows."""
    children: tuple[Node, ...]

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def main_path(self) -> Iterator[Node]:
        """Yield this node and those below it that feed it rows, parents first."""
        yield self
        for child in self.children:
            if not child.beside:
                yield from child.main_path()


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement's plan; times are None unless it was run (ANALYZE)."""

    root: Node
    planning_ms: float | None
    execution_ms: float | None
    document: dict[str, Any]
    """What PostgreSQL answered, whole."""

    @property
    def scan(self) -> Node:
        """The node that reads the searched table; where none does, the last node of the main path."""
        path = list(self.root.main_path())
        return next((node for node in path if node.relation), path[-1])

    def uses_index(self, name: str) -> bool:
        """Tell whether any node reads the index called ``name``."""
        return any(node.index_name == name for node in self.root.walk())


def explain(
    connection: Connection,
    statement: ClauseElement,
    parameters: Mapping[str, Any] | None = None,
    *,
    analyze: bool = False,
    timing: bool = True,
) -> Plan:
    """Ask for the plan of ``statement``; with ``analyze``, run it and count rows, buffers and time.

    ``timing=False`` spares two clock reads per row and node: ``own_ms`` is then None, and
    ``execution_ms`` nearer to what the statement costs by itself.
    """
    answer = connection.execute(_Explained(statement, analyze=analyze, timing=timing), parameters or {})
    return parse_plan(answer.scalar_one())


def parse_plan(answer: list[dict[str, Any]]) -> Plan:
    """Read what EXPLAIN (FORMAT JSON) answered."""
    document = answer[0]
    return Plan(
        root=_node(document["Plan"], processes=1),
        planning_ms=document.get("Planning Time"),
        execution_ms=document.get("Execution Time"),
        document=document,
    )


def _node(step: dict[str, Any], processes: int) -> Node:
    loops = step.get("Actual Loops", 1)
    below = 1 + step["Workers Launched"] if "Workers Launched" in step else processes
    return Node(
        node_type=step["Node Type"],
        relation=step.get("Relation Name"),
        index_name=step.get("Index Name"),
        rows_estimated=step["Plan Rows"],
        rows_actual=_times(step.get("Actual Rows"), loops),
        own_ms=_own_ms(step, processes, below),
        hit_blocks=step.get("Shared Hit Blocks"),
        read_blocks=step.get("Shared Read Blocks"),
        filter=step.get("Filter"),
        rows_removed=_times(step.get("Rows Removed by Filter"), loops),
        order_by=step.get("Order By"),
        sort_key=tuple(step.get("Sort Key", ())),
        disabled=_is_disabled(step),
        join_type=step.get("Join Type"),
        beside=step.get("Parent Relationship") in {"InitPlan", "SubPlan"},
        children=tuple(_node(child, below) for child in step.get("Plans", ())),
    )


def _times(value: float | None, loops: float) -> float | None:
    return None if value is None else value * loops


def _own_ms(step: dict[str, Any], processes: int, below: int) -> float | None:
    """Wall time of a step less that of its children; not below zero, as a CTE counts in every reader."""
    spent = _spent_ms(step, processes)
    if spent is None:
        return None
    return max(0.0, spent - sum(_spent_ms(child, below) or 0.0 for child in step.get("Plans", ())))


def _spent_ms(step: dict[str, Any], processes: int) -> float | None:
    """Wall time of a step: its mean per loop, times the loops that each process made."""
    mean_ms = step.get("Actual Total Time")
    return None if mean_ms is None else mean_ms * max(1.0, step["Actual Loops"] / processes)


def _is_disabled(step: dict[str, Any]) -> bool:
    added = step["Total Cost"] - sum(child["Total Cost"] for child in step.get("Plans", ()))
    return bool(step.get("Disabled")) or added >= DISABLE_COST


class _Explained(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: ClauseElement, *, analyze: bool, timing: bool) -> None:
        self.statement = statement
        self.wanted = "FORMAT JSON"
        if analyze:
            self.wanted += ", ANALYZE, BUFFERS" + ("" if timing else ", TIMING OFF")


@compiles(_Explained)
def _compile(element: _Explained, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"EXPLAIN ({element.wanted}) " + compiler.process(element.statement, **keywords)
