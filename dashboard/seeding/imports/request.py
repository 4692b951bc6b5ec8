"""What somebody asked to be imported: plain data, which a job can keep and a second worker can read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dashboard.seeding.embedders import HASHING


@dataclass(frozen=True, slots=True)
class Mode:
    """What becomes of a row whose key is in the table already."""

    key: str
    label: str
    about: str


MODES: Mapping[str, Mode] = {
    mode.key: mode
    for mode in (
        Mode("insert", "Insert", "Only new keys: where one exists already, nothing is imported."),
        Mode("update", "Update", "A row whose key exists takes the values of the file; others are added."),
        Mode("skip", "Skip", "A row whose key exists stays as it is; others are added."),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """Bring a file's rows into ``schema.table``.

    ``columns`` maps a column of the file to one of the table, or to "" for none; a column it does not
    name goes to the table's column of its name.  ``key`` names columns of the table.  ``text`` names the
    columns of the file to embed, in order, into the table's column ``vector``.  ``sha256`` and
    ``fingerprint`` are those of an approved plan: where either has changed, nothing is imported.
    """

    path: str
    table: str
    schema: str = "public"
    name: str = ""
    """What the reader calls the file; ``path`` may be a copy's."""
    create: bool = False
    key: tuple[str, ...] = ()
    vector: str | None = None
    mode: str = "insert"
    columns: Mapping[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ()
    embedder: str = HASHING.key
    type: str = "vector"
    dataset: str | None = None
    leave_out_bad_rows: bool = False
    dry_run: bool = False
    rejects: str | None = None
    """Where to write the rows that cannot be imported; CSV."""
    sha256: str | None = None
    fingerprint: str | None = None

    def to_params(self) -> dict[str, Any]:
        """Give the request as JSON-able values."""
        return asdict(self) | {"key": list(self.key), "text": list(self.text), "columns": dict(self.columns)}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> ImportRequest:
        """Read what ``to_params`` gave."""
        return cls(**{**params, "key": tuple(params["key"]), "text": tuple(params["text"])})

    @property
    def digest(self) -> str:
        """Tell one mapping from another: a load that broke off goes on under the same one alone."""
        asked = replace(self, dry_run=False, rejects=None, name="", sha256=None, fingerprint=None)
        return hashlib.sha256(json.dumps(asked.to_params(), sort_keys=True).encode()).hexdigest()
