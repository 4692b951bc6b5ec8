"""Watching a column: what a look sees, when it raises an alert, who is told, and what it foretells."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from dashboard import watching
from dashboard.commands.common import setup_logging
from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.jobs.kinds import sweep
from dashboard.jobs.worker import Worker
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from dashboard.settings import settings
from dashboard.watching import breach, crossing, is_kept, look
from db import jobs, watches
from db.catalog import find_column
from db.engine import Database
from db.errors import RequestError, TableNotFound
from db.progress import Unrecorded
from db.watches import LEAST_S, Look, Watch

COLUMN = "public.items.embedding"
INDEX = "CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_cosine_ops)"


@pytest.fixture
def items(database: Database) -> Database:
    populate(database, PopulateRequest(source="clusters", table="items", rows=2_000, dims=32), Unrecorded())
    return database


def promise(database: Database, *, p95_ms: float = 1_000, recall: float = 0.0, every_s: int = 3_600) -> int:
    with database.writing("tests") as connection, connection.begin():
        column = find_column(connection, COLUMN)
        return watches.keep_watch(
            connection, column, p95_ms=p95_ms, recall=recall, every_s=every_s, created_by="ada"
        )


def seen(database: Database, watch_id: int, webhook: str | None = None) -> dict[str, Any]:
    return look(database, watch_id, Unrecorded(), job_id=None, webhook=webhook)


def alerts(database: Database) -> list[tuple[str, bool]]:
    with database.reading("tests") as connection:
        return [(a.sentence, a.resolved_at is not None) for a in watches.alerts(connection)]


def run(database: Database, sql: str) -> None:
    with database.control("tests") as connection:
        connection.execute(text(sql))


def test_a_look_without_an_index_sees_exact_search_alone(items: Database) -> None:
    found = seen(items, promise(items))
    assert found["breach"] is None
    assert found["rows"] == 2_000
    figures = found["figures"]
    assert 0 < figures["exact_p95_ms_low"] <= figures["exact_p95_ms"] <= figures["exact_p95_ms_high"]
    assert figures["table_bytes"] > 2_000 * 32 * 4
    assert not {"index_p95_ms", "index_recall", "self_find"} & set(figures)


def test_a_look_through_an_index_sees_its_recall_too(items: Database) -> None:
    run(items, INDEX)
    figures = seen(items, promise(items))["figures"]
    assert 0.5 < figures["index_recall_low"] <= figures["index_recall"] <= 1
    assert figures["index_p95_ms"] > 0
    assert figures["self_find_low"] <= figures["self_find"] == 1
    with items.reading("tests") as connection:
        expected = connection.execute(text("SELECT pg_relation_size('items_hnsw')")).scalar_one()
    assert figures["index_bytes"] == expected


def test_a_broken_promise_raises_one_alert_and_keeping_it_resolves_it(items: Database) -> None:
    watch_id = promise(items, p95_ms=0.001)
    assert "over the 0.001 ms promised" in seen(items, watch_id)["breach"]
    seen(items, watch_id)
    assert [resolved for _, resolved in alerts(items)] == [False]
    assert promise(items, p95_ms=60_000) == watch_id
    seen(items, watch_id)
    assert [resolved for _, resolved in alerts(items)] == [True]
    promise(items, p95_ms=0.001)
    seen(items, watch_id)
    assert [resolved for _, resolved in alerts(items)] == [False, True]


def test_the_recall_of_an_index_is_a_promise_too() -> None:
    now = datetime.now(UTC)
    watch = Watch(1, "public", "items", "embedding", 10, 0.95, 60, now, "ada", now)
    assert breach({"exact_p95_ms": 99, "index_p95_ms": 1, "index_recall": 0.96}, watch) is None
    assert is_kept({"exact_p95_ms": 99, "index_p95_ms": 1, "index_recall": 0.96}, watch)
    assert "finds 0.900" in str(breach({"exact_p95_ms": 1, "index_p95_ms": 1, "index_recall": 0.9}, watch))
    assert "through the index takes 11" in str(
        breach({"exact_p95_ms": 1, "index_p95_ms": 11, "index_recall": 1}, watch)
    )
    assert "Exact search takes 11" in str(breach({"exact_p95_ms": 11}, watch))


def test_what_lies_within_the_interval_neither_breaks_a_promise_nor_keeps_it() -> None:
    now = datetime.now(UTC)
    watch = Watch(1, "public", "items", "embedding", 10, 0.95, 60, now, "ada", now)
    slow = {"exact_p95_ms": 11.0, "exact_p95_ms_low": 9.0, "exact_p95_ms_high": 14.0}
    assert breach(slow, watch) is None
    assert not is_kept(slow, watch)
    poor = {"index_p95_ms": 1.0, "index_recall": 0.94, "index_recall_low": 0.9, "index_recall_high": 0.97}
    assert breach(poor, watch) is None
    assert not is_kept(poor, watch)


def test_a_table_too_large_for_exact_search_is_judged_by_its_index(
    items: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(items, INDEX)
    monkeypatch.setattr(watching, "LOOK_S", 0.0)
    found = seen(items, promise(items, p95_ms=5_000))
    assert found["breach"] is None
    assert 0 < found["figures"]["index_p95_ms"] < 5_000
    assert found["figures"]["self_find"] == 1
    assert "exact_p95_ms_low" not in found["figures"], "a bound is no measurement"


def test_a_column_that_is_gone_breaks_its_promise(items: Database) -> None:
    watch_id = promise(items)
    seen(items, watch_id)
    run(items, "DROP TABLE items")
    with pytest.raises(TableNotFound):
        seen(items, watch_id)
    [(sentence, resolved)] = alerts(items)
    assert sentence.startswith("It cannot be searched: ")
    assert not resolved


def at(rows: int, p95_ms: float, **more: float) -> Look:
    figures = {"exact_p95_ms": p95_ms, "exact_p95_ms_low": 0.9 * p95_ms, "exact_p95_ms_high": 1.1 * p95_ms}
    return Look(1, 1, datetime.now(UTC), rows, figures | more, (), None)


def test_sizes_that_barely_differ_foretell_in_proportion() -> None:
    looks = [at(1_000_000, 50), at(1_000_100, 51), at(1_000_200, 49.5)]
    band = crossing(looks, 99)
    assert band is not None
    assert band.rows == pytest.approx(2_000_400)
    assert "in proportion" in band.basis


def test_a_table_that_grew_is_foretold_by_its_own_line() -> None:
    band = crossing([at(10_000, 1), at(20_000, 2), at(40_000, 4)], 16)
    assert band is not None
    assert band.rows == pytest.approx(160_000, rel=0.01)
    assert band.basis == "growth over 3 looks of its watch"
    assert band.low < 160_000 < band.high


def test_a_search_that_was_stopped_foretells_nothing() -> None:
    stopped = Look(1, 1, datetime.now(UTC), 10**9, {"exact_p95_ms": 5_000.0}, (), None)
    assert crossing([stopped], 50) is None


def test_growth_is_foretold_and_the_first_step_beyond_the_budget_raises_the_alert(items: Database) -> None:
    """The table grows by four at each step; the budget lies between the last two."""
    seen_at: dict[int, float] = {}
    watch_id = promise(items)
    for rows in (2_000, 8_000, 32_000):
        if rows > 2_000:
            run(
                items,
                "INSERT INTO items (id, cluster, embedding) SELECT id + (SELECT max(id) FROM items) * step, "
                "cluster, embedding FROM items, generate_series(1, 3) AS step",
            )
            run(items, "ANALYZE items")
        if rows == 32_000:
            promise(items, p95_ms=2 * seen_at[8_000])
            with items.reading("tests") as connection:
                foretold = crossing(watches.looks(connection, watch_id), 2 * seen_at[8_000])
            assert alerts(items) == []
        # The quieter of two looks: a busy moment would make a budget that no growth exceeds.
        seen_at[rows] = min(seen(items, watch_id)["figures"]["exact_p95_ms"] for _ in range(2))
    assert foretold is not None
    assert 8_000 < foretold.rows < 32_000
    assert foretold.low <= foretold.rows <= foretold.high
    assert [resolved for _, resolved in alerts(items)] == [False]


def test_a_look_is_queued_when_its_time_has_come_and_once(items: Database) -> None:
    promise(items)
    for _ in range(2):
        sweep(items)
        run(items, "UPDATE vectorscope.watch SET next_at = now()")
    sweep(items)
    with items.reading("tests") as connection:
        assert [job.kind for job in jobs.latest(connection)] == [watching.KIND]
        [watch] = watches.watches(connection)
        later = connection.execute(
            text("SELECT extract(epoch FROM next_at - now()) FROM vectorscope.watch")
        ).scalar_one()
    assert watch.subject == COLUMN
    assert 3_500 < later <= 3_600


@pytest.mark.parametrize(
    ("promised", "sentence"),
    [
        ({"p95_ms": 0}, "A p95 of 0 ms cannot be promised"),
        ({"p95_ms": float("nan")}, "A p95 of nan ms"),
        ({"p95_ms": float("inf")}, "A p95 of inf ms"),
        ({"recall": 1.5}, "A recall of 1.5 cannot be promised"),
        ({"recall": float("nan")}, "A recall of nan"),
        ({"every_s": LEAST_S - 1}, "every 59 s"),
    ],
)
def test_a_promise_out_of_bounds_is_refused(items: Database, promised: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        promise(items, **promised)


def test_a_watch_that_was_given_up_takes_its_looks_along(items: Database) -> None:
    watch_id = promise(items, p95_ms=0.001)
    seen(items, watch_id)
    with items.writing("tests") as connection, connection.begin():
        watches.forget_watch(connection, watch_id)
    assert alerts(items) == []
    with pytest.raises(RequestError, match=f"no watch {watch_id}"):
        seen(items, watch_id)


@contextmanager
def listening(status: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A web server on loopback that answers ``status`` and keeps what it was sent."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got
        server.shutdown()


def test_a_webhook_hears_of_each_alert_once_and_of_its_end(items: Database) -> None:
    watch_id = promise(items, p95_ms=0.001)
    with listening(200) as (url, got):
        for _ in range(2):
            seen(items, watch_id, url)
        promise(items, p95_ms=60_000)
        for _ in range(2):
            seen(items, watch_id, url)
    assert [message["event"] for message in got] == ["raised", "resolved"]
    assert got[0]["column"] == COLUMN
    assert "Exact search takes" in got[0]["text"]
    assert got[1]["resolved_at"] is not None


def test_an_alert_nobody_heard_of_ends_in_silence(items: Database) -> None:
    watch_id = promise(items, p95_ms=0.001)
    seen(items, watch_id)
    promise(items, p95_ms=60_000)
    with listening(200) as (url, got):
        seen(items, watch_id, url)
    assert got == []


def test_the_log_does_not_hold_the_webhook_s_address(
    items: Database, caplog: pytest.LogCaptureFixture
) -> None:
    setup_logging()
    with listening(200) as (url, got), caplog.at_level(logging.INFO):
        seen(items, promise(items, p95_ms=0.001), url)
    assert got
    assert "/hook" not in caplog.text


def test_the_log_warns_of_each_alert_once_and_of_its_end(
    items: Database, caplog: pytest.LogCaptureFixture
) -> None:
    watch_id = promise(items, p95_ms=0.001)
    with caplog.at_level(logging.INFO):
        seen(items, watch_id)
        seen(items, watch_id)
        promise(items, p95_ms=60_000)
        seen(items, watch_id)
        seen(items, watch_id)
    warned = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == 2
    assert warned[0].startswith(f"alert raised: {COLUMN}: Exact search takes ")
    assert warned[1] == f"alert resolved: {COLUMN} keeps its promise again"


def test_a_worker_s_look_tells_the_webhook_of_the_settings(
    items: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch_id = promise(items, p95_ms=0.001)
    with listening(200) as (url, got):
        monkeypatch.setenv("WATCH_WEBHOOK_URL", url)
        settings.cache_clear()
        try:
            queue.submit(items, LOCAL, watching.KIND, {"watch": watch_id, "column": COLUMN})
            assert Worker(items, lease_s=10).run_one()
        finally:
            monkeypatch.undo()
            settings.cache_clear()
    assert [(message["event"], message["column"]) for message in got] == [("raised", COLUMN)]


def test_a_webhook_that_is_down_hears_of_it_at_the_next_look(items: Database) -> None:
    watch_id = promise(items, p95_ms=0.001)
    with listening(500) as (url, got):
        seen(items, watch_id, url)
    assert len(got) == 1
    assert seen(items, watch_id, url)["breach"]
    with listening(200) as (url, got):
        seen(items, watch_id, url)
    assert [message["event"] for message in got] == ["raised"]
