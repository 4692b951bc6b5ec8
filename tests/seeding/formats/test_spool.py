"""What was parsed once is read again from a file that nobody else sees."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.seeding.formats import Batch, Spool, Wanted, opened, rowwise, spool

COLUMNS = {"id": Wanted("integer"), "v": Wanted("vector", 2), "t": Wanted()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Rows in several batches, the third of them bad."""
    made = tmp_path / "rows.csv"
    rows = [f'{n},"[{n},1]",row {n}' for n in range(1, 2501)]
    rows[2] = "x,,"
    made.write_text("\n".join(["id,v,t", *rows]))
    return made


def kept(path: Path) -> tuple[Spool, list[Batch]]:
    made = Spool()
    with opened(path) as file:
        return made, list(file.batches(COLUMNS, spool=made))


def told(batches: list[Batch]) -> list[Any]:
    return [
        (batch.start + place, *(np.asarray(batch.values[name][place]).tolist() for name in COLUMNS))
        for batch in batches
        for place in range(batch.rows)
    ]


@pytest.mark.parametrize("start", [0, 1, 2, 1024, 1500, 2499, 2500])
def test_kept_rows_are_those_that_were_read_from_any_row_on(path: Path, start: int) -> None:
    made, first = kept(path)
    again = list(made.read(COLUMNS, start))
    assert made.is_whole
    assert len(first) == -(-2500 // rowwise.BATCH_ROWS)
    assert told(again) == told(first)[start:]
    assert [fault.row for batch in again for fault in batch.faults] == [3] * (start < 3)


def test_what_is_too_much_is_not_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LIMIT_BYTES", 60_000)
    made, batches = kept(path)
    assert not made.is_whole
    assert len(told(batches)) == 2500
    assert os.fstat(made._fd).st_size == 0


def test_a_reading_that_breaks_off_is_not_whole(path: Path) -> None:
    made = Spool()
    with opened(path) as file:
        next(iter(file.batches(COLUMNS, spool=made)))
    assert not made.is_whole


def test_nothing_is_left_of_it(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    made, _ = kept(path)
    assert made.is_whole
    assert list(folder.iterdir()) == []
    number = made._fd
    del made
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
