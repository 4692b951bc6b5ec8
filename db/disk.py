"""The disk that takes a server's new indexes, and whether the server is on this machine at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sqlalchemy import Connection, text

STARTED_WITHIN_S = 60
"""A postmaster writes its file first, and calls itself started once it has its memory."""

PROCESSES, MOUNTS = Path("/proc"), Path("/proc/self/mountinfo")
"""Of Linux; elsewhere there are none, and less is known."""

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

_BACKEND = text("SELECT pg_backend_pid() AS pid, inet_client_port() AS port")


def free_bytes(connection: Connection) -> int | None:
    """Tell what is free where a new index would go; None where that disk is not of this machine."""
    place = _place(connection)
    try:
        return shutil.disk_usage(place).free if place else None
    except OSError:
        return None


def storage(connection: Connection) -> str | None:
    """Name the file system and the device that a new index would go to, such as ``ext4 on /dev/nvme0n1``.

    None where it is not of this machine, or cannot be told.
    """
    place = _place(connection)
    try:
        device = os.stat(place).st_dev if place else None  # noqa: PTH116
        mounts = MOUNTS.read_text().splitlines() if device is not None else []
    except OSError:
        return None
    # proc(5): "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        kind, source, *_ = after.split()
        if device is not None and before.split()[2] == f"{os.major(device)}:{os.minor(device)}":
            return "memory (tmpfs)" if kind == "tmpfs" else f"{kind} on {source}"
    return None


def is_here(connection: Connection) -> bool:
    """Tell whether the server is known to run on this machine.

    Its address proves nothing, not even loopback, which may be a tunnel's end: either its directory is
    here, or a process of the number of our backend has its title, which ends in where the client is.
    """
    if _place(connection) is not None:
        return True
    backend = connection.execute(_BACKEND).one()
    try:
        title = (PROCESSES / str(backend.pid) / "cmdline").read_text(errors="replace")
    except OSError:
        return False
    client = "[local]" if backend.port is None else f"({backend.port})"
    return title.startswith("postgres: ") and client in title


def _place(connection: Connection) -> Path | None:
    """Find where new indexes go; None where that is not of this machine.

    A path that is here, too, proves nothing - the address may be a tunnel's or a container's: the file
    that the running postmaster keeps in its directory (PostgreSQL documentation, 66.1) has to be read.
    """
    place = connection.execute(_PLACE).one()
    if place.data is None or not _is_its_own(Path(place.data), place.started_s):
        return None
    return Path(place.tablespace or place.data)


def _is_its_own(data: Path, started_s: int) -> bool:
    try:
        _, directory, started, *_ = (data / "postmaster.pid").read_text().splitlines()
        return Path(directory) == data and abs(int(started) - started_s) <= STARTED_WITHIN_S
    except (OSError, ValueError):
        return False
