"""A time box ends what takes too long, and nothing else."""

import time

import pytest
from sqlalchemy import Connection, text

from db.engine import Database
from db.errors import Cancelled, StatementTimeout
from db.savepoint import within

BOX_MS = 5_000


def test_what_does_not_end_in_time_is_a_timeout_and_the_transaction_goes_on(reading: Connection) -> None:
    with pytest.raises(StatementTimeout, match="within 50 ms"), within(reading, 50):
        reading.execute(text("SELECT pg_sleep(10)"))
    assert reading.scalar(text("SHOW statement_timeout")) == "15s"


def test_what_somebody_cancels_in_time_is_no_timeout(world: Database) -> None:
    started = time.monotonic()
    with (
        pytest.raises(Cancelled),
        world.reading("tests") as connection,
        within(connection, BOX_MS),
    ):
        connection.execute(text("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(10)"))
    assert time.monotonic() - started < BOX_MS / 1000
