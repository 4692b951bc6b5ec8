"""What is not kept for ever: looks at a column, and maps of it, beyond the newest."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, func, select

from db.schema import inspection, projection

KEPT = {inspection: 50, projection: 20}
"""How many of each are kept of one column and one kind of look: a trend shows the last dozen, and a map
with its points may take megabytes."""


def drop_old(connection: Connection) -> int:
    """Drop, in the caller's transaction, what is older than the newest; tells how many rows went."""
    return sum(_drop(connection, table, most) for table, most in KEPT.items())


def _drop(connection: Connection, table: Table, most: int) -> int:
    names = ("schema", "table", "column", *(["kind"] if "kind" in table.c else []))
    age = func.row_number().over(partition_by=[table.c[name] for name in names], order_by=table.c.id.desc())
    aged = select(table.c.id, age.label("age")).subquery("aged")
    gone = delete(table).where(table.c.id.in_(select(aged.c.id).where(aged.c.age > most)))
    return connection.execute(gone).rowcount
