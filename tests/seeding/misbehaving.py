"""A reader that does what a hostile file might make ours do; run in the sandbox by its tests."""

import mmap
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from dashboard.seeding import sandbox
from db.errors import RequestError

Request = dict[str, Any]


def _eat_memory(_: Request) -> int:
    hoard = [bytearray(64 << 20) for _ in range(100)]
    return len(hoard)


def _map_memory(_: Request) -> None:
    """Run out of memory where no Python sees it, and crash."""
    try:
        mmap.mmap(-1, 8 << 30)
    except OSError:
        os.abort()


def _spin(_: Request) -> None:
    while True:
        pass


def _sleep(_: Request) -> None:
    time.sleep(60)


def _crash(_: Request) -> None:
    os.kill(os.getpid(), 11)


def _raise(_: Request) -> None:
    raise ZeroDivisionError("a bug of ours")


def _refuse(_: Request) -> None:
    raise RequestError("No.", "Ask another.")


def _tell(request: Request) -> dict[str, Any]:
    return {"environment": sorted(os.environ), "request": request}


def _fill_disk(request: Request) -> None:
    Path(request["path"]).write_bytes(bytes(8 << 20))


def _shout(_: Request) -> str:
    for _line in range(10):
        sys.stderr.write("x" * 100_000)
    return "done"


def _batches(request: Request) -> Iterator[tuple[pa.RecordBatch, dict[str, Any]]]:
    for number in range(request["good"]):
        yield pa.record_batch({"a": [number] * 1000}), {"number": number}
    if request["then"]:
        ANSWERS[request["then"]](request)


ANSWERS: dict[str, Callable[[Request], Any]] = {
    "eat memory": _eat_memory,
    "map memory": _map_memory,
    "spin": _spin,
    "sleep": _sleep,
    "crash": _crash,
    "raise": _raise,
    "refuse": _refuse,
    "tell": _tell,
    "fill disk": _fill_disk,
    "shout": _shout,
}

if __name__ == "__main__":
    sandbox.serve(ANSWERS, {"batches": _batches})
