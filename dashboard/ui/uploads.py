"""Files a reader hands over: kept below VECTORSCOPE_HOME, for the worker, under names of our own."""

import re
import uuid
from pathlib import Path

from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.seeding.formats.recognise import FORMATS
from dashboard.seeding.imports.uploads import uploads_in
from dashboard.settings import settings
from dashboard.ui import state

FILE_TYPES = tuple(suffix.removeprefix(".") for form in FORMATS.values() for suffix in form.suffixes)


def keep(upload: UploadedFile) -> Path:
    """Write an upload to disk, once in a session, readable by nobody else.

    Of the name the reader's file had, only the type survives: any other part could lead anywhere.
    """
    kept: Path | None = state.recall(f"upload {upload.file_id}")
    if kept is None or not kept.exists():
        folder = uploads_in(settings().home) / uuid.uuid4().hex
        folder.mkdir(parents=True, mode=0o700)
        kept = folder / f"upload{_suffix(upload.name)}"
        kept.write_bytes(upload.getbuffer())
        state.remember(f"upload {upload.file_id}", kept)
    return kept


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix.removeprefix(".") in FILE_TYPES else ""


def table_name(file_name: str) -> str:
    """Suggest a table's name for a file.

    >>> table_name("Film Reviews (2024).csv")
    'film_reviews_2024'
    """
    words = re.findall(r"[a-z0-9]+", Path(file_name).stem.lower())
    return "_".join(words)[:63] or "imported"
