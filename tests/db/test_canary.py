"""Sampled vectors go back to the server as the very same numbers."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import Connection, String, cast, literal, select

from db.canary import setting_in_force, written
from db.catalog import ColumnInfo
from db.nearest import source
from db.sampling import take_sample
from db.savepoint import set_for_now

Find = Callable[[str], ColumnInfo]

WEIRD = '"We ""ird"."T %:x; --"'


@pytest.mark.parametrize("name", ["items.embedding", *(f"{WEIRD}.{c}" for c in ("half", "sparse", "bits"))])
def test_what_is_written_equals_what_is_stored(reading: Connection, column: Find, name: str) -> None:
    found = column(name)
    vector = source(found).c[found.column]
    for sampled in take_sample(reading, found, rows=10).vectors:
        text = cast(literal(written(sampled, found.type), String()), found.sql_type)
        assert reading.execute(select(vector).where(vector == text)).first()


def test_numbers_of_every_size_survive() -> None:
    given = np.array([1e-45, 3.4028235e38, -0.1, 16777217], np.float32)
    read = np.array(written(given, "vector").strip("[]").split(","), np.float64).astype(np.float32)
    assert np.array_equal(read, given)


@pytest.mark.parametrize(("method", "usual"), [("hnsw", 40), ("ivfflat", 1)])
def test_the_setting_in_force_is_the_sessions(reading: Connection, method: str, usual: int) -> None:
    assert setting_in_force(reading, method) == usual
    with set_for_now(reading, {"hnsw.ef_search": "77", "ivfflat.probes": "3"}):
        assert setting_in_force(reading, method) == {"hnsw": 77, "ivfflat": 3}[method]
