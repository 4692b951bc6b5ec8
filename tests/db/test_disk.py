"""The disk where an index would go, and whether the server is here: told of this machine, and of no other."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from db import disk
from db.engine import Database


def test_the_room_of_a_server_on_this_machine_is_that_of_its_disk(database: Database) -> None:
    with database.reading("tests") as connection:
        folder = connection.execute(text("SHOW data_directory")).scalar_one()
        known = disk.free_bytes(connection)
    assert known == pytest.approx(shutil.disk_usage(folder).free, rel=0.05)


def test_a_server_that_another_machines_directory_resembles_is_not_taken_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "STARTED_WITHIN_S", -1)
    with database.reading("tests") as connection:
        assert disk.free_bytes(connection) is None


def test_a_role_that_may_not_know_the_directory_is_told_nothing(database: Database) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("CREATE ROLE knows_nothing")
        connection.exec_driver_sql("SET LOCAL ROLE knows_nothing")
        assert disk.free_bytes(connection) is None
        connection.exec_driver_sql("ROLLBACK")


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads what the Linux kernel tells in /proc")


@linux
def test_a_server_is_known_to_be_here_by_its_directory_or_its_process(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with database.reading("tests") as connection:
        assert disk.is_here(connection)
        monkeypatch.setattr(disk, "STARTED_WITHIN_S", -1)
        assert disk.is_here(connection), "by the title of the process that serves us"
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        monkeypatch.setattr(disk, "PROCESSES", tmp_path)
        assert not disk.is_here(connection)
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_text("postgres: somebody somewhere 10.0.0.1(1) idle")
        assert not disk.is_here(connection), "a process of that number, and of another client"


@linux
def test_the_storage_of_a_server_on_this_machine_is_named(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with database.reading("tests") as connection:
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        device = folder.stat().st_dev
        mounts = tmp_path / "mountinfo"
        monkeypatch.setattr(disk, "MOUNTS", mounts)
        number = f"{os.major(device)}:{os.minor(device)}"
        mounts.write_text(
            f"21 1 9:999 / / rw - proc proc rw\n36 35 {number} / /mnt rw,x shared:1 - ext4 /dev/nvme0n1 rw\n"
        )
        assert disk.storage(connection) == "ext4 on /dev/nvme0n1"
        mounts.write_text("")
        assert disk.storage(connection) is None
        monkeypatch.setattr(disk, "STARTED_WITHIN_S", -1)
        assert disk.storage(connection) is None
