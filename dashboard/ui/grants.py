"""What the login lacks to read a table, with the statements that would let it, to be copied."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.ui import state
from db import grants
from db.columns import split_name
from db.errors import RequestError
from db.grants import Grant

_NAMED = 3


@state.cached(ttl_s=10)
def unreadable() -> tuple[Grant, ...]:
    """The tables with vectors that this login may not read."""
    with state.database().reading("grants") as connection:
        return grants.unreadable(connection)


@state.cached(ttl_s=10)
def lacking(column: str) -> tuple[Grant, ...]:
    """What this login lacks to read the table of a column; nothing for a name that is none."""
    try:
        schema, table, _ = split_name(column, 3)
    except RequestError:
        return ()
    with state.database().reading("grants") as connection:
        return grants.lacking(connection, schema, table)


def sentence(missing: Sequence[Grant]) -> str:
    """Say who may not read what.

    >>> sentence([Grant("public", "films", "ann", usage=False, select=True)])
    'The login ann may not read public.films'
    """
    names = ", ".join(str(grant) for grant in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    return f"The login {missing[0].role} may not read {names}{more}"


def offer(missing: Sequence[Grant]) -> None:
    """Draw the statements that the owner has to run."""
    statements = dict.fromkeys(line for grant in missing for line in grant.statements)
    st.code("\n".join(statements), language="sql")
