"""Room on the disk that takes a server's new indexes, where that disk is of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Connection, text

STARTED_WITHIN_S = 60
"""A postmaster writes its file first, and calls itself started once it has its memory."""

_PLACE = text("""
SELECT (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data,
       extract(epoch FROM pg_postmaster_start_time())::bigint AS started_s,
       (SELECT NULLIF(pg_tablespace_location(t.oid), '') FROM pg_tablespace t
        JOIN pg_database d ON d.datname = current_database()
        WHERE CASE current_setting('default_tablespace')
              WHEN '' THEN t.oid = d.dattablespace
              ELSE t.spcname = current_setting('default_tablespace') END) AS tablespace
""")
"""pg_settings leaves out the directory for a role that may not know it."""


def free_bytes(connection: Connection) -> int | None:
    """Tell what is free where a new index would go; None where that disk is not of this machine.

    A path that is here, too, proves nothing - the address may be a tunnel's or a container's: the file
    that the running postmaster keeps in its directory (PostgreSQL documentation, 66.1) has to be read.
    """
    place = connection.execute(_PLACE).one()
    if place.data is None or not _is_its_own(Path(place.data), place.started_s):
        return None
    try:
        return shutil.disk_usage(place.tablespace or place.data).free
    except OSError:
        return None


def _is_its_own(data: Path, started_s: int) -> bool:
    try:
        _, directory, started, *_ = (data / "postmaster.pid").read_text().splitlines()
        return Path(directory) == data and abs(int(started) - started_s) <= STARTED_WITHIN_S
    except (OSError, ValueError):
        return False
