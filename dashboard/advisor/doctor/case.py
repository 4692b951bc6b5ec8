"""All that is known of one statement: its syntax, its plans, its tables, and what the server is set to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from pglast import ast
from sqlalchemy import Connection

from dashboard.advisor.doctor.ordering import Ordering, orderings
from dashboard.advisor.doctor.parameters import chosen_values
from dashboard.advisor.doctor.statement import Statement
from dashboard.advisor.doctor.syntax import called
from dashboard.advisor.doctor.tables import Searched, searched_column
from db.errors import DimensionMismatch, RequestError
from db.explain import Node, Plan
from db.index_catalog import IndexInfo
from db.pasted import explain_pasted
from db.plan_facts import (
    PlanFacts,
    count_unindexed,
    plan_facts,
    settings_in_force,
    volatile_functions,
)
from db.remedies import quoted

NO_SEQSCAN = {"enable_seqscan": "off"}

LONG_VALUE = 60
"""Letters from which on the value of a parameter is not written out."""

DROPPING = frozenset({"Inner", "Semi", "Anti"})
"""Joins that leave out rows of their outer side, where the index is walked."""

CHEAPER = ({"random_page_cost": "1.1"}, {"hnsw.ef_search": "40"}, {"ivfflat.probes": "1"})
"""Settings under which an index costs less, tried where one could be used and is not."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A node of the plan that walks a vector index, and the types of the nodes above it, nearest first."""

    node: Node
    index: IndexInfo
    above: tuple[Node, ...]

    @property
    def limit(self) -> Node | None:
        """The nearest Limit above it."""
        return next((node for node in self.above if node.node_type == "Limit"), None)

    @property
    def repeats(self) -> bool:
        """Whether it may be walked once per row of something else: on the inner side of a Nested Loop."""
        pairs = zip((self.node, *self.above), self.above, strict=False)
        return any(above.node_type == "Nested Loop" and _inner(above) is node for node, above in pairs)

    @property
    def sieve(self) -> Node | None:
        """The last step below the Limit, or its own condition, that may drop rows after it handed them over.

        A join drops those that find no partner, unless it is an outer one.  None where nothing does.
        """
        below = takewhile(lambda node: node.node_type != "Limit", () if self.repeats else self.above)
        dropping = [node for node in below if node.filter or node.join_type in DROPPING]
        return dropping[-1] if dropping else self.node if self.node.filter else None


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at; nothing here asks the server again.

    ``sql`` is the statement with a value for each parameter; ``long_values`` are those that nobody wants
    to read, each with its parameter as the doctor writes it.  ``forced`` is its plan with sequential scans
    discouraged.  ``cursor_plan`` is that of the statement without LIMIT, were it read by a cursor.
    ``generic`` is the plan a prepared statement would have for any values.  ``unindexed`` counts the rows
    whose vector is NULL, and zero.  ``cheaper`` are settings under which the index is taken after all.
    """

    statement: Statement
    sql: str
    plan: Plan
    facts: PlanFacts
    settings: Mapping[str, str]
    analyzed: bool
    ordering: Ordering | None = None
    searched: Searched | None = None
    forced: Plan | None = None
    generic: Plan | None = None
    cursor_plan: Plan | None = None
    volatile: frozenset[str] = frozenset()
    unindexed: tuple[int, int] | None = None
    cheaper: tuple[Mapping[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    long_values: tuple[tuple[str, str], ...] = ()

    @property
    def scans(self) -> tuple[Scan, ...]:
        """Every walk over a vector index in the plan."""
        return tuple(scans(self.plan, self.facts))

    @property
    def uses_index(self) -> bool:
        """Whether a vector index is walked."""
        return bool(self.scans)

    @property
    def forced_uses(self) -> bool:
        """Whether one would be, were sequential scans not an alternative."""
        return self.forced is not None and walks_index(self.forced, self.facts)

    @property
    def indexes(self) -> tuple[IndexInfo, ...]:
        """The vector indexes on the searched column."""
        if self.searched is None:
            return ()
        return self.facts.indexes.get((self.searched.root, self.searched.column.column), ())

    def has(self, node_type: str) -> bool:
        """Whether the plan has such a step."""
        return any(node.node_type == node_type for node in self.plan.root.walk())

    def spelled(self, index: IndexInfo) -> str:
        """Name an index on the searched column as SQL does: it is in its table's schema."""
        assert self.searched is not None
        return quoted(self.searched.column.schema, index.name)

    @property
    def rows(self) -> float:
        """Rows of the searched table, by the server's own estimates."""
        if self.searched is None:
            return 0
        family = self.facts.family(self.searched.root)
        return sum(relation.rows or relation.live_rows for relation in family)


def _inner(join: Node) -> Node:
    """The side of a join that is read for each row of the other."""
    return [child for child in join.children if not child.beside][-1]


def scans(plan: Plan, facts: PlanFacts) -> Iterator[Scan]:
    """Find the nodes that walk a vector index in the order of a distance."""
    yield from _scans(plan.root, (), facts)


