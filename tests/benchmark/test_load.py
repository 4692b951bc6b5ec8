"""The figures of a load, against cases computed by hand; what is said of a rate beyond the server."""

import numpy as np
import pytest

from dashboard.benchmark.load import overload, sent_of_due, summarise
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import from_toml
from db.distance import Distance
from db.errors import RequestError
from db.load import Load
from tests.benchmark.conftest import PLAN

OLD_POINT = {"clients": 2, "rate": 50.0, "queries": 150, "errors": 0, "qps": 50.0, "p95_ms": 2.0}


def overloaded() -> Load:
    """One client offers ten queries a second for a second to a server that takes 500 ms for each.

    Query i is due at 100 i ms and begun at 500 i ms: its answer comes 500 + 400 i ms after it was due.
    After 2 s, twice the time, the client gives up: 0 to 4 were sent and the answer to 4 came at 2,500 ms.
    """
    return Load(
        clients=1,
        seconds=1,
        rate=10,
        finished_s=np.array([0.5, 1, 1.5, 2, 2.5]),
        latencies_ms=np.array([500.0, 900, 1300, 1700, 2100]),
        errors=0,
        unsent_ms=np.array([2000.0, 1900, 1800, 1700, 1600]),
    )


def test_queries_that_were_never_sent_count_with_how_long_they_had_waited() -> None:
    point = summarise(overloaded(), seed=0)

    # Sorted: 500 900 1300 1600 1700 1700 1800 1900 2000 2100; of those sent alone p50 would be 1300.
    assert point.p50_ms == 1700
    assert point.p95_ms == pytest.approx(2000 + 0.55 * 100)
    assert point.p99_ms == pytest.approx(2000 + 0.91 * 100)
    assert (point.queries, point.due, point.unsent, point.errors) == (5, 10, 5, 0)
    assert point.qps == 2, "those answered within the second"


def test_an_overloaded_point_says_how_many_of_the_queries_due_were_sent() -> None:
    point = {"rate": 1_000.0, "due": 3_000, "unsent": 1_800}

    assert sent_of_due(point) == "1,200 of 3,000"
    assert (overload(point) or "").startswith("overloaded at 1,000/s: 1,200 of 3,000 queries due were sent")
    assert overload(point | {"unsent": 0}) is None
    assert sent_of_due({"rate": 0.0, "due": 100, "unsent": 0}) is None, "a closed loop owes nothing"
    assert (sent_of_due(OLD_POINT), overload(OLD_POINT)) == (None, None)


def test_a_rate_that_no_client_offers_is_refused_in_plan_and_file() -> None:
    with pytest.raises(RequestError, match="A rate of 50/s needs clients to offer it"):
        BenchmarkPlan("public.items.embedding", Distance.COSINE, (), rate=50)
    with pytest.raises(RequestError, match="A rate of 50/s needs clients to offer it"):
        from_toml('column = "public.items.embedding"\ndistance = "cosine"\nrate = 50\n')


def test_an_open_loop_of_more_queries_than_can_be_kept_is_refused() -> None:
    with pytest.raises(RequestError, match="1,000,000/s for 600 seconds are over 10,000,000 queries"):
        BenchmarkPlan("items.embedding", Distance.COSINE, (), clients=(1,), rate=1_000_000, seconds=600)


def test_a_plan_of_an_earlier_release_is_read_without_the_rate_that_nobody_offered() -> None:
    assert BenchmarkPlan.from_params(PLAN.to_params() | {"rate": 50}).rate == 0
