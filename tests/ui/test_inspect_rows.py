"""From a finding to its rows, whatever tells the rows of a table apart."""

from __future__ import annotations

import pytest

from dashboard.inspection.report import Report
from dashboard.inspection.run import KIND, InspectRequest, inspect
from dashboard.ui.inspect_rows import of_keys, rows_of
from db import inspections
from db.catalog import ColumnInfo, find_column
from db.counts import count_exactly
from db.engine import Database
from db.progress import Unrecorded
from tests.inspection.cases import column

UNUSUAL = """
CREATE TABLE pairs (a int, b text, embedding vector, PRIMARY KEY (a, b));
INSERT INTO pairs SELECT i, 'it''s', ARRAY[i, 1]::vector FROM generate_series(1, 40) AS i;
INSERT INTO pairs VALUES (41, 'odd', '[1,1]'), (42, 'odd', '[0,0]'), (43, 'odd', '[1,2,3]');
CREATE TABLE keyless AS SELECT ARRAY[i % 20, 1]::vector(2) AS embedding FROM generate_series(0, 39) AS i;
CREATE TABLE parted (embedding vector(2), day int) PARTITION BY LIST (day);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO parted SELECT ARRAY[i, 1]::vector, i % 2 + 1 FROM generate_series(1, 9) AS i;
INSERT INTO parted VALUES ('[5,1]', 1), ('[5,1]', 2);
CREATE VIEW seen AS SELECT a, embedding::vector(2) FROM pairs WHERE a < 43
"""


@pytest.fixture
def unusual(database: Database) -> Database:
    with database.control("tests") as connection:
        connection.exec_driver_sql(UNUSUAL.replace("%", "%%"))
    return database


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("pairs", {"mixed": 1, "duplicates": 2, "zero": 1}),
        ("keyless", {"duplicates": 40}),
        ("parted", {"duplicates": 3}),
        ("seen", {"duplicates": 2, "zero": 1}),
    ],
)
def test_a_findings_rows_can_be_shown(unusual: Database, name: str, rows: dict[str, int]) -> None:
    request = InspectRequest(f"public.{name}.embedding")
    inspect(unusual, request, Unrecorded(), created_by="ada", job_id=None)
    with unusual.reading("tests") as connection:
        info = find_column(connection, request.column)
        stored = inspections.latest(connection, info, KIND)
        assert stored is not None
        found = Report.from_document(stored.result).findings
        for check, count in rows.items():
            shown = rows_of(info, found[check])
            assert shown is not None, check
            assert (count_exactly(connection, info, shown.condition).rows, shown.extent) == (count, "")


def test_what_is_not_all_named_or_does_not_fit_an_address_is_said_to_be_the_first() -> None:
    keyed: ColumnInfo = column()
    shown = of_keys(keyed, [str(key) for key in range(100)], 250)
    assert shown is not None
    assert shown.extent == "first 100 of 250"
    long = of_keys(keyed, [f"{key:0100}" for key in range(100)], 100)
    assert long is not None
    assert long.extent == "first 38 of 100"
    assert of_keys(keyed, [], 0) is None