def walks_index(plan: Plan, facts: PlanFacts) -> bool:
    """Whether a plan walks any vector index."""
    return next(scans(plan, facts), None) is not None


def _scans(node: Node, above: tuple[Node, ...], facts: PlanFacts) -> Iterator[Scan]:
    if node.order_by and (index := facts.index_named(node.index_name)):
        yield Scan(node, index, above)
    for child in node.children:
        yield from _scans(child, (node, *above), facts)


def examine(
    connection: Connection, statement: Statement, settings: Mapping[str, str], *, analyze: bool
) -> Case:
    """Gather what the rules look at; only with ``analyze`` is the statement run.

    Raises RequestError for parameters nobody can guess, and DimensionMismatch for a query vector of
    another length than the column, which would be planned and then fail.
    """
    if analyze and statement.locks_rows:
        raise RequestError(
            "FOR UPDATE and the like cannot be run in a read-only transaction.",
            "Leave out --analyze, or the locking clause.",
        )
    generic, sql = None, statement.sql
    notes: tuple[str, ...] = ()
    long_values: tuple[tuple[str, str], ...] = ()
    if statement.parameters:
        generic = explain_pasted(connection, sql, settings, generic=True)
        values, notes = chosen_values(connection, statement, plan_facts(connection, generic))
        sql, long_values = statement.with_values(values), tuple(_long_values(statement, values))
    plan = explain_pasted(connection, sql, settings, analyze=analyze)
    facts = plan_facts(connection, plan)
    ordering, searched = _searched(Statement(sql, (), statement.cursor), facts)
    case = Case(
        statement=Statement(sql, (), statement.cursor),
        sql=sql,
        plan=plan,
        facts=facts,
        settings=settings_in_force(connection, settings),
        analyzed=analyze,
        ordering=ordering,
        searched=searched,
        generic=generic,
        notes=notes,
        long_values=long_values,
    )
    _check_length(case)
    return _with_more(connection, case, settings)


def _long_values(statement: Statement, values: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Pair the long values with their parameters: as these were written, numbered ones from 1 again."""
    long = {number: value for number, value in sorted(values.items()) if len(value) >= LONG_VALUE}
    for place, (number, value) in enumerate(long.items(), start=1):
        written = statement.parameters[number - 1]
        yield value, f"${place}" if written.startswith("$") else written


def _searched(statement: Statement, facts: PlanFacts) -> tuple[Ordering | None, Searched | None]:
    """Choose the comparison to look at: one the statement is ordered by, of an indexed column if any."""
    tree = statement.parsed()
    of_tables: list[tuple[Ordering, Searched]] = []
    for through in (False, True):
        known = [(found, searched_column(found, tree, facts, through=through)) for found in orderings(tree)]
        of_tables = of_tables or [(found, searched) for found, searched in known if searched]
    indexed = [
        (found, searched)
        for found, searched in of_tables
        if found.key is not None and facts.indexes.get((searched.root, searched.column.column))
    ]
    ordered = [(found, searched) for found, searched in of_tables if found.key is not None]
    return next(iter((*indexed, *ordered, *of_tables)), (None, None))


def _check_length(case: Case) -> None:
    searched, ordering = case.searched, case.ordering
    if searched is None or ordering is None or searched.query is None:
        return
    wanted, given = searched.column.dimensions, searched.query.dimensions
    plain = isinstance(ordering.operand, ast.ColumnRef)
    if plain and wanted is not None and given != wanted:
        raise DimensionMismatch(
            f"{searched.column} has {wanted:,} dimensions and the statement's vector {given:,}: "
            "it is planned, and fails when it is run."
        )


def _with_more(connection: Connection, case: Case, settings: Mapping[str, str]) -> Case:
    """Ask what only some statements need to be asked."""
    ordering, searched = case.ordering, case.searched
    if ordering is None or searched is None:
        return case
    if not case.uses_index:
        names = called(ordering.other)
        case = replace(
            case,
            forced=explain_pasted(connection, case.sql, {**settings, **NO_SEQSCAN}),
            volatile=volatile_functions(connection, names),
        )
        if case.forced_uses:
            case = replace(case, cheaper=tuple(_cheaper(connection, case, settings)))
    if not ordering.is_limited and ordering.key is not None and not case.statement.cursor:
        declared = f"DECLARE pasted CURSOR FOR {case.sql}"
        case = replace(case, cursor_plan=explain_pasted(connection, declared, settings))
    if case.uses_index:
        case = replace(case, unindexed=count_unindexed(connection, searched.column, ordering.distance))
    return case


def _cheaper(connection: Connection, case: Case, settings: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    for change in CHEAPER:
        [(name, value)] = change.items()
        if float(case.settings.get(name, value)) > float(value):
            plan = explain_pasted(connection, case.sql, {**settings, **change})
            if walks_index(plan, case.facts):
                yield change
