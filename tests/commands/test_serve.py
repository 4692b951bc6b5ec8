"""``python -m dashboard`` as a whole: what it starts, what it restarts, and what it leaves behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from db.embedded import EmbeddedServer
from tests.conftest import roomy_folder

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Served:
    """A running dashboard with a home of its own."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body of a GET; (0, None) where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if not is_dead(child) and "worker" in child.cmdline()]

    def command(self, *arguments: str) -> str:
        environment = {**os.environ, "VECTORSCOPE_HOME": str(self.home)}
        command = [sys.executable, "-m", "dashboard", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout


def wait(until: Callable[[], bool], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_dead(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One that the tests share, and leave as they found it."""
    with serving() as shared:
        yield shared


@pytest.fixture
def doomed() -> Iterator[Served]:
    """One of the test's own, to be ended."""
    with serving() as own:
        yield own


@contextmanager
def serving() -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="vectorscope-tests-", dir=roomy_folder()) as directory:
        home, port = Path(directory) / "home", free_port()
        environment = {**os.environ, "VECTORSCOPE_HOME": str(home), "VECTORSCOPE_PORT": str(port)}
        environment.pop("DATABASE_URL", None)
        command = [sys.executable, "-m", "dashboard"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        served = Served(process, port, home)
        try:
            wait(lambda: served.get("/readyz")[0] == 200)
            yield served
        finally:
            for child in psutil.Process(process.pid).children() if process.poll() is None else []:
                child.kill()
            process.kill()
            process.wait()
            EmbeddedServer(home).stop()


def test_a_first_start_has_the_demo_and_a_worker(served: Served) -> None:
    assert served.get("/healthz")[1]["status"] == "ok"
    [products] = json.loads(served.command("columns", "--json"))
    assert (products["table"], products["rows"]) == ("products", 10_000)
    wait(lambda: len(served.workers()) == 1)


def test_a_killed_worker_is_replaced(served: Served) -> None:
    wait(lambda: len(served.workers()) == 1)
    [worker] = served.workers()
    worker.kill()
    wait(lambda: [w.pid for w in served.workers() if w.pid != worker.pid] != [])


def test_told_to_stop_it_takes_worker_and_server_along(doomed: Served) -> None:
    wait(lambda: len(doomed.workers()) == 1)
    [worker] = doomed.workers()
    doomed.process.send_signal(signal.SIGTERM)
    doomed.process.wait(20)
    assert is_dead(worker)
    assert not EmbeddedServer(doomed.home).status().running


def test_killed_outright_it_leaves_no_worker(doomed: Served) -> None:
    wait(lambda: len(doomed.workers()) == 1)
    [worker] = doomed.workers()
    doomed.process.kill()
    doomed.process.wait()
    wait(lambda: is_dead(worker))
    wait(lambda: not EmbeddedServer(doomed.home).status().running)


def test_without_its_database_it_is_alive_but_not_ready(served: Served) -> None:
    served.command("db", "stop")
    status, body = served.get("/readyz")
    assert status == 503
    assert body["remedy"]
    assert served.get("/healthz")[0] == 200
    served.command("db", "start")
    wait(lambda: served.get("/readyz")[0] == 200)


def test_a_crashed_postmaster_is_started_again(served: Served) -> None:
    pid = EmbeddedServer(served.home).status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait(lambda: served.get("/readyz")[0] == 200 and EmbeddedServer(served.home).status().pid != pid)


def test_a_taken_port_is_told(served: Served) -> None:
    environment = {**os.environ, "VECTORSCOPE_HOME": str(served.home), "VECTORSCOPE_PORT": str(served.port)}
    command = [sys.executable, "-m", "dashboard"]
    second = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"Port {served.port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_headers_are_set(served: Served) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/", timeout=5) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
