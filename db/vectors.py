"""A query vector as somebody typed it: read element by element, so that a mistake has a place.

pgvector would refuse the same texts, but names neither the element nor what to do.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from db.errors import RequestError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SPARSE = re.compile(r"\s*\{(?P<pairs>[^{}]*)\}\s*/\s*(?P<dimensions>\d{1,10})\s*", re.ASCII)
_REMEDY = "Write the vector as a JSON list of numbers, such as [0.1, -2, 3e-4]."

_Stored = np.float32 | np.float16

_WIDTHS: dict[str, tuple[type[_Stored], str]] = {
    "vector": (np.float32, "the range of a 4-byte float, 3.4e38"),
    "sparsevec": (np.float32, "the range of a 4-byte float, 3.4e38"),
    "halfvec": (np.float16, "halfvec's range, 65504"),
}


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for: ``vector`` as pgvector reads it.

    ``row`` is the key of the row the vector was taken from, which is then left out of the answer.
    """

    vector: str
    dimensions: int
    is_zero: bool
    row: tuple[str, ...] | None = None


def read_query(given: str, vector_type: str) -> Query:
    """Read ``given`` as a query for a column of ``vector_type``.

    Takes a JSON list of numbers; for sparsevec also pgvector's ``{1:0.5,7:2}/100``, for bit also
    ``0110``.  Raises RequestError naming the element that is wrong.
    """
    return _READERS[vector_type](given.strip(), vector_type)


def vector_or_file(given: str) -> str:
    """Hand back ``given``, or the content of the file it names.

    Raises RequestError for a file that cannot be read as text.
    """
    if given.lstrip().startswith(("[", "{")):
        return given
    try:
        return Path(given).read_text(encoding="utf-8") if _is_file(given) else given
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"The file {given} cannot be read as text.", _REMEDY) from error


def _is_file(given: str) -> bool:
    try:
        return Path(given).is_file()
    except OSError:  # bits, say: longer than the name of any file
        return False


def _dense(given: str, vector_type: str) -> Query:
    if _SPARSE.fullmatch(given):
        raise RequestError(f"The column is {vector_type}; this is a sparsevec.", _REMEDY)
    numbers = [_number(element, place, vector_type) for place, element in _elements(given)]
    return Query(f"[{','.join(map(str, numbers))}]", len(numbers), is_zero=not any(numbers))


def _sparse(given: str, vector_type: str) -> Query:
    if given.startswith("["):
        numbers = [_number(element, place, vector_type) for place, element in _elements(given)]
        values, dimensions = dict(enumerate(numbers, 1)), len(numbers)
    elif match := _SPARSE.fullmatch(given):
        values, dimensions = _pairs(match["pairs"], vector_type), int(match["dimensions"])
        if beyond := [place for place in values if not 1 <= place <= dimensions]:
            raise RequestError(f"Index {beyond[0]} is outside 1 to {dimensions:,}.", "Indices start at 1.")
    else:
        raise RequestError(
            'Not a sparsevec: it must start with "{" and end with "}/" and the dimensions.',
            "Write it as {1:0.5,7:2}/100, or as a JSON list of all its numbers.",
        )
    stored = {place: value for place, value in sorted(values.items()) if value}
    written = ",".join(f"{place}:{value}" for place, value in stored.items())
    return Query(f"{{{written}}}/{dimensions}", dimensions, is_zero=not stored)


def _pairs(given: str, vector_type: str) -> dict[int, _Stored]:
    values: dict[int, _Stored] = {}
    for pair in filter(str.strip, given.split(",")):
        place, colon, value = pair.partition(":")
        if not (colon and place.strip().isascii() and place.strip().isdigit()):
            raise RequestError(f"{pair.strip()!r} is not index:value.", "Write it as {1:0.5,7:2}/100.")
        if int(place) in values:
            raise RequestError(f"Index {int(place)} stands twice.", "Give each index one value.")
        values[int(place)] = _number(value.strip(), int(place), vector_type)
    return values


def _bits(given: str, _: str) -> Query:
    if given.startswith("["):
        given = "".join(element for _, element in _elements(given))
    if wrong := re.search(r"[^01]", given):
        raise RequestError(
            f"Bit {wrong.start() + 1} is {wrong[0]!r}, neither 0 nor 1.", "Write the bits as 0110."
        )
    if not given:
        raise RequestError("Empty vector: a query needs at least one bit.", "Write the bits as 0110.")
    return Query(given, len(given), is_zero="1" not in given)


_READERS: dict[str, Callable[[str, str], Query]] = {
    "vector": _dense,
    "halfvec": _dense,
    "sparsevec": _sparse,
    "bit": _bits,
}


def _elements(given: str) -> list[tuple[int, str]]:
    """Split ``[a, b]`` into its elements, counted from 1."""
    if not given.startswith("["):
        raise RequestError('Not a vector: it must start with "[".', _REMEDY)
    inside, closing, trailing = given[1:].partition("]")
    if "[" in inside:
        raise RequestError("Nested lists are not allowed: a query is one vector.", _REMEDY)
    if not closing:
        raise RequestError('Not a vector: it must end with "]".', _REMEDY)
    if trailing.strip():
        raise RequestError('There is text after the closing "]".', _REMEDY)
    if not inside.strip():
        raise RequestError("Empty vector: a query needs at least one number.", _REMEDY)
    return [(place, element.strip()) for place, element in enumerate(inside.split(","), 1)]


def _number(element: str, place: int, vector_type: str) -> _Stored:
    bare = element.lower().lstrip("+-")
    if bare in {"", "null", "none"}:
        raise RequestError(f"Element {place} is missing.", _REMEDY)
    if bare in {"inf", "infinity"}:
        raise RequestError(f"Element {place} is infinite.", "Only finite numbers have a distance.")
    if bare == "nan" or not _NUMBER.fullmatch(element):
        raise RequestError(f"Element {place}, {element[:40]!r}, is not a number in ASCII digits.", _REMEDY)
    width, limit = _WIDTHS[vector_type]
    with np.errstate(over="ignore", under="ignore"):
        stored = width(float(element))
    if math.isinf(stored):
        raise RequestError(f"Element {place}, {element[:40]}, exceeds {limit}.", "Scale the vector down.")
    return stored
