"""NumPy's .npy and .npz: arrays of numbers with their shape before them; never a pickle.

Source of the layout: numpy.lib.format.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from dashboard.seeding.formats.kinds import shortened
from dashboard.seeding.formats.rowwise import missing
from dashboard.seeding.formats.table import (
    FIRST_ROWS,
    Contents,
    Dataset,
    FileColumn,
    Raw,
    batch_rows,
    refuse_bomb,
    refuse_dimensions,
    refuse_size,
)
from db.errors import RequestError

VECTOR = "vector"
"""What the column of a file is called that names none."""
MAX_MEMBERS = 64
SKIPPED_BYTES = 1 << 20
PLAIN_BYTES = 256
"""No header that numpy.save writes before vectors is longer."""

_RESAVE = "Save it with numpy.save(file, vectors.astype('float32'))."
_NO_HEADER = (
    *(KeyError, ValueError, EOFError, SyntaxError, TokenError, TypeError, OverflowError),
    *(RecursionError, MemoryError),  # nested too deeply
)
"""What numpy raises for a header that is none."""
_DAMAGED = (BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error)
_PLAIN = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '[<>|=]?[fiu][1248]', 'fortran_order': (False|True), "
    rb"'shape': \(\d{1,15}, \d{1,15}\), \} *\n",
    re.DOTALL,
)
"""What numpy.save writes before vectors, to the letter."""
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before an array, and how many bytes that takes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    size_bytes: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def is_plain(path: Path) -> bool:
    """Whether a file begins as numpy.save begins one, so that its header is nothing to be parsed."""
    with path.open("rb") as file:
        start = file.read(PLAIN_BYTES)
    header = _PLAIN.match(start)
    return header is not None and header.end() == 10 + int.from_bytes(start[8:10], "little")


def survey_npy(path: Path, _: str | None) -> Contents:
    """Check the header against the file's size, and look at the first rows."""
    with path.open("rb") as file:
        header = _npy_header(path, file)
        first = _rows(file, header, min(FIRST_ROWS, header.shape[0]), path.name)
    return _contents(path, "npy", {VECTOR: (header, first)})


def npy_batches(path: Path, names: tuple[str, ...], start_row: int, _: str | None) -> Iterator[Raw]:
    """Read rows after ``start_row``, from where they begin."""
    with path.open("rb") as file:
        header = _npy_header(path, file)
        _refuse_missing(names, (VECTOR,))
        file.seek(header.size_bytes + start_row * header.row_bytes)
        step = batch_rows(header.row_bytes)
        for start in range(start_row, header.shape[0], step):
            rows = min(step, header.shape[0] - start)
            yield Raw(start + 1, rows, {VECTOR: _rows(file, header, rows, path.name)})


def _npy_header(path: Path, file: IO[bytes]) -> Header:
    header = read_header(path.name, file)
    held = path.stat().st_size - header.size_bytes
    if len(header.shape) != 2:
        raise RequestError(
            f"The array of {path.name} has shape {header.shape}; vectors need (rows, dimensions).", _RESAVE
        )
    _check_size(path.name, header, held)
    return header


def read_header(name: str, file: IO[bytes]) -> Header:
    """Read what stands before an array.

    Raises RequestError for one that holds no numbers, or not row after row.
    """
    try:
        version = npy.read_magic(file)
        shape, fortran, dtype = _HEADERS[version](file)
    except _NO_HEADER as error:
        raise RequestError(f"The header of {name} cannot be read: {str(error)[:200]}.", _RESAVE) from None
    if dtype.hasobject:
        raise RequestError(
            f"{name} holds Python objects: object arrays are refused.",
            "Unpickling can run any code that is in it. " + _RESAVE,
        )
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise RequestError(f"{name} holds {dtype}, which cannot be read as numbers.", _RESAVE)
    if fortran and len(shape) > 1 and min(shape) > 1:
        raise RequestError(
            f"{name} is in Fortran order, column after column.",
            "Save it with numpy.save(file, numpy.ascontiguousarray(vectors)).",
        )
    return Header(shape, dtype, file.tell())


def _check_size(name: str, header: Header, held_bytes: int) -> None:
    """Raise RequestError where an array is not as large as its header says, or has no rows."""
    rows, *rest = header.shape
    if rows * header.row_bytes != held_bytes:
        raise RequestError(
            f"The header of {name} says {rows:,} rows of {header.row_bytes:,} bytes; "
            f"the file holds {max(held_bytes, 0):,} bytes.",
            "Save it again: it was cut off, or is not what it says.",
        )
    if not rows or not all(rest):
        raise RequestError(f"The file {name} has no rows.", "Choose another file.")
    refuse_size(name, rows=rows)
    refuse_dimensions(name, math.prod(rest))


def _rows(file: IO[bytes], header: Header, rows: int, name: str) -> NDArray[Any]:
    """Read the next rows; shape (rows, ...)."""
    wanted = rows * header.row_bytes
    data = np.empty(wanted, np.uint8)
    got, view = 0, data.data
    while got < wanted and (more := file.readinto(view[got:])):  # type: ignore[attr-defined]
        got += more
    if got < wanted:
        raise RequestError(f"The file {name} ends before its last row.", "Save it again: it was cut off.")
    return data.view(header.dtype).reshape(rows, *header.shape[1:])


