"""The embedded server starts, is shared, survives kill -9, and stops with its last holder."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from db.embedded import EmbeddedServer
from db.engine import Database
from db.errors import SetupError

HOLD_FOR_EVER = """
import sys, time
from pathlib import Path
from db.embedded import EmbeddedServer
print(EmbeddedServer(Path(sys.argv[1])).hold(lambda _: None), flush=True)
time.sleep(600)
"""
HOLD_AND_LEAVE = """
import sys
from pathlib import Path
from db.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.hold(lambda _: None)
server.release()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    # Not tmp_path: another pytest session closes that tree to the user the server runs as.
    with tempfile.TemporaryDirectory(prefix="vectorscope-tests-") as directory:
        yield Path(directory)


@pytest.fixture
def server(place: Path) -> Iterator[EmbeddedServer]:
    embedded = EmbeddedServer(place / "home")
    yield embedded
    embedded.stop()


def other_holder(home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_FOR_EVER, str(home)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def kill(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)
    process.communicate(timeout=10)


def answer(url: str, statement: str) -> object:
    database = Database(url)
    try:
        with database.reading("test") as connection:
            return connection.execute(text(statement)).scalar_one()
    finally:
        database.dispose()


def write(url: str, *statements: str) -> None:
    database = Database(url)
    try:
        with database.writing("test") as connection, connection.begin():
            for statement in statements:
                connection.execute(text(statement))
    finally:
        database.dispose()


def test_it_is_postgresql_18_with_pgvector(server: EmbeddedServer) -> None:
    url = server.hold(lambda _: None)
    assert str(answer(url, "SHOW server_version")).startswith("18.")
    assert answer(url, "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'") == "0.8.5"


def test_it_has_settings_of_its_own(server: EmbeddedServer) -> None:
    url = server.hold(lambda _: None)
    assert answer(url, "SHOW random_page_cost") == "1.1"
    assert answer(url, "SHOW max_wal_size") == "4GB"


def test_it_stops_with_its_last_holder(server: EmbeddedServer) -> None:
    server.hold(lambda _: None)
    other = other_holder(server.home)
    assert len(server.status().holders) == 2

    server.release()
    assert server.status().running
    kill(other, signal.SIGKILL)
    subprocess.run([sys.executable, "-c", HOLD_AND_LEAVE, str(server.home)], check=True)
    assert not server.status().running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_holder_that_is_killed_leaves_the_server_usable(server: EmbeddedServer, number: int) -> None:
    kill(other_holder(server.home), number)
    url = server.hold(lambda _: None)
    assert answer(url, "SELECT 1") == 1
    assert server.status().holders == (os.getpid(),)


def test_two_processes_share_one_postmaster(server: EmbeddedServer) -> None:
    server.hold(lambda _: None)
    pid = server.status().pid
    other = other_holder(server.home)
    assert server.status().pid == pid
    kill(other, signal.SIGKILL)


def test_two_homes_are_two_servers(server: EmbeddedServer, place: Path) -> None:
    first = server.hold(lambda _: None)
    second_server = EmbeddedServer(place / "second home")
    second = second_server.hold(lambda _: None)
    write(first, "CREATE TABLE only_here (id int)")
    assert answer(second, "SELECT to_regclass('only_here')") is None
    second_server.release()
    assert server.status().running


def test_a_kept_server_outlives_its_holders(server: EmbeddedServer) -> None:
    server.start(lambda _: None)
    server.hold(lambda _: None)
    server.release()
    assert server.status().running
    assert server.stop()
    assert not server.status().running
    assert not server.stop()


def test_committed_rows_survive_a_killed_postmaster(server: EmbeddedServer) -> None:
    url = server.hold(lambda _: None)
    write(url, "CREATE TABLE kept AS SELECT generate_series(1, 200000) AS id")
    pid = server.status().pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    again = server.hold(lambda _: None)
    assert again == url
    assert answer(again, "SELECT count(*) FROM kept") == 200_000


def test_recovery_is_waited_for_with_a_message(server: EmbeddedServer) -> None:
    url = server.hold(lambda _: None)
    write(url, "CREATE TABLE kept AS SELECT generate_series(1, 2000000) AS id")
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    told: list[str] = []
    assert answer(server.hold(told.append), "SELECT count(*) FROM kept") == 2_000_000
    assert any("recovering" in sentence for sentence in told)


def test_a_long_home_gets_a_short_socket(place: Path) -> None:
    deep = EmbeddedServer(place / "d" / ("long" * 30))
    assert answer(deep.hold(lambda _: None), "SELECT 1") == 1
    deep.release()


def test_a_server_that_cannot_start_is_told_with_its_own_words(server: EmbeddedServer) -> None:
    server.hold(lambda _: None)
    server.stop()
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = 'nonsense'\n")
    with pytest.raises(SetupError, match=r"shared_buffers|configuration file"):
        server.hold(lambda _: None)


def test_a_dead_backend_restarts_the_server_by_itself(server: EmbeddedServer) -> None:
    url = server.hold(lambda _: None)
    database = Database(url)
    with database.control("test") as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        os.kill(backend, signal.SIGKILL)
    database.dispose()
    deadline = time.monotonic() + 30
    while not server.status().running and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer(url, "SELECT 1") == 1


def test_data_of_another_version_is_refused_in_a_sentence(server: EmbeddedServer) -> None:
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(SetupError, match="belongs to another PostgreSQL") as refusal:
        server.hold(lambda _: None)
    assert "VECTORSCOPE_HOME" in refusal.value.remedy


def test_erase_leaves_nothing(server: EmbeddedServer) -> None:
    server.hold(lambda _: None)
    pid = server.status().pid
    server.erase()
    assert not server.data.exists()
    assert pid is not None
    # Where nothing reaps orphans the dead process stays in the table.
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_two_threads_of_one_process_do_not_revive_it_at_once(server: EmbeddedServer) -> None:
    server.hold(lambda _: None)
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with ThreadPoolExecutor(4) as threads:
        urls = set(threads.map(lambda _: EmbeddedServer(server.home).hold(lambda _: None), range(4)))
    assert len(urls) == 1
    assert answer(urls.pop(), "SELECT 1") == 1
