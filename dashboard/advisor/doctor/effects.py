"""What running a statement may do beside answering: its transaction is read-only, its functions need not be.

Ending another session, taking a lock that outlives the transaction and reading a file of the server are all
calls of functions declared VOLATILE, which a read-only transaction allows.  Some are declared so only since
they return something else each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from dashboard.advisor.doctor.statement import Statement
from dashboard.advisor.doctor.syntax import called
from db.errors import RequestError
from db.pasted import explain_pasted
from db.plan_facts import not_built_in, volatile_functions

_HARMLESS = frozenset({
    *("random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7"),  # draw a number
    *("clock_timestamp", "timeofday"),  # read the clock
    *("pg_relation_size", "pg_table_size", "pg_indexes_size", "pg_total_relation_size"),  # read a size
})  # fmt: skip
"""PostgreSQL's own that change nothing but which number this session draws next, and take no lock that
outlives the transaction.  Not among them: ``setseed``, ``nextval``, ``txid_current``, ``pg_sleep``."""

_TEXT = re.compile(r"'(?:[^']|'')*'")
_CALL = re.compile(r'(?:"((?:[^"]|"")+)"|([^\W\d][\w$]*))\(')


def refuse_effects(connection: Connection, statement: Statement, settings: Mapping[str, str]) -> None:
    """Raise RequestError, naming the function, where running a statement would call a VOLATILE one.

    The plan is asked, too: it shows what the statement's views call.
    """
    generic = bool(statement.parameters)
    plan = explain_pasted(connection, statement.sql, settings, generic=generic)
    names = {*called(statement.parsed(), below_queries=True), *_called(plan.document)}
    harmless = _HARMLESS - not_built_in(connection, names & _HARMLESS)
    if volatile := sorted(volatile_functions(connection, names - harmless)):
        raise RequestError(
            f"This statement is not run: it calls {volatile[0]}, which is declared VOLATILE "
            "and may do more than answer.",
            "Diagnose it without running it.",
        )


def _called(part: Any) -> Iterator[str]:
    """Name the functions in the expressions of a plan, or any part of it.

    >>> sorted(_called({"Filter": "(f(a) > 1)", "Plans": [{"Output": ['"my ""f"(b)', "'g('"]}]}))
    ['f', 'my "f']
    """
    match part:
        case str():
            for quoted, plain in _CALL.findall(_TEXT.sub("''", part)):
                yield quoted.replace('""', '"') or plain
        case list():
            for each in part:
                yield from _called(each)
        case dict():
            yield from _called(list(part.values()))
