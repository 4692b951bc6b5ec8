"""A stand-in for pg_stat_statements, which the server of these tests does not bring.

It is a real table of that name on the search path, with the columns that the extension's documentation
lists and statements written as the extension normalises them: constants are ``$1``, ``$2``...  What a
server with the extension does beyond that - the counting itself - is not tested here.
"""

from sqlalchemy import Connection, text

TABLE = """
CREATE TABLE pg_stat_statements (
  userid oid, dbid oid, toplevel boolean, queryid bigint, query text, plans bigint, total_plan_time float8,
  calls bigint, total_exec_time float8, min_exec_time float8, max_exec_time float8, mean_exec_time float8,
  stddev_exec_time float8, rows bigint, shared_blks_hit bigint, shared_blks_read bigint)
"""

_COUNT = text("""
INSERT INTO pg_stat_statements (dbid, queryid, query, calls, total_exec_time, mean_exec_time, rows,
                                shared_blks_hit, shared_blks_read)
SELECT oid, hashtextextended(:query, 0), :query, :calls, :total_ms, :total_ms / :calls, :rows, 10, 1
FROM pg_database WHERE (datname = current_database()) = :here AND (:here OR datname = 'postgres')
""")


def count(  # noqa: PLR0917 - a row of the view
    connection: Connection,
    query: str | None,
    total_ms: float,
    calls: int = 10,
    rows: int = 100,
    here: bool = True,
) -> None:
    """Let the server have counted a statement; ``here``: in this database."""
    connection.execute(
        _COUNT, {"query": query, "calls": calls, "total_ms": total_ms, "rows": rows, "here": here}
    )
