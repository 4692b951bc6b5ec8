"""JSON: a list of objects, one object per line, or a single object; a name left out of one is NULL."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from dashboard.seeding.formats import rowwise
from dashboard.seeding.formats.kinds import TYPED
from dashboard.seeding.formats.rowwise import Numbered, Record
from dashboard.seeding.formats.table import Contents, Raw, quoted
from dashboard.seeding.formats.text import CHUNK_BYTES, MAX_LINE_CHARACTERS, beginning, lines, not_utf8
from db.errors import RequestError

_BLANK = re.compile(r"[ \t\n\r]*")
_RECORDS = re.compile(r'(\[\s*)?\{\s*["}]')
_GOES_ON = "0123456789.eE+-"
_NO_OBJECT = "is not an object with named values"


class _Repeated(Exception):
    """An object that gives a name two values: in the place of that object, too, once it is caught."""

    def __init__(self, name: str) -> None:
        super().__init__(f"has the name {quoted(name)} twice in one object")


def _object(pairs: list[tuple[str, Any]]) -> Record:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _Repeated(next(name for name, times in Counter(n for n, _ in pairs).items() if times > 1))
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
_ANY = json.JSONDecoder()


def survey(path: Path, _: str | None) -> Contents:
    """Read the file through, and say what its columns are."""
    try:
        return rowwise.survey(path, "json", records(path), TYPED, [])
    except RecursionError:  # what JSON's reader can still read its writer may not write
        raise RequestError(
            f"A value of {path.name} is nested too deeply.", "Flatten it, or take it out of the file."
        ) from None


def batches(path: Path, names: tuple[str, ...], start_row: int, _: str | None) -> Iterator[Raw]:
    """Read rows after ``start_row`` as JSON's values."""
    return rowwise.batches(records(path), names, start_row, typed=True)


def records(path: Path) -> Numbered:
    """Read object after object; whatever else stands in a list or on a line is not a record.

    Raises RequestError where the file is not JSON, or no list of records.
    """
    begins = beginning(path)
    if begins.startswith("["):
        return enumerate(map(_record, _listed(path)), 1)
    if begins.startswith("{"):
        return enumerate(_lines(path), 1)
    try:
        json.loads(begins)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The file is not JSON: {_why(error)}.", "Correct the file.") from None
    raise RequestError(
        "The file is JSON, but not a list of records.", "Give a list of objects, or one object per line."
    )


def begins_a_record(text: str) -> bool:
    """Say whether a text is JSON's, and not a CSV header that happens to begin like it."""
    return _RECORDS.match(text) is not None


def _record(value: Any) -> Record | str:
    if isinstance(value, _Repeated):
        return str(value)
    return value if isinstance(value, dict) else _NO_OBJECT


def _lines(path: Path) -> Iterator[Record | str]:
    # Not splitlines(): a string may hold U+2028 and its like as they are.
    filled = (line for line in lines(path, newline="\n") if line.strip())
    first = _line(next(filled))
    if isinstance(first, str) and (whole := _single(path)) is not None:
        yield whole
        return
    yield first
    yield from map(_line, filled)


def _line(line: str) -> Record | str:
    try:
        return _record(_DECODER.decode(line))
    except _Repeated as repeated:
        return str(repeated)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {_why(error)}"


def _single(path: Path) -> Record | str | None:
    """Read one object that goes over many lines; None where the file is not that."""
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(MAX_LINE_CHARACTERS)
    try:
        value = _record(_DECODER.decode(text))
    except _Repeated as repeated:
        return str(repeated)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _listed(path: Path) -> Iterator[Any]:
    """Yield the values of a list one by one, holding one at a time."""
    text = _Window(path)
    text.take("[")
    if text.next() == "]":
        text.take("]")
    else:
        yield text.value()
        while text.next() == ",":
            text.take(",")
            yield text.value()
        text.take("]")
    if text.next():
        raise text.wrong("Extra data")


class _Window:
    """A stretch of the text, moved along as its values are taken off the front."""

    def __init__(self, path: Path) -> None:
        self._chunks = _chunks(path)
        self._text = ""
        self._at = 0
        self._passed = 0

    def next(self) -> str:
        """Show the next character that is not blank, or nothing at the end."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        if self.next() != character:
            raise self.wrong(f"Expecting {character!r}")
        self._at += 1

    def value(self) -> Any:
        self.next()
        while True:
            try:
                value, end = self._decoded()
                # At the end of what is there a number might go on: 1, then .5e3
                if self._text[end : end + 1] not in _GOES_ON or not self._more():
                    self._at = end
                    return value
            except RecursionError as error:
                raise self.wrong(_why(error)) from None
            except ValueError as error:
                if not self._more():
                    raise self.wrong(getattr(error, "msg", str(error))) from None

    def _decoded(self) -> tuple[Any, int]:
        """Read a value, and find where it ends also where it is refused."""
        try:
            return _DECODER.raw_decode(self._text, self._at)
        except _Repeated as repeated:
            return repeated, _ANY.raw_decode(self._text, self._at)[1]

    def _more(self) -> bool:
        """Take in as much again as is there, and let go of what is read; say whether there was any."""
        self._passed += self._at
        self._text, self._at = self._text[self._at :], 0
        if len(self._text) > MAX_LINE_CHARACTERS:
            raise self.wrong(f"a value is over {MAX_LINE_CHARACTERS >> 20} MB")
        wanted = max(len(self._text), 1)
        parts = []
        while wanted > 0 and (chunk := next(self._chunks, "")):
            parts.append(chunk)
            wanted -= len(chunk)
        self._text += "".join(parts)
        return bool(parts)

    def wrong(self, what: str) -> RequestError:
        place = self._passed + self._at
        return RequestError(f"The file is not JSON: {what} (char {place:,}).", "Correct the file.")


def _chunks(path: Path) -> Generator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except UnicodeDecodeError:
        raise not_utf8(path) from None


def _why(error: Exception) -> str:
    """Say what is wrong in the reader's terms: Python names limits of its own for what has no end."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "a number has over 4,300 digits" if "integer string" in str(error) else str(error)
