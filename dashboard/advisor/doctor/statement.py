"""One pasted SELECT, as PostgreSQL's own parser reads it; everything else is refused with a sentence.

``%s``, ``%(name)s`` and ``:name`` are how drivers write parameters; they become PostgreSQL's ``$1``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pglast import ast, parse_sql
from pglast.parser import ParseError, Token, scan

from dashboard.advisor.doctor.syntax import printed, statements, walk
from db.errors import RequestError

_SELECT_ONLY = "Paste the one SELECT that searches; it is explained, and not run."

_MARKER = re.compile(r"%s|%\(([^)]+)\)s|:([A-Za-z_]\w*)")
"""A driver's parameter: positional, or by name."""

_WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that reads.  ``sql`` has its parameters as ``$1``, ``parameters`` as they were written.

    ``cursor`` is whether the SELECT was declared as one: its rows are then fetched in parts.
    """

    sql: str
    parameters: tuple[str, ...]
    cursor: bool = False

    def parsed(self) -> ast.SelectStmt:
        """Parse the SELECT anew, as a tree of its own that may be changed."""
        [statement] = statements(self.sql)
        select: ast.SelectStmt = statement.query if self.cursor else statement
        return select

    def printed(self, select: ast.SelectStmt) -> str:
        """Write a changed tree as this statement, on one line."""
        if not self.cursor:
            return printed(select)
        [declared] = statements(self.sql)
        declared.query = select
        return printed(declared)

    @property
    def locks_rows(self) -> bool:
        """Whether it is a SELECT ... FOR UPDATE or the like, which no read-only transaction may run."""
        return any(isinstance(node, ast.LockingClause) for node in walk(self.parsed()))

    def with_values(self, values: dict[int, str]) -> str:
        """Write the statement with SQL in the place of each parameter, by its number."""
        written, end = [], 0
        for token in scan(self.sql):
            if token.name == "PARAM":
                number = int(self.sql[token.start + 1 : token.end + 1])
                written += [self.sql[end : token.start], values[number]]
                end = token.end + 1
        return "".join([*written, self.sql[end:]])


def read_statement(pasted: str) -> Statement:
    """Read one SELECT, or a cursor or EXPLAIN over one.

    Raises RequestError for what PostgreSQL's grammar has not, for several statements, and for anything
    that is not a SELECT or might write.
    """
    if "\0" in pasted:
        raise RequestError("The statement contains a NUL byte.", "PostgreSQL's text holds none; remove it.")
    sql, parameters = _with_numbers(pasted)
    try:
        found = parse_sql(sql)
    except ParseError as error:
        raise RequestError(f"PostgreSQL cannot parse this: {error.args[0]}.", _SELECT_ONLY) from None
    if len(found) != 1:
        told = f"There are {len(found)} statements here" if found else "There is no statement here"
        raise RequestError(f"{told}; the doctor looks at one.", _SELECT_ONLY)
    start, length = found[0].stmt_location or 0, found[0].stmt_len or len(sql)
    return _checked(found[0].stmt, sql[start : start + length].strip(), parameters)


def _checked(statement: Any, sql: str, parameters: tuple[str, ...]) -> Statement:
    if isinstance(statement, ast.ExplainStmt | ast.PrepareStmt):
        inner: Any = statement.query
        return _checked(inner, printed(inner), parameters)
    cursor = isinstance(statement, ast.DeclareCursorStmt)
    select: Any = statement.query if isinstance(statement, ast.DeclareCursorStmt) else statement
    if not isinstance(select, ast.SelectStmt):
        raise RequestError(f"This is no SELECT but {_named(select)}.", _SELECT_ONLY)
    for node in walk(select):
        if isinstance(node, _WRITES):
            raise RequestError(f"A part of this SELECT writes: {_named(node)}.", _SELECT_ONLY)
        if isinstance(node, ast.IntoClause):
            raise RequestError("SELECT INTO makes a table.", "Leave INTO out; it has no part in the plan.")
    return Statement(sql, parameters or _numbered(select), cursor)


def _named(statement: ast.Node) -> str:
    """Name a kind of statement as SQL does: ``CreateTableAsStmt`` is CREATE TABLE AS."""
    words = re.findall(r"[A-Z][a-z]*", type(statement).__name__.removesuffix("Stmt"))
    return " ".join(words).upper() or "something else"


def _numbered(select: ast.SelectStmt) -> tuple[str, ...]:
    numbers = [node.number or 0 for node in walk(select) if isinstance(node, ast.ParamRef)]
    return tuple(f"${number}" for number in range(1, max(numbers, default=0) + 1))


def _with_numbers(pasted: str) -> tuple[str, tuple[str, ...]]:
    """Write drivers' parameters as ``$1``, outside of strings, quoted names and comments."""
    names: list[str] = []
    written, end = [], 0
    for start in _bare(pasted):
        match = _MARKER.match(pasted, start)
        if match is None or start < end:
            continue
        if match[0] == "%s" or match[0] not in names:
            names.append(match[0])
        number = len(names) if match[0] == "%s" else names.index(match[0]) + 1
        written += [pasted[end:start], f"${number}"]
        end = match.end()
    return "".join([*written, pasted[end:]]), tuple(names)


def _bare(pasted: str) -> list[int]:
    """Find each percent sign and colon that stands by itself, by PostgreSQL's own scanner."""
    try:
        tokens: list[Token] = scan(pasted)
    except ParseError:
        return []  # what is wrong is said by the parser
    starts = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        # In items[1:n] a colon belongs to a slice; an operator before a percent sign takes it as its own.
        sliced = before is not None and before.name == "ICONST" and before.end + 1 == token.start
        if token.name == "ASCII_58" and not sliced:
            starts.append(token.start)
        elif token.name in {"ASCII_37", "Op"} and "%" in (operator := pasted[token.start : token.end + 1]):
            starts.append(token.start + operator.index("%"))
    return starts
