"""A small catalogue for the pages to show, with an index, and a run measured on it."""

from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import benchmark
from dashboard.benchmark.trials import sweep
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from db.progress import Unrecorded

COLUMN = "public.products.embedding"
INDEX = "CREATE INDEX products_hnsw ON products USING hnsw (embedding vector_cosine_ops)"


def fill_products(database: Database, *, indexed: bool = True) -> None:
    """Load 1,500 rows of the demo's catalogue into ``products``."""
    populate(database, PopulateRequest(source="demo", table="products", rows=1_500), Unrecorded())
    if indexed:
        with database.control("tests") as connection:
            connection.exec_driver_sql(INDEX)


def widget(app: AppTest, key: str) -> Any:
    """The widget with this key, whatever its kind."""
    return app.get_by_key(key)


def measure_products(database: Database) -> int:
    """Measure the catalogue with one setting of each index, and return the run."""
    plan = BenchmarkPlan(
        COLUMN,
        Distance.COSINE,
        sweep([parse_spec("hnsw"), parse_spec("ivfflat:lists=10")], {"ef_search": [80], "probes": [2]}),
        queries=20,
    )
    return benchmark(database, plan, Unrecorded(), created_by="local", job_id=None, budget_bytes=2**30)
