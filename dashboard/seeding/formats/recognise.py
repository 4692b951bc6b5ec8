"""FORMATS, and which of them a file is: its first bytes decide, and its name must agree with them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dashboard.seeding.formats import arrays, delimited, hdf5, jsonfile, parquet, vecs
from dashboard.seeding.formats.table import Contents, Raw
from dashboard.seeding.formats.text import beginning
from db.errors import RequestError

Survey = Callable[[Path, str | None], Contents]
Batches = Callable[[Path, tuple[str, ...], int, str | None], Iterator[Raw]]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.  ``bare`` says that it holds nothing that must be parsed or unpacked."""

    key: str
    label: str
    suffixes: tuple[str, ...]
    survey: Survey
    batches: Batches
    bare: bool = False


FORMATS: dict[str, Format] = {
    form.key: form
    for form in (
        Format("csv", "CSV", (".csv", ".tsv", ".txt"), delimited.survey, delimited.batches),
        Format("json", "JSON", (".json", ".jsonl", ".ndjson"), jsonfile.survey, jsonfile.batches),
        Format("parquet", "Parquet", (".parquet", ".pq"), parquet.survey, parquet.batches),
        Format("npy", "NumPy array", (".npy",), arrays.survey_npy, arrays.npy_batches, bare=True),
        Format("npz", "NumPy arrays", (".npz",), arrays.survey_npz, arrays.npz_batches),
        Format("vecs", "TEXMEX vectors", vecs.SUFFIXES, vecs.survey, vecs.batches, bare=True),
        Format("hdf5", "HDF5", (".hdf5", ".h5"), hdf5.survey, hdf5.batches),
    )
}
"""Every format that can be imported."""

SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
    (b"PARE", "parquet"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
)
"""How files begin.  Source: numpy.lib.format; Parquet's and HDF5's specifications."""

CODE = "Save the arrays with numpy.save(); unpacking this kind of file can run any code that is in it."
EXCEL = "Save the sheet as CSV."
UNPACK = "Unpack it first."

REFUSED: tuple[tuple[bytes, str, str], ...] = (
    *((b"\x80" + bytes([protocol]), "a Python pickle", CODE) for protocol in range(2, 6)),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", EXCEL),
    (b"\x1f\x8b", "compressed by gzip", UNPACK),
    (b"BZh", "compressed by bzip2", UNPACK),
    (b"\xfd7zXZ\x00", "compressed by xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard", UNPACK),
    (b"\x04\x22\x4d\x18", "compressed by LZ4", UNPACK),
    (b"ARROW1", "an Arrow file", "Save it as Parquet."),
    (b"ORC", "an ORC file", "Save it as Parquet."),
    (b"SQLite format 3", "an SQLite database", "Export its table as CSV."),
    (b"%PDF-", "a PDF document", "Choose a file of records or vectors."),
    (b"\xff\xfe", "text in UTF-16", "Save the file as UTF-8."),
    (b"\xfe\xff", "text in UTF-16", "Save the file as UTF-8."),
)
"""What is refused by name: how it begins, what it is, and what to do."""

UNREAD_SUFFIXES = {
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin"), CODE),
    **dict.fromkeys((".xls", ".xlsx", ".xlsm", ".xlsb", ".ods"), EXCEL),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".7z"), UNPACK),
}
"""Names that say the same, where the first bytes do not."""


def is_plain(path: Path) -> bool:
    """Whether there is nothing at all to parse in a file, not even in what stands before its rows."""
    return path.suffix.lower() in vecs.SUFFIXES or arrays.is_plain(path)


def recognised(path: Path) -> Format:
    """Find out what a file is.

    Raises RequestError where it is empty, nothing we read, or another thing than its name says.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise RequestError(f"The file {path.name} is empty.", "Choose another file.")
    suffix = path.suffix.lower()
    named = next((form for form in FORMATS.values() if suffix in form.suffixes), None)
    if named is FORMATS["vecs"]:  # it has no sign: the first bytes are a number
        return named
    found = _by_sign(path, start) or _text(path, suffix, named)
    if named not in {None, found}:
        raise RequestError(
            f"The file {path.name} is not {suffix}: its content is {found.label}.",
            f"Rename it to end in {found.suffixes[0]}, if that is what it is.",
        )
    return found


def _by_sign(path: Path, start: bytes) -> Format | None:
    if start.startswith(b"PK"):
        return _zipped(path)
    if key := next((key for sign, key in SIGNS if start.startswith(sign)), None):
        return FORMATS[key]
    for sign, what, remedy in REFUSED:
        # Two bytes of text may begin like a file of another kind, but not go on like this.
        if start.startswith(sign) and not (sign.isascii() and start.isascii() and sign.isalpha()):
            raise RequestError(f"The file {path.name} is {what}, which is not read.", remedy)
    return None


def _zipped(path: Path) -> Format:
    """Tell a .npz from the other files that are ZIP archives inside."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise RequestError(
            f"The file {path.name} is not a whole ZIP archive: {error}.", "Save it again."
        ) from None
    if any(name.endswith("data.pkl") for name in names):
        raise RequestError(f"The file {path.name} is a PyTorch file, which is not read.", CODE)
    if any(name.startswith(("xl/", "word/", "ppt/")) for name in names):
        raise RequestError(f"The file {path.name} is an Office document, which is not read.", EXCEL)
    if path.suffix.lower() == ".npz" or (names and all(name.endswith(".npy") for name in names)):
        return FORMATS["npz"]
    raise RequestError(f"The file {path.name} is a ZIP archive, which is not read.", UNPACK)


def _text(path: Path, suffix: str, named: Format | None) -> Format:
    """Tell CSV from JSON by the name and, where that does not tell, by how it begins.

    A file whose name is that of an array and which has no array's sign is called what it is not.
    """
    if suffix in UNREAD_SUFFIXES:
        raise RequestError(f"Files that end in {suffix} are not read.", UNREAD_SUFFIXES[suffix])
    if named and named.key not in {"csv", "json"}:
        raise RequestError(
            f"The file {path.name} is not a readable {named.label} file: its content is not {suffix}.",
            "Save it again, or give it the name that fits its content.",
        )
    begins = beginning(path)
    if not begins:
        raise RequestError(f"The file {path.name} is empty.", "Choose a file of records.")
    if suffix in {".csv", ".tsv"} and jsonfile.begins_a_record(begins):
        raise RequestError(f"The file {path.name} holds JSON, not CSV.", "Rename it to end in .json.")
    if suffix and named is None and not jsonfile.begins_a_record(begins):
        known = ", ".join(f"{form.label} ({', '.join(form.suffixes)})" for form in FORMATS.values())
        raise RequestError(
            f"The file {path.name} is of an unknown file type {suffix}; known are {known}.",
            "Rename it to end in .csv, if it is a table of that kind.",
        )
    if named is None or suffix == ".txt":
        return FORMATS["json" if begins[0] in "[{" else "csv"]
    return named
