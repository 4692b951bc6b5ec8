"""Files that are broken, or made to break whoever reads them, each with the sentence it must get.

Every maker writes one file of the name given; the sentence is a regular expression.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Hostile:
    """A file nobody may load."""

    name: str
    make: Callable[[Path], None]
    sentence: str


def _bytes(data: bytes | str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    return make


def _npy(array: Any, **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, array, **options)

    return make


def npy_header(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    """A header that may say anything."""
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape})
    padded = text.ljust(64 - (len(text) + 11) % 64 + len(text)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode()


def _zip(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)

    return make


def npy_of(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zip_bomb(path: Path) -> None:
    """300 MB in 300 kB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
        member.write(npy_header((75 << 10, 1024)))
        for _ in range(75):
            member.write(bytes(4 << 20))


def _table(**columns: Any) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


def parquet_of_many_rows(path: Path) -> None:
    """Fifty million rows of the same number in a few kB."""
    group = pa.table({"a": np.zeros(10_000_000, np.int8)})
    with pq.ParquetWriter(path, group.schema) as writer:
        for _ in range(5):
            writer.write_table(group, row_group_size=10_000_000)


def parquet_bomb(path: Path) -> None:
    """400 MB of text, each row the same 100 kB of it."""
    pq.write_table(_repeated(), path, store_schema=False)


def parquet_dictionary_bomb(path: Path) -> None:
    """The same, saying that it is to stay packed in memory."""
    pq.write_table(_repeated(), path)


def _repeated() -> pa.Table:
    return pa.table({"a": pa.DictionaryArray.from_arrays(np.zeros(4_000, np.int32), ["x" * 100_000])})


def encrypted_parquet(path: Path) -> None:
    """What a file with an encrypted footer begins and ends with."""
    path.write_bytes(b"PARE" + bytes(200) + struct.pack("<I", 100) + b"PARE")


