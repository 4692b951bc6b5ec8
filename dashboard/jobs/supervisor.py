"""Keeps one worker process running beside the dashboard: started as a child, restarted with back-off."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0
"""A worker that lived this long was not crashing at start: the next pause is short again."""


class Supervisor:
    """Owns one worker child."""

    def __init__(self, command: list[str] | None = None) -> None:
        own = [sys.executable, "-m", "dashboard", "worker", "--parent", str(os.getpid())]
        self._command = command or own
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="worker-supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """The worker's pid; None while it is between two lives."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def start(self) -> None:
        """Start the worker, and go on starting it whenever it ends."""
        self._thread.start()

    def stop(self, *, grace_s: float = 10.0) -> None:
        """Ask the worker to put its job back and end; kill it after ``grace_s`` seconds."""
        with self._starting:
            self._stopping.set()
        if self._child and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._thread.join()

    def _watch(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            with self._starting:
                if self._stopping.is_set():
                    return
                self._child = subprocess.Popen(self._command)
            code = self._child.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - started > STEADY_S:
                pause_s = FIRST_PAUSE_S
            logger.warning("the worker ended with code %s; starting another in %.1f s", code, pause_s)
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
