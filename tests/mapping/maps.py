"""Maps as the page makes them."""

from sqlalchemy import Connection

from dashboard.mapping.draw import Map, lay_out
from dashboard.mapping.plan import MapPlan
from db.catalog import ColumnInfo
from db.sampling import take_sample


def draw(connection: Connection, column: ColumnInfo, plan: MapPlan) -> Map:
    """Sample the column and lay the rows out."""
    sample = take_sample(connection, column, rows=plan.rows, seed=plan.seed)
    return lay_out(column, plan, sample, lambda _: None)