def _cut(make: Callable[[Path], None], share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        make(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return cut


def _hdf5(fill: Callable[[h5py.File], Any]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with h5py.File(path, "w") as file:
            fill(file)

    return make


def _elsewhere(file: h5py.File) -> None:
    file.create_dataset("train", (10, 4), "f4", external=[("/etc/hostname", 0, 160)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (4, 4))
    file.create_virtual_dataset("train", layout)


def _linked(file: h5py.File) -> None:
    file["train"] = h5py.ExternalLink("/etc/hostname", "/train")


def _unallocated(file: h5py.File) -> None:
    file.create_dataset("train", (10_000_000, 1000), "f4", chunks=(100, 1000))


def _coarse(file: h5py.File) -> None:
    data = file.create_dataset("train", (70_000, 1000), "f4", chunks=(70_000, 1000))
    file["padding"] = np.random.default_rng(0).integers(0, 255, 2 << 20, np.uint8)
    del data


def _uneven(file: h5py.File) -> None:
    file["test"], file["neighbors"] = np.ones((9, 4), "f4"), np.ones((10, 3), "i4")


def vecs(*rows: list[float], element: str = "<f4") -> bytes:
    return b"".join(struct.pack("<i", len(row)) + np.array(row, element).tobytes() for row in rows)


ARRAY = np.arange(12, dtype=np.float32).reshape(3, 4)
PICKLE = pickle.dumps({"a": [1, 2]})
TORCH = _zip({"archive/data.pkl": PICKLE})

HOSTILE: tuple[Hostile, ...] = (
    Hostile("empty.csv", _bytes(""), "empty.csv is empty"),
    Hostile("blank.json", _bytes(" \n"), "blank.json is empty"),
    Hostile("empty.npy", _bytes(""), "empty.npy is empty"),
    Hostile("header.csv", _bytes("id,embedding\n"), "header.csv has no rows"),
    Hostile("list.json", _bytes("[]"), "list.json has no rows"),
    Hostile("cut.json", _bytes('[{"a": 1}, {"a'), r"is not JSON: .* \(char 11\)"),
    Hostile("comma.json", _bytes('[{"a": 1},]'), "is not JSON"),
    Hostile("extra.json", _bytes('[{"a": 1}] x'), r"Extra data \(char 11\)"),
    Hostile("deep.json", _bytes("[" * 200_000), "is not JSON"),
    Hostile("latin.csv", _bytes(b"id,a\n1,caf\xe9\n"), "Byte 0xe9 at position 10 is not UTF-8"),
    Hostile(
        "late.csv",
        _bytes(b"a\n" + "é".encode() * (1 << 20) + b"\n\xff\n"),
        f"Byte 0xff at position {(2 << 20) + 3:,} is not UTF-8",
    ),
    Hostile("late.jsonl", _bytes(b'{"a": 1}\n' * 200_000 + b"\xff"), "Byte 0xff at position 1,800,000"),
    Hostile("wide.txt", _bytes("id,a\n1,x\n".encode("utf-16")), "is text in UTF-16"),
    Hostile("twice.csv", _bytes("id,a,id\n1,2,3\n"), 'Column "id" appears twice'),
    Hostile("wide.csv", _bytes(",".join(map(str, range(100_000))) + "\n"), "has 100,000 columns"),
    Hostile("quote.csv", _bytes('a\n"x\n'), "is not CSV"),
    Hostile("object.npy", _npy(np.array([[{}]]), allow_pickle=True), "object arrays are refused"),
    Hostile(
        "vast.npy",
        _bytes(npy_header((100_000_000_000, 64))),
        "says 100,000,000,000 rows of 256 bytes; the file holds 0 bytes",
    ),
    Hostile("negative.npy", _bytes(npy_header((-3, 4)) + bytes(48)), "says -3 rows"),
    Hostile("none.npy", _npy(np.empty((0, 4), "f4")), "none.npy has no rows"),
    Hostile("flat.npy", _npy(np.ones(8)), r"shape \(8,\); vectors need \(rows, dimensions\)"),
    Hostile("solid.npy", _npy(np.ones((2, 2, 2))), r"shape \(2, 2, 2\)"),
    Hostile("complex.npy", _npy(ARRAY.astype(complex)), "complex128, which cannot be read as numbers"),
    Hostile("truth.npy", _npy(ARRAY > 3), "bool, which cannot be read"),
    Hostile("text.npy", _npy(np.array([["a"]])), "<U1, which cannot be read"),
    Hostile("fields.npy", _npy(np.zeros(3, [("a", "f4")])), "which cannot be read as numbers"),
    Hostile("column.npy", _npy(np.asfortranarray(ARRAY)), "is in Fortran order"),
    Hostile("long.npy", _npy(np.ones((1, 16_001), "f4")), "have 16,001 numbers each"),
    Hostile("cut.npy", _cut(_npy(ARRAY), 0.9), "says 3 rows of 16 bytes; the file holds 30 bytes"),
    Hostile("code.npy", _bytes(b"\x93NUMPY\x01\x00\x10\x00__import__('os')"), "header of code.npy cannot"),
    Hostile("version.npy", _bytes(b"\x93NUMPY\x09\x00"), "header of version.npy cannot"),
    Hostile("hdf5.npy", _hdf5(lambda file: file.update(a=ARRAY)), "is not .npy: its content is HDF5"),
    Hostile("pickle.npy", _bytes(PICKLE), "is a Python pickle"),
    Hostile("torch.npy", TORCH, "is a PyTorch file"),
    Hostile("words.npy", _bytes("id,a\n1,2\n"), "its content is not .npy"),
    Hostile("words.parquet", _bytes("id,a\n1,2\n"), "is not a readable Parquet file"),
    Hostile("words.hdf5", _bytes("id,a\n1,2\n"), "is not a readable HDF5 file"),
    Hostile("array.csv", _npy(ARRAY), "is not .csv: its content is NumPy array"),
    Hostile("model.pt", TORCH, "is a PyTorch file"),
    Hostile("model.pkl", _bytes(pickle.dumps([1], protocol=0)), "Files that end in .pkl are not read"),
    Hostile("model.joblib", _bytes(b"x\x9c" + bytes(40)), "Files that end in .joblib are not read"),
    Hostile("sheet.xlsx", _zip({"xl/workbook.xml": b"<x/>"}), "is an Office document"),
    Hostile("sheet.xls", _bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "is an old Excel workbook"),
    Hostile("packed.csv", _bytes(b"\x1f\x8b\x08\x00"), "is compressed by gzip"),
    Hostile("base.csv", _bytes(b"SQLite format 3\x00"), "is an SQLite database"),
    Hostile("bomb.npz", zip_bomb, "expands to 300 MB, over the limit of 64 MB"),
    Hostile("up.npz", _zip({"../a.npy": npy_of(ARRAY)}), r"unsafe name, '\.\./a\.npy'"),
    Hostile("deep.npz", _zip({"/etc/a.npy": npy_of(ARRAY)}), "unsafe name"),
    Hostile("other.npz", _zip({"a.txt": b"x"}), r"an entry that is no \.npy, 'a\.txt'"),
    Hostile(
        "README.md", _bytes("# Title\n\nSome, words\n"), r"unknown file type \.md; known are CSV \(\.csv"
    ),
    Hostile("many.npz", _zip({f"{n}.npy": npy_of(ARRAY) for n in range(65)}), "has 65 arrays"),
    Hostile(
        "uneven.npz",
        _zip({"ids.npy": npy_of(np.arange(10)), "vectors.npy": npy_of(np.ones((9, 2)))}),
        "differ in rows: 10 ids, 9 vectors",
    ),
    Hostile("objects.npz", _zip({"a.npy": npy_header((1,), "|O") + PICKLE}), "object arrays are refused"),
    Hostile("false.npz", _zip({"a.npy": npy_header((9, 4)) + bytes(8)}), "says 9 rows of 16 bytes"),
    Hostile("lzma.npz", _zip({"a.npy": npy_of(ARRAY)}, zipfile.ZIP_LZMA), "in a way NumPy never does"),
    Hostile("cut.npz", _cut(_zip({"a.npy": npy_of(ARRAY)}), 0.5), "not a whole ZIP archive"),
    Hostile("empty.npz", _zip({}), "has 0 arrays"),
    Hostile("rows.parquet", parquet_of_many_rows, "has 50,000,000 rows, over the limit of 20,000,000"),
    Hostile("bomb.parquet", parquet_bomb, "expands to .* MB, over the limit of 64 MB"),
    Hostile("packed.parquet", parquet_dictionary_bomb, "expands to .* MB, over the limit of 64 MB"),
    Hostile("cut.parquet", _cut(_table(a=[1, 2, 3]), 0.6), "is not a readable Parquet file"),
    Hostile("secret.parquet", encrypted_parquet, "is not a readable Parquet file"),
    Hostile("none.parquet", _table(a=pa.array([], pa.int64())), "none.parquet has no rows"),
    Hostile(
        "twice.parquet",
        lambda path: pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, ["a", "a"]), path),
        'Column "a" appears twice',
    ),
    Hostile(
        "wide.parquet",
        lambda path: pq.write_table(pa.table({str(n): [1] for n in range(1600)}), path),
        "has 1,600 columns",
    ),
    Hostile("away.hdf5", _hdf5(_elsewhere), "is stored in other files"),
    Hostile("virtual.hdf5", _hdf5(_virtual), "is stored in other files"),
    Hostile("linked.hdf5", _hdf5(_linked), 'no data set "train"; found none'),
    Hostile("vast.hdf5", _hdf5(_unallocated), "expands to 38,146 MB"),
    Hostile("coarse.hdf5", _hdf5(_coarse), "in chunks over 256 MB"),
    Hostile("cut.hdf5", _cut(_hdf5(lambda f: f.update(train=ARRAY)), 0.5), "not a readable HDF5 file"),
    Hostile("solid.hdf5", _hdf5(lambda f: f.update(train=np.ones((2, 2, 2)))), r"of shape \(2, 2, 2\)"),
    Hostile("words.h5", _hdf5(lambda f: f.update(train=[["a"]])), "vectors are rows of numbers"),
    Hostile("two.hdf5", _hdf5(lambda f: f.update(a=ARRAY, b=ARRAY)), 'found "a", "b"'),
    Hostile("odd.fvecs", _bytes(vecs([1, 2, 3]) + b"x"), "17 bytes, which is no whole number of rows"),
    Hostile("zero.fvecs", _bytes(struct.pack("<i", 0) * 4), "says it has 0 numbers"),
    Hostile("negative.fvecs", _bytes(struct.pack("<i", -1) * 4), "says it has -1 numbers"),
    Hostile("vast.bvecs", _bytes(struct.pack("<i", 1 << 30)), "have 1,073,741,824 numbers each"),
    Hostile(
        "step.fvecs",
        _bytes(vecs([1, 2], [3, 4]) + struct.pack("<iff", 7, 5, 6)),
        "Row 3 of step.fvecs says it has 7 numbers; the first has 2",
    ),
    Hostile("one.fvecs", _bytes(b"\x01"), "numbers|whole number"),
)
"""Files that cannot be used at all."""

BAD_VECTORS: tuple[tuple[str, str], ...] = (
    ("[1,2]", "expected 3 numbers, found 2"),
    ("[1,NaN,3]", "element 2, 'NaN', is not a number"),
    ("[1,2,-Infinity]", "element 3 is infinite"),
    ("[1e39,2,3]", "element 1, 1e39, exceeds the range of a 4-byte float"),
    ("[]", "empty vector"),
    ("[ ]", "empty vector"),
    ("abc", 'not a vector: it must start with "["'),
    ("1,2,3", 'must start with "["'),
    ("[1,2,3],", 'there is text after the closing "]"'),
    ("[1,2,3", 'must end with "]"'),
    ("[[1,2,3]]", "nested lists are not allowed"),
    ("[1,null,3]", "element 2 is missing"),
    ("[1,,3]", "element 2 is missing"),
    ("[\u22121,2,3]", "element 1, '\u22121', is not a number in ASCII digits"),
    ("[1,\u0662,3]", "element 2, '\u0662', is not a number in ASCII digits"),
    ("[1.5;2;3]", "element 1, '1.5;2;3', is not a number in ASCII digits"),
    ("[1,5,2,5,3,5]", "expected 3 numbers, found 6"),
    ('["1",2,3]', "element 1, '\"1\"', is not a number"),
    ("[true,2,3]", "element 1, 'true', is not a number"),
    ("{1:0.5,3:2}/3", "this is a sparsevec"),
    ("\u00a0[1,2,3]", "not a vector"),
)
"""Cells that are no vector(3), and what is said of each."""


def broken_records() -> str:
    """JSON lines of which the second, third and fourth are wrong."""
    rows = [{"id": 1, "embedding": [1, 2, 3]}, {"id": "1.5", "embedding": [1, 2]}]
    return "\n".join([*map(json.dumps, rows), '{"id": 3', "[4]"])
