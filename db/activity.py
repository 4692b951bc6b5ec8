"""The server as its operator sees it: the settings that decide how vectors behave, and who is connected."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

SETTINGS = {
    "shared_buffers": "Memory for rows and indexes; an index larger than this is read again and again.",
    "effective_cache_size": "What the planner believes is cached, the operating system's part included.",
    "work_mem": "Memory of one sort or hash before it goes to disk.",
    "maintenance_work_mem": "Memory of an index build; an HNSW graph that outgrows it builds far slower.",
    "max_parallel_maintenance_workers": "Workers that may help one index build.",
    "max_parallel_workers_per_gather": "Workers that may help one exact search.",
    "max_wal_size": "WAL between two checkpoints; small values slow bulk loads and builds.",
    "random_page_cost": "What the planner thinks a random read costs; lower favours indexes.",
    "max_connections": "Sessions the server admits.",
    "hnsw.ef_search": "Candidates an HNSW scan keeps; no search returns more rows.",
    "hnsw.iterative_scan": "Whether an HNSW scan goes on when a filter leaves too few rows.",
    "ivfflat.probes": "Lists an IVFFlat scan reads.",
}
"""Settings that matter to vector search, and why."""

_SETTINGS = text("""
SELECT name, current_setting(name) AS value, source, pending_restart
FROM pg_settings WHERE name = ANY (:names)
""")
_LEFT = text("""
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0)
       - (SELECT count(*) FROM pg_stat_activity
          WHERE coalesce(backend_type, 'client backend') = 'client backend' AND datid IS NOT NULL)
""")
"""Of sessions of other roles a login that only reads is told the database, not what kind they are."""

_SESSIONS = text("""
SELECT coalesce(nullif(application_name, ''), 'idle, or without a name') AS program,
       count(*) AS sessions,
       count(*) FILTER (WHERE state = 'active') AS active,
       extract(epoch FROM max(clock_timestamp() - query_start) FILTER (WHERE state = 'active'))::float
         AS longest_s
FROM pg_stat_activity
WHERE coalesce(backend_type, 'client backend') = 'client backend'
  AND datname = current_database() AND pid <> pg_backend_pid()
GROUP BY 1 ORDER BY 2 DESC, 1
""")

_WAITS_FOR = text("""
SELECT coalesce(wait_event_type || ' / ' || wait_event, '') FROM pg_stat_activity
WHERE right(application_name, length(:tag)) = :tag AND datname = current_database()
  AND usename = current_user AND backend_type = 'client backend' AND state = 'active'
ORDER BY query_start LIMIT 1
""")
_CANCEL = text("""
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE right(application_name, length(:tag)) = :tag AND datname = current_database()
  AND usename = current_user AND backend_type = 'client backend' AND state = 'active'
  AND pid <> pg_backend_pid()
""")


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """A setting's value with its unit, as SHOW prints it; ``source`` is where the value comes from."""

    name: str
    value: str
    source: str
    pending_restart: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of one program on this database; ``longest_s`` is the age of its oldest running statement.

    ``program`` is the application_name, as the session gives it.
    """

    program: str
    sessions: int
    active: int
    longest_s: float | None


def server_settings(connection: Connection) -> tuple[ServerSetting, ...]:
    """Read SETTINGS in their order; those this session does not know are left out.

    The hnsw.* and ivfflat.* ones are known only once pgvector's library is loaded.
    """
    found = connection.execute(_SETTINGS, {"names": list(SETTINGS)}).mappings().all()
    by_name = {row["name"]: ServerSetting(**row) for row in found}
    return tuple(by_name[name] for name in SETTINGS if name in by_name)


def sessions(connection: Connection) -> tuple[Sessions, ...]:
    """Count who else is connected to this database, the most numerous first; ours name their purpose."""
    return tuple(Sessions(**row) for row in connection.execute(_SESSIONS).mappings())


def connections_left(connection: Connection) -> int:
    """Count the sessions that the server would still admit."""
    return max(0, int(connection.execute(_LEFT).scalar_one()))


def waits_for(connection: Connection, tag: str) -> str | None:
    """Name what the session whose name ends in ``tag`` waits for; "" where it computes, None where idle."""
    found: str | None = connection.execute(_WAITS_FOR, {"tag": tag}).scalar()
    return found


def cancel(connection: Connection, tag: str) -> None:
    """Cancel what sessions of this login are executing whose name ends in ``tag``."""
    connection.execute(_CANCEL, {"tag": tag})
