"""100,000 x 128 in a scratch copy: what a benchmark of a real table searches."""

from sqlalchemy import text

from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.progress import Unrecorded
from db.scratch import Scratch, fill, hold_out, vacuum

QUERIES = 500
K = 10
DISTANCE = Distance.COSINE


def copied_items(database: Database) -> Scratch:
    """Make the copy, with QUERIES of its rows held out."""
    with database.control("bench") as connection:
        connection.execute(text("DROP TABLE IF EXISTS items"))
    request = PopulateRequest(source="clusters", table="items", rows=100_000, dims=128, seed=7)
    populate(database, request, Unrecorded())
    scratch = Scratch(1, "vector", 128)
    with database.writing("bench") as connection:
        with connection.begin():
            items = find_column(connection, "items.embedding")
            rows = fill(connection, items, scratch, DISTANCE, sample_rows=None, seed=0)
            hold_out(connection, scratch, range(0, rows, rows // QUERIES))
        vacuum(connection.execution_options(isolation_level="AUTOCOMMIT"), scratch)
    return scratch
