"""A read that goes on beside the page that asked: waited for a moment, looked at, stopped."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic
from typing import Any
from uuid import uuid4

from db import activity
from db.engine import Database
from db.errors import Cancelled, StatementTimeout

AT_ONCE_S = 2.5
"""How long a page waits before it says what it waits for: longer than for a lock, which is told as one."""

STALE_S = 60.0
"""A result nobody came for is the answer for so long."""


class StillReading(Exception):
    """A read is not there yet; ``doing`` and ``height_px`` say what its place is to show meanwhile."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading
        self.doing, self.height_px = "Reading", 120


@dataclass(slots=True)
class Reading:
    """One read in a thread of its own.  ``question`` is what tells it from others.

    ``tag`` ends the application_name of its sessions, by which they and no others are found.
    """

    database: Database
    question: str
    tag: str = field(default_factory=lambda: f"#q{uuid4().hex[:10]}")
    begun_at_s: float = field(default_factory=monotonic)
    ended_at_s: float | None = None
    is_stopped: bool = False
    future: Future[Any] = field(default_factory=Future)

    @property
    def is_done(self) -> bool:
        """Whether the result, or an error, is there."""
        return self.future.done()

    @property
    def is_stale(self) -> bool:
        """Whether it ended too long ago to be today's answer."""
        return self.ended_at_s is not None and monotonic() - self.ended_at_s > STALE_S

    @property
    def running_s(self) -> float:
        """How long it took, or takes already."""
        return (self.ended_at_s or monotonic()) - self.begun_at_s

    def comes_in_time(self) -> bool:
        """Wait a moment; whether the result, or an error, is there then."""
        wait([self.future], AT_ONCE_S)
        return self.is_done

    def result(self) -> Any:
        """Give what was read.  Raises what the read raised, and Cancelled once it was stopped."""
        try:
            return self.future.result()
        except (Cancelled, StatementTimeout) as error:  # told apart by the clock where no English is spoken
            if not self.is_stopped:
                raise
            raise Cancelled(f"Stopped on request, after {self.running_s:.0f} s.", "") from error

    def stop(self) -> None:
        """Cancel what its sessions execute now; to be repeated until it is done, as it may go on to more."""
        self.is_stopped = True
        with self.database.aside("stop") as connection:
            activity.cancel(connection, self.tag)

    def waits_for(self) -> str | None:
        """Name what its session waits for: "" where it computes, None where it is between two statements."""
        with self.database.aside("look") as connection:
            return activity.waits_for(connection, self.tag)


def go_on(
    reading: Reading | None, database: Database, question: object, read: Callable[[Database], Any]
) -> Reading:
    """Go on with a read of the same question; another is stopped, and this one begun."""
    asked = repr(question)  # as it is written: two that hold a NaN are never equal
    if reading is not None and reading.question == asked and not reading.is_stale:
        return reading
    if reading is not None and not reading.is_done:
        reading.stop()
    return begin(database, asked, read)


def begin(database: Database, question: str, read: Callable[[Database], Any]) -> Reading:
    """Start a read; a process that ends does not wait for it."""
    reading = Reading(database, question)

    def work() -> None:
        try:
            result = read(database.lent_as(tag=reading.tag))
        except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
            reading.ended_at_s = monotonic()
            reading.future.set_exception(error)
        else:
            reading.ended_at_s = monotonic()
            reading.future.set_result(result)

    Thread(target=work, name=f"reading {reading.tag}", daemon=True).start()
    return reading
