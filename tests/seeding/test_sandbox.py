"""Whatever happens to the process that parses a file, this one gets a sentence."""

import logging
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from dashboard.seeding.sandbox import ROOT, Limits, answer, stream
from db.errors import RequestError

INSIDE = "tests.seeding.misbehaving"
SMALL = Limits(memory_bytes=1 << 30)
BRIEF = Limits(time_s=2)
PATIENT = Limits(time_s=10)
"""Short, but long enough for a process to start on a busy machine."""
FILE = {"path": "/somewhere/odd.parquet"}


def readers() -> list[psutil.Process]:
    """The processes that parse a file for this one; a browser beside them is none."""
    return [child for child in psutil.Process().children() if INSIDE in child.cmdline()]


HOW_IT_ENDS = [
    ("eat memory", SMALL, r"Reading the file odd\.parquet takes more than 1,024 MB of memory\."),
    ("map memory", SMALL, r"odd\.parquet cannot be read: its reader broke off \(SIGABRT\)\."),
    ("crash", SMALL, r"odd\.parquet cannot be read: its reader broke off \(SIGSEGV\)\."),
    ("raise", SMALL, r"odd\.parquet cannot be read: its reader broke off \(exit code 1\)\."),
    ("refuse", SMALL, r"^No\.$"),
    ("spin", BRIEF, r"Reading the file odd\.parquet takes more than 2 s\."),
    ("sleep", BRIEF, r"Reading the file odd\.parquet takes more than 2 s\."),
]


@pytest.mark.parametrize(("task", "limits", "sentence"), HOW_IT_ENDS, ids=[task for task, *_ in HOW_IT_ENDS])
def test_a_reader_that_ends_badly_is_a_sentence(task: str, limits: Limits, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence) as refused:
        answer(INSIDE, task, FILE, limits)
    assert refused.value.remedy
    assert not readers()


@pytest.mark.parametrize(
    ("task", "limits", "sentence"),
    [*HOW_IT_ENDS[:5], ("sleep", PATIENT, "takes more than 10 s")],
    ids=[*(task for task, *_ in HOW_IT_ENDS[:5]), "sleep"],
)
def test_batches_that_came_before_are_handed_over(task: str, limits: Limits, sentence: str) -> None:
    numbers: list[int] = []
    batches = stream(INSIDE, "batches", {**FILE, "good": 3, "then": task}, limits)
    with pytest.raises(RequestError, match=sentence):
        numbers.extend(metadata["number"] for _, metadata in batches)
    assert numbers == [0, 1, 2]


def test_a_bug_of_ours_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(RequestError):
        answer(INSIDE, "raise", FILE, SMALL)
    assert "ZeroDivisionError: a bug of ours" in caplog.text


def test_the_process_knows_the_request_and_no_secret() -> None:
    os.environ["ODD_SECRET"] = "postgresql://user:password@host/db"
    try:
        told = answer(INSIDE, "tell", FILE, SMALL)
    finally:
        del os.environ["ODD_SECRET"]
    assert told["request"] == FILE
    assert not {"ODD_SECRET", "DATABASE_URL", "HOME"} & set(told["environment"])


def test_the_process_cannot_fill_the_disk(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="broke off"):
        answer(INSIDE, "fill disk", {"path": str(tmp_path / "big")}, SMALL)
    assert (tmp_path / "big").stat().st_size <= 1 << 20


def test_a_process_that_says_much_is_still_heard() -> None:
    assert answer(INSIDE, "shout", FILE, SMALL) == "done"


def test_no_batches_are_no_batches() -> None:
    assert list(stream(INSIDE, "batches", {**FILE, "good": 0, "then": None}, SMALL)) == []


def test_leaving_early_ends_the_process() -> None:
    with closing(stream(INSIDE, "batches", {**FILE, "good": 10_000, "then": None}, SMALL)) as batches:
        next(batches)
        assert readers()
    assert not readers()


def test_a_large_file_is_given_longer(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    assert Limits.of(path).time_s == 60 + 512


def test_the_readers_start_without_what_talks_to_a_database() -> None:
    """SQLAlchemy takes longer to load than everything that reads files."""
    look = "import sys, dashboard.seeding.formats.inside; print({'sqlalchemy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "set()\n"
