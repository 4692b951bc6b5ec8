"""Text files line by line: UTF-8 or refused by the byte, and no line longer than memory allows."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from db.errors import RequestError

MAX_LINE_CHARACTERS = 64 << 20
CHUNK_BYTES = 1 << 20


def lines(path: Path, newline: str) -> Iterator[str]:
    """Yield the lines of a file with their ends; ``newline`` as open() takes it.

    Raises RequestError for a byte that is not UTF-8, and a line over MAX_LINE_CHARACTERS.
    """
    try:
        with path.open(encoding="utf-8-sig", newline=newline) as file:
            while line := file.readline(MAX_LINE_CHARACTERS):
                if len(line) == MAX_LINE_CHARACTERS:
                    raise RequestError(
                        f"The file {path.name} has a line over {MAX_LINE_CHARACTERS >> 20} MB.",
                        "Give each record a line of its own.",
                    )
                yield line
    except UnicodeDecodeError:
        raise not_utf8(path) from None


def not_utf8(path: Path) -> RequestError:
    """Find the first byte of a file that is not UTF-8, and make the error that names it."""
    decoder, passed = codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                # A character cut by the end of the last chunk comes before this one.
                position = passed + error.start - (len(error.object) - len(chunk))
                return RequestError(
                    f"Byte 0x{error.object[error.start]:02x} at position {position:,} is not UTF-8.",
                    "Save the file as UTF-8.",
                )
            passed += len(chunk)
            if not chunk:
                raise AssertionError("a file that could not be decoded is UTF-8")


def beginning(path: Path) -> str:
    """Read what a file begins with, blanks left out; nothing where it is blank altogether."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            while chunk := file.read(CHUNK_BYTES):
                if chunk.strip():
                    return chunk.lstrip()
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    return ""
