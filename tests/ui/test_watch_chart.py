"""The charts and sentences of a watch: what is drawn, where indexes changed, and on what day it breaks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dashboard.ui import watch_chart
from dashboard.ui.watch_chart import changes
from dashboard.ui.watch_words import outlook, sentence
from db.watches import Look, Watch

START = datetime(2026, 1, 1, tzinfo=UTC)
WATCH = Watch(1, "public", "items", "embedding", 20.0, 0.95, 86_400, START, "ada", START)


def look(day: int, rows: int, *indexes: tuple[str, bool], **more: float) -> Look:
    p95_ms = rows / 1_000
    figures = {"exact_p95_ms": p95_ms, "exact_p95_ms_low": 0.95 * p95_ms, "exact_p95_ms_high": 1.05 * p95_ms}
    sizes = {"table_bytes": rows * 2.0**10, "index_bytes": 0.0}
    described = tuple({"name": name, "valid": valid} for name, valid in indexes)
    return Look(day, 1, START + timedelta(days=day), rows, {**figures, **sizes, **more}, described, None)


HISTORY = (
    look(0, 2_500),
    look(10, 5_000, ("items_hnsw", False)),
    look(20, 10_000, ("items_hnsw", True), index_p95_ms=1.0, index_recall=0.97, index_bytes=2.0**23),
    look(30, 10_000, ("items_ivf", True), index_p95_ms=2.0, index_recall=0.9),
    look(40, 10_000, ("items_ivf", True)),
)


def test_an_index_came_when_it_was_valid_and_went_when_it_was_no_more() -> None:
    assert [(seen.id, words) for seen, words in changes(HISTORY)] == [
        (20, "+ items_hnsw"),
        (30, "+ items_ivf, - items_hnsw"),
    ]
    assert list(changes(HISTORY[:1])) == []


@pytest.mark.parametrize("chart", [watch_chart.latency_over_time, watch_chart.shares_over_time])
def test_each_change_of_an_index_is_marked_at_its_look(chart: Any) -> None:
    figure = chart(HISTORY, WATCH)
    marks = {note.x: note.text for note in figure.layout.annotations if note.text.startswith("+")}
    assert marks == {HISTORY[2].at: "+ items_hnsw", HISTORY[3].at: "+ items_ivf, - items_hnsw"}
    assert {HISTORY[2].at, HISTORY[3].at} <= {shape.x0 for shape in figure.layout.shapes}


def test_rows_and_sizes_have_a_chart_each_with_their_units() -> None:
    rows = watch_chart.rows_over_time(HISTORY)
    assert list(rows.data[0].y) == [2_500, 5_000, 10_000, 10_000, 10_000]
    assert rows.layout.yaxis.title.text == "rows"
    assert {shape.x0 for shape in rows.layout.shapes} == {HISTORY[2].at, HISTORY[3].at}
    sizes = watch_chart.sizes_over_time(HISTORY)
    assert {line.name: line.y[2] for line in sizes.data} == {"table": 10_000 / 1_024, "indexes": 8}
    assert sizes.layout.yaxis.title.text == "MB"


def test_the_outlook_names_the_rows_and_with_looks_days_apart_the_day() -> None:
    told = outlook(WATCH, HISTORY[:3], date(2026, 1, 21))
    assert told.startswith("Exact search will reach 20 ms at ~20,000 rows (")
    assert "+375 rows a day since 2026-01-01, by 3 looks, that is around **2026-02-17 (2026-02-" in told
    assert outlook(WATCH, HISTORY[:1], date(2026, 1, 1)).endswith("Looks a day apart will tell when.")
    assert "not within ten years" in outlook(WATCH, HISTORY[3:], date(2026, 2, 10))


def test_a_look_says_how_searches_are_answered() -> None:
    assert sentence(HISTORY[0]).startswith("**Exact search takes 2.5 ms at p95**, ")
    assert sentence(HISTORY[2]).startswith("**Search through the index takes 1 ms at p95, recall 0.970**, ")
