"""What a plan would take, before it starts: refused where it is over a budget."""

from __future__ import annotations

from dashboard.benchmark.forecast import Forecast, check_time, forecast
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.settings import settings
from dashboard.ui.units import size
from db.catalog import ColumnInfo
from db.errors import RequestError
from db.survey import Survey


def survey(column: ColumnInfo) -> Survey | None:
    """Tell what the catalog knows of a column's rows; None where it does not."""
    if column.rows is None or column.dimensions is None:
        return None
    return Survey(column.rows, 0, 0, column.dimensions)


def expected(plan: BenchmarkPlan, column: ColumnInfo, found: Survey) -> Forecast:
    """Forecast a plan.  Raises RequestError where it cannot be carried out, or is over a budget."""
    plan.check(column, found)
    budget_bytes = settings().scratch_budget_mb * 2**20
    cost = forecast(plan, column.type, found, build_memory_mb=settings().build_memory_mb)
    if cost.scratch_bytes > budget_bytes:
        raise RequestError(
            f"This needs about {size(cost.scratch_bytes)} of scratch space of {size(budget_bytes)}.",
            "Raise SCRATCH_BUDGET_MB, or measure a sample of the rows: see More.",
        )
    check_time(cost, settings().benchmark_budget_minutes * 60)
    return cost
