"""What the panel of a job says about how far it is."""

from dataclasses import replace

import pytest

from dashboard.ui import progress, state
from tests.ui.test_summary import JOB


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time this process reads, to be moved by the test; and a session without a browser."""
    now, kept = [0.0], dict[str, object]()
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    monkeypatch.setattr(state, "recall", kept.get)
    monkeypatch.setattr(state, "remember", kept.__setitem__)
    return now


def test_a_job_that_waits_says_so() -> None:
    assert progress.how_far(replace(JOB, state="queued")) == "Waiting for its turn"


def test_pace_and_time_left_are_told_once_the_phase_was_watched_for_a_while(clock: list[float]) -> None:
    assert progress.how_far(JOB) == "**25%** · loading · 250 of 1,000 rows"
    clock[0] = 1.0
    assert "left" not in progress.how_far(replace(JOB, done=350))
    clock[0] = 3.0
    assert progress.how_far(replace(JOB, done=550)).endswith("550 of 1,000 rows · 100 rows/s · ~4.5 s left")


def test_a_new_phase_starts_a_new_pace(clock: list[float]) -> None:
    progress.how_far(JOB)
    clock[0] = 10.0
    assert "rows/s" not in progress.how_far(replace(JOB, phase="publishing", done=900))


def test_a_total_that_is_not_known_yet_shows_no_share() -> None:
    assert progress.how_far(replace(JOB, phase="reading", done=0, total=0)) == "reading"


@pytest.mark.parametrize(
    ("done", "reached", "told"),
    [
        (250, 0.25, "Stopped while loading · 250 of 1,000 rows"),
        (1_000, None, "Stopped after loading · 1,000 of 1,000 rows"),
    ],
)
def test_a_job_that_failed_shows_where_it_stopped(done: int, reached: float | None, told: str) -> None:
    failed = replace(JOB, state="failed", done=done)
    assert failed.reached == reached
    assert progress.stopped_at(failed) == told
