"""The small copy on which a search for a target puts its candidates in order: its rows, and who survives it.

With a filter it has so many that enough of them meet it: both rows and filter as they are, for what an index
finds of a filter hangs on the share of the rows that meet it.
"""

from __future__ import annotations

import math

from dashboard.benchmark.plan import BenchmarkPlan

SCREENED_SHARE = 16
"""The small copy has a sixteenth of the rows: building HNSW on it takes less than that of the time."""

LEAST_SCREENED = 2_000
"""Rows below which settings on a small copy say nothing about those on the whole; of an index over the rows
of a filter, rows that meet it."""

LEAST_MET = 20
"""Rows that meet the filter, for each neighbour asked for: of fewer, the nearest are a good part of all."""

LEAST_TIMES = 4
"""A copy of which the whole has fewer times the rows is no small one: candidates are built on the whole."""


SURVIVORS, MOST_SURVIVORS = 2, 3
"""Candidates that are compared on the whole, where what a small copy said of them need not hold: measured on
50,000 rows, its first alone had half of what the grid's best gains over exact search.  A further one is where
its latency there is not told apart from the last one's, and it costs little more:"""

BUILT_SHARE = 1 / 3
"""of what building all candidates takes, what building the survivors may for the sake of a further one."""


def screened_rows(plan: BenchmarkPlan, rows: int, share: float | None) -> int | None:
    """Choose the rows of a small copy of ``rows``; None where none would say anything, or be small.

    ``share`` of them meet the plan's filter, 1 without one; None where nobody has counted.
    """
    if len(plan.variants) < 2 or not share:
        return None
    is_partial = any(variant.index.only for variant in plan.variants)
    met = LEAST_SCREENED if is_partial else LEAST_MET * plan.k if plan.filters else 0
    wanted = max(rows // SCREENED_SHARE, LEAST_SCREENED, 4 * plan.queries, math.ceil(met / share))
    return wanted if wanted * LEAST_TIMES <= rows else None


def share_known(plan: BenchmarkPlan) -> float | None:
    """Tell what share of the rows meets the plan's filter, where the plan says it; 1 without a filter."""
    subset = next(iter(plan.filters.values()), None)
    return subset.share if subset else 1.0