def survey_npz(path: Path, _: str | None) -> Contents:
    """Check every array's header against what the archive says of it, and look at the first rows."""
    with ZipFile(path) as archive, ExitStack() as stack:
        members = _members(path, archive, stack)
        rows = next(iter(members.values()))[1].shape[0]
        found = {
            name: (header, _unpacked(member, header, min(FIRST_ROWS, rows), path.name))
            for name, (member, header) in members.items()
        }
    datasets = tuple(Dataset(name, h.shape, str(h.dtype)) for name, (h, _) in found.items())
    return _contents(path, "npz", found, datasets)


def npz_batches(path: Path, names: tuple[str, ...], start_row: int, _: str | None) -> Iterator[Raw]:
    """Read rows after ``start_row``; what comes before them is unpacked and left."""
    with ZipFile(path) as archive, ExitStack() as stack:
        members = _members(path, archive, stack)
        _refuse_missing(names, tuple(members))
        used = {name: members[name] for name in names}
        total = next(iter(members.values()))[1].shape[0]
        for member, header in used.values():
            _skip(member, start_row * header.row_bytes, path.name)
        step = batch_rows(max((header.row_bytes for _, header in used.values()), default=1))
        for start in range(start_row, total, step):
            rows = min(step, total - start)
            values = {name: _unpacked(m, header, rows, path.name) for name, (m, header) in used.items()}
            yield Raw(start + 1, rows, values)


Members = dict[str, tuple[IO[bytes], Header]]


def _members(path: Path, archive: ZipFile, stack: ExitStack) -> Members:
    """Open every array of an archive, after its header."""
    _check_archive(path, archive.infolist())
    members: Members = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        try:
            member = stack.enter_context(archive.open(info))
            header = read_header(name, member)
        except _DAMAGED as error:
            raise RequestError(
                f"{name} in {path.name} cannot be unpacked: {error}.", "Save it again."
            ) from None
        if not 1 <= len(header.shape) <= 2:
            raise RequestError(f"{name} has shape {header.shape}; it must have rows.", _RESAVE)
        _check_size(name, header, info.file_size - header.size_bytes)
        members[name] = member, header
    counts = {name: header.shape[0] for name, (_, header) in members.items()}
    if len(set(counts.values())) != 1:
        said = ", ".join(f"{rows:,} {name}" for name, rows in counts.items())
        raise RequestError(
            f"The arrays of {path.name} differ in rows: {said}.", "Give every row one value in each."
        )
    return members


def _check_archive(path: Path, entries: list[ZipInfo]) -> None:
    if not 1 <= len(entries) <= MAX_MEMBERS:
        raise RequestError(
            f"The file {path.name} has {len(entries):,} arrays.", f"Save 1 to {MAX_MEMBERS} in one file."
        )
    for entry in entries:
        if "/" in entry.filename or "\\" in entry.filename:
            raise RequestError(
                f"The file {path.name} has an entry with an unsafe name, {entry.filename[:80]!r}.",
                "Save arrays with numpy.savez(), and nothing else.",
            )
        if not entry.filename.endswith(".npy"):
            raise RequestError(
                f"The file {path.name} has an entry that is no .npy, {entry.filename[:80]!r}.",
                "Save arrays with numpy.savez(), and nothing else.",
            )
        if entry.flag_bits & 1 or entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise RequestError(
                f"{entry.filename} in {path.name} is encrypted, or compressed in a way NumPy never does.",
                "Save arrays with numpy.savez().",
            )
    if len({entry.filename for entry in entries}) < len(entries):
        raise RequestError(f"The file {path.name} has two arrays of one name.", "Rename one of the two.")
    refuse_bomb(path.name, sum(entry.file_size for entry in entries), path.stat().st_size)


def _unpacked(member: IO[bytes], header: Header, rows: int, name: str) -> NDArray[Any]:
    try:
        return _rows(member, header, rows, name)
    except _DAMAGED as error:
        raise RequestError(f"The file {name} is damaged: {error}.", "Save it again.") from None


def _skip(member: IO[bytes], size: int, name: str) -> None:
    as_bytes = Header((size,), np.dtype("u1"), 0)
    for start in range(0, size, SKIPPED_BYTES):
        _unpacked(member, as_bytes, min(SKIPPED_BYTES, size - start), name)


def _refuse_missing(names: tuple[str, ...], found: tuple[str, ...]) -> None:
    if lacking := next((name for name in names if name not in found), None):
        raise missing(lacking, found)


def _contents(
    path: Path, key: str, found: dict[str, tuple[Header, NDArray[Any]]], datasets: tuple[Dataset, ...] = ()
) -> Contents:
    rows = next(iter(found.values()))[0].shape[0]
    columns = tuple(column_of(name, first) for name, (_, first) in found.items())
    shown = zip(*(map(cell, first) for _, first in found.values()), strict=True)
    notes = [
        f"{name} holds {header.dtype}, stored as 4-byte floats."
        for name, (header, _) in found.items()
        if len(header.shape) == 2 and header.dtype != np.float32
    ]
    return Contents(key, rows, columns, tuple(shown), datasets=datasets, notes=tuple(notes))


def column_of(name: str, first: NDArray[Any]) -> FileColumn:
    """Describe an array of numbers by its first rows, as a column without NULLs."""
    sample = tuple(map(cell, first[:3]))
    if first.ndim == 2:
        return FileColumn(name, "vector", first.shape[1], 0, sample)
    return FileColumn(name, "number" if first.dtype.kind == "f" else "integer", None, 0, sample)


def cell(value: Any) -> str:
    """Write a value of an array for a preview."""
    return shortened(str(value.tolist()))
