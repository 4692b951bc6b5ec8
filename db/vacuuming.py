"""A VACUUM at work on a table: which phase it is in, and for how long it has run."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.columns import VectorColumn

_VACUUMING = text("""
SELECT a.pid, p.phase,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float AS running_s
FROM pg_stat_progress_vacuum p
JOIN pg_stat_activity a USING (pid)
JOIN pg_class c ON c.oid = p.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.datname = current_database() AND a.xact_start IS NOT NULL
  AND (n.nspname = :schema AND c.relname = :table
       OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass(format('%I.%I', :schema, :table)))))
ORDER BY a.xact_start LIMIT 1
""")
"""What others run is shown to their own role, to members of pg_read_all_stats, and nobody else."""


@dataclass(frozen=True, slots=True)
class Vacuuming:
    """A VACUUM of the table that runs now, by hand or by autovacuum, as far as this role may see it.

    ``phase`` is in the words of PostgreSQL's documentation, 27.4.5; ``running_s`` counts from its beginning.
    """

    pid: int
    phase: str
    running_s: float

    @property
    def is_at_indexes(self) -> bool:
        """Whether it is clearing dead rows out of the indexes, which for a graph means to repair it."""
        return self.phase in {"vacuuming indexes", "cleaning up indexes"}


def vacuuming(connection: Connection, wanted: VectorColumn) -> Vacuuming | None:
    """Look for a VACUUM of the column's table, or of a partition of it; of several the longest."""
    found = connection.execute(_VACUUMING, {"schema": wanted.schema, "table": wanted.table}).one_or_none()
    return Vacuuming(**found._mapping) if found else None
