"""The same three rows - a number, a text, a vector - written in every format that can hold them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dashboard.seeding.formats.table import Wanted
from tests.seeding.hostile import vecs

IDS = [7, 8, 9]
TITLES = ["one", 'tw"o, ü', None]
VECTORS = np.array([[1, 2.5], [3, 4], [-5, 0.25]], np.float32)


def _csv(delimiter: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter)
        writer.writerow(["id", "title", "vector"])
        writer.writerows(zip(IDS, TITLES, map(json.dumps, VECTORS.tolist()), strict=True))
        path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())

    return make


def _records() -> list[dict[str, object]]:
    rows = zip(IDS, TITLES, VECTORS.tolist(), strict=True)
    return [{"id": key, "title": title, "vector": vector} for key, title, vector in rows]


def json_list(path: Path) -> None:
    path.write_text(json.dumps(_records(), indent=1))


def json_lines(path: Path) -> None:
    path.write_text("\n".join(map(json.dumps, _records())))


def parquet(vectors: pa.Array) -> Callable[[Path], None]:
    table = pa.table({"id": IDS, "title": TITLES, "vector": vectors})
    return lambda path: pq.write_table(table, path, row_group_size=2)


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, id=np.array(IDS), vector=VECTORS)


def npy(path: Path) -> None:
    np.save(path, VECTORS)


def big_endian(path: Path) -> None:
    np.save(path, VECTORS.astype(">f8"))


def fvecs(path: Path) -> None:
    path.write_bytes(vecs(*VECTORS.tolist()))


def hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["train"], file["test"] = VECTORS, VECTORS[:2]
        file["neighbors"] = np.array([[0, 2], [1, 0]], np.int32)
        file["distances"] = np.array([[0, 0.5], [0, 0.25]], np.float32)
        file.attrs["distance"] = "angular"


FLAT = pa.array(VECTORS.reshape(-1))
WRITTEN: dict[str, Callable[[Path], None]] = {
    "comma.csv": _csv(","),
    "semicolon.csv": _csv(";"),
    "tabs.tsv": _csv("\t"),
    "list.json": json_list,
    "lines.jsonl": json_lines,
    "fixed.parquet": parquet(pa.FixedSizeListArray.from_arrays(FLAT, 2)),
    "lists.parquet": parquet(pa.ListArray.from_arrays([0, 2, 4, 6], FLAT.cast(pa.float64()))),
    "halves.parquet": parquet(pa.LargeListArray.from_arrays([0, 2, 4, 6], FLAT.cast(pa.float16()))),
    "spelled.parquet": parquet(pa.array([json.dumps(v) for v in VECTORS.tolist()])),
    "array.npy": npy,
    "big.npy": big_endian,
    "arrays.npz": npz,
    "texmex.fvecs": fvecs,
    "ann.hdf5": hdf5,
}
"""Every file and how it is made; those without a name for their vectors call them ``vector`` too."""

WANTED = {"id": Wanted("integer"), "title": Wanted("text"), "vector": Wanted("vector", 2)}
EXPECTED = {"id": IDS, "title": TITLES, "vector": VECTORS.tolist()}
