"""What every query of a trial found, and what it should have: kept small, the latter once for a run."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from db import schema

MOST_BYTES = 8 * 2**20
"""Of what one trial found no more is kept, before it is compressed: 10,000 queries for 100 rows each.  Of
exact answers that are more the trial's own part is."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The rows nearest to each query, nearest first; both of shape (queries, k).

    ``positions`` number the rows of a copy in the order of the key, MISSING where none came back; None for
    the live table, of which nothing but distances is read.
    """

    distances: NDArray[np.float32]
    """As pgvector defines them; inf where no row came back."""
    positions: NDArray[np.int32] | None = None

    @property
    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        known = {} if self.positions is None else {"positions": self.positions}
        return {"distances": self.distances, **known}

    @property
    def is_kept(self) -> bool:
        """Whether they are few enough to be stored."""
        return sum(array.nbytes for array in self._arrays.values()) <= MOST_BYTES

    @property
    def digest(self) -> str:
        """Tell them from others."""
        content = hashlib.blake2b(digest_size=16)
        for array in self._arrays.values():
            content.update(np.ascontiguousarray(array).data)
        return content.hexdigest()

    def cut(self, queries: int, k: int) -> Neighbours:
        """Take the first ``k`` of the first ``queries``."""
        return Neighbours(**{name: array[:queries, :k] for name, array in self._arrays.items()})  # type: ignore[arg-type]

    def packed(self) -> bytes:
        """Write an .npz, compressed at the quickest level: half of it is the noise of float32."""
        file = io.BytesIO()
        np.savez(file, **self._arrays)  # type: ignore[arg-type]
        return zlib.compress(file.getvalue(), 1)

    @staticmethod
    def unpacked(data: bytes) -> Neighbours:
        """Read what ``packed`` wrote."""
        with np.load(io.BytesIO(zlib.decompress(data)), allow_pickle=False) as stored:
            return Neighbours(stored["distances"], stored.get("positions"))


@dataclass(frozen=True, slots=True)
class Kept:
    """What a trial's queries found and should have, packed; ``digest`` names the latter within the run."""

    found: bytes
    truth: bytes
    digest: str


def keep_truth(connection: Connection, run_id: int, truth: Neighbours) -> str:
    """Store the exact answers unless the run has them, and name them."""
    known = schema.truth.c
    digest = truth.digest
    same = select(known.digest).where(known.run_id == run_id, known.digest == digest)
    if connection.execute(same).first() is None:
        row = {"run_id": run_id, "digest": digest, "neighbours": truth.packed()}
        connection.execute(insert(schema.truth).values(row).on_conflict_do_nothing())
    return digest


def kept_neighbours(connection: Connection, run_id: int, positions: Collection[int]) -> dict[int, Kept]:
    """Read what the trials at ``positions`` found, beside the exact answers; nothing of those without."""
    trial, truth = schema.trial.c, schema.truth.c
    named = select(truth.digest, truth.neighbours).where(truth.run_id == run_id)
    truths = {digest: bytes(packed) for digest, packed in connection.execute(named)}
    chosen = select(trial.position, trial.found, trial.truth).where(
        trial.run_id == run_id, trial.position.in_(positions), trial.found.is_not(None)
    )
    return {
        position: Kept(bytes(found), truths[digest], digest)
        for position, found, digest in connection.execute(chosen)
        if digest in truths
    }
