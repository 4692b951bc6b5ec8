"""Tables that other people's software made are exported as any other."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dashboard.exporting.request import ExportRequest
from dashboard.exporting.run import export
from db.engine import Database
from tests.db.conftest import run
from tests.foreign import FOREIGN, ROWS, Foreign


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda foreign: foreign.label)
def test_every_format_holds_every_row(foreign: Foreign, database: Database, tmp_path: Path) -> None:
    with database.control("test") as connection:
        run(connection, "".join(entry.script for entry in FOREIGN))
    paths = [
        export(database, ExportRequest(foreign.column, kind), tmp_path).path
        for kind in ("csv", "jsonl", "parquet")
    ]
    with paths[0].open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    lines = [json.loads(line) for line in paths[1].read_text(encoding="utf-8").splitlines()]
    table = pq.read_table(paths[2])
    assert len(rows) == len(lines) == table.num_rows == ROWS
    assert header == list(lines[0]) == table.column_names
