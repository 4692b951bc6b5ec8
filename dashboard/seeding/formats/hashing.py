"""Hashing a file while something else is done with it: by its hash a later step knows it again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

CHUNK_BYTES = 1 << 20

Stamp = tuple[int, ...]


@contextmanager
def hashed(path: Path) -> Iterator[Callable[[], str]]:
    """Hash a file in a thread of its own; what is lent waits for its SHA-256.  Leaving early stops it."""
    left = Event()
    with ThreadPoolExecutor(1) as thread:
        sha256 = thread.submit(_sha256_of, path, left)
        try:
            yield sha256.result
        finally:
            left.set()


@contextmanager
def unchanged(path: Path, sha256: str | None) -> Iterator[Callable[[], bool]]:
    """Lend what says whether a file has this hash, and nobody wrote to it since the block began."""
    before = stamp_of(path)
    with hashed(path) as found:
        yield lambda: found() == sha256 and stamp_of(path) == before


def _sha256_of(path: Path, left: Event) -> str:
    digest, chunk = hashlib.sha256(), memoryview(bytearray(CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while not left.is_set() and (size := file.readinto(chunk)):
            digest.update(chunk[:size])
    return digest.hexdigest()


def stamp_of(path: Path) -> Stamp:
    """Tell which file this is, and when it was last written to."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
