"""Free room where an index would go: told of a server on this machine, and of no other."""

import shutil

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
