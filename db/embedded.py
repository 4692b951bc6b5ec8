"""The embedded PostgreSQL of one home: shared by processes, stopped with the last of them.

Who uses it is kept as pid and start time, under a lock of our own: a process that was killed is no
longer a holder, and a new process that was given its pid is not one by mistake.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fasteners
from sqlalchemy import text

from db.cluster import DATABASE, Cluster, Tell, answers, started_at
from db.engine import Database
from db.errors import ConnectionFailed, RequestError

_one_thread = threading.Lock()
"""A file's lock belongs to the process: its own threads would walk through it together."""

_EXISTS = text("SELECT 1 FROM pg_database WHERE datname = :name")
_CREATE = text("CREATE DATABASE vectorscope")
_SIZE = text("SELECT pg_database_size(current_database())")


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
        self._cluster = Cluster(self.data, run=self.home / "run")
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

    def is_wanted(self) -> bool:
        """Whether the server ought to run: this process holds it, or it is kept; not after a ``stop``."""
        holders = self._holders()
        return holders.kept or any(pid == os.getpid() for pid, _ in holders.pids)

    def release(self) -> None:
        """Give up this process's hold; the last holder stops the server."""
        with self._locked(lambda _: None):
            holders = self._holders().without(os.getpid())
            self._write(holders)
            if not holders.pids and not holders.kept:
                self._cluster.stop()

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
            return self._cluster.stop()

    def erase(self) -> None:
        """Stop the server and delete its data."""
        with self._locked(lambda _: None):
            self._write(_Holders((), kept=False))
            self._cluster.stop()
            shutil.rmtree(self.data, ignore_errors=True)

    def status(self) -> Status:
        """Say how the server is, without starting it."""
        postmaster = self._cluster.postmaster() if self.data.exists() else None
        url = postmaster.url if postmaster and answers(postmaster.url) else None
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
        postmaster = self._cluster.postmaster()
        if postmaster is None or not answers(postmaster.maintenance_url):
            postmaster = self._cluster.start(tell, time.monotonic() + wait_s)
        _ensure_database(postmaster.maintenance_url)
        return postmaster.url

    @contextmanager
    def _locked(self, tell: Tell) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"VECTORSCOPE_HOME={self.home} cannot be used: {error.strerror}.",
                "Choose a directory you own.",
            ) from error
        lock = fasteners.InterProcessLock(self.home / "embedded.lock")
        with _one_thread:
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
        alive = tuple((pid, at) for pid, at in read["holders"] if started_at(pid) == at)
        return _Holders(alive, kept=read["kept"])

    def _write(self, holders: _Holders) -> None:
        self._holders_file.write_text(json.dumps({"holders": holders.pids, "kept": holders.kept}))


@dataclass(frozen=True, slots=True)
class _Holders:
    pids: tuple[tuple[int, float], ...]
    """(pid, start time): a pid alone is reused by the system."""
    kept: bool

    def with_holder(self, pid: int) -> _Holders:
        return _Holders((*self.without(pid).pids, (pid, started_at(pid) or 0.0)), self.kept)

    def without(self, pid: int) -> _Holders:
        return _Holders(tuple(holder for holder in self.pids if holder[0] != pid), self.kept)

    def keeping(self, *, kept: bool) -> _Holders:
        return _Holders(self.pids, kept)


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
