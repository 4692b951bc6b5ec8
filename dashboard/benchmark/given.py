"""A query set's own ground truth, compared with ours: whether both speak of the same rows and distance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dashboard.benchmark.attempt import Attempt
from dashboard.benchmark.queries import parse_source
from db.catalog import find_column
from db.query_sets import given_distances
from db.runs import add_to_environment

TOLERANCE = 1e-5
"""Between a distance in the server's float32 and ours in float64, relative to the k-th or to 1."""

AGREED = 0.99
"""Below this the given neighbours are those of other rows, or by another distance."""


def compare_given(attempt: Attempt) -> None:
    """Keep, with the run, the share of the given neighbours no farther than our k-th true one.

    Only where the whole table is searched: of a sample, other rows are the nearest.
    """
    plan = attempt.plan
    table = parse_source(plan.query_source).table
    whole = plan.sample_rows is None and attempt.size is None
    if table is None or not whole or None not in attempt.truths:
        return
    with attempt.connection.begin():
        given = given_distances(
            attempt.connection,
            find_column(attempt.connection, table),
            find_column(attempt.connection, plan.column),
            plan.distance,
            wanted=plan.queries,
            k=plan.k,
            seed=plan.seed,
        )
    if given is None:
        return
    farthest = attempt.truths[None].distances[:, : plan.k].max(axis=1, keepdims=True)
    near = given[attempt.sample.numbers] <= farthest + TOLERANCE * np.maximum(1, np.abs(farthest))
    told = {"table": table, "k": plan.k, "queries": plan.queries, "agreement": float(near.mean())}
    with attempt.connection.begin():
        add_to_environment(attempt.connection, attempt.run_id, {"given_truth": told})
    attempt.ledger.log(sentence(told))


def sentence(told: Mapping[str, Any]) -> str:
    """Say what ``compare_given`` kept."""
    said = "" if told["agreement"] >= AGREED else "; they are of other rows, or by another distance"
    return f"{told['agreement']:.1%} of the neighbours given in {told['table']} are true ones{said}."
