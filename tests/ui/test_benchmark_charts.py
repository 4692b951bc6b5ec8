"""The charts beyond the frontier: what is drawn, in which order and units, and said in words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.benchmark import growth_arms
from dashboard.benchmark.target import Target
from dashboard.ui import benchmark_charts as drawn
from dashboard.ui import benchmark_growth_chart as growth
from dashboard.ui import benchmark_twins as twins
from dashboard.ui.benchmark_builds import panels
from dashboard.ui.benchmark_shown import seen
from dashboard.ui.charts import series_name, styles
from db.runs import Figures, Trial
from tests.benchmark.test_compare import PLAN, run_of
from tests.trials import exact, trial

TARGET = Target()
FIGURES = {0: Figures([9.0, 11.0, 10.0], [1.0, 1.0, 1.0]), 1: Figures([3.0, 1.0, 2.0], [0.9, 0.4, 1.0])}


def built(m: int, ef: int, **more: Any) -> Trial:
    return replace(trial(value=ef), options={"m": m, "ef_construction": 64}, **more)


def point(clients: int, qps: float, rate: float = 0.0) -> dict[str, Any]:
    return {
        "clients": clients,
        "rate": rate,
        "qps": qps,
        "qps_low": qps - 10,
        "qps_high": qps + 10,
        "p50_ms": 1.0,
        "p95_ms": 2.0,
        "p99_ms": 3.0,
        "errors": 0,
    }


def grown(exponent: float, per_row_ms: float = 0.001, method: str = "exact") -> list[Trial]:
    """Trials on four sizes whose p95 grows by a power of the rows, known within 2 %."""
    trials = []
    for rows in (1_000, 2_000, 4_000, 8_000):
        p95_ms = per_row_ms * 1000 * (rows / 1000) ** exponent
        one = exact(p95_ms) if method == "exact" else trial(method, p95_ms=p95_ms)
        bounds = {"p95_ms_low": p95_ms * 0.98, "p95_ms_high": p95_ms * 1.02}
        trials.append(replace(one, rows=rows, measures=one.measures | bounds))
    return trials


def test_every_index_of_a_run_has_a_look_of_its_own() -> None:
    trials = [exact(), *(built(m, 40) for m in (8, 16, 24)), trial("ivfflat", 1)]
    looks = styles(trials).values()
    assert len({look.color for look in looks}) == len({look.symbol for look in looks}) == 5


def test_the_latencies_of_every_query_ascend_to_their_share() -> None:
    line = drawn.latency_of_every_query([trial()], FIGURES, target=TARGET).data[0]
    assert list(line.x) == [1, 2, 3]
    assert list(line.y) == [0, 0.5, 1]


def test_the_worst_answered_query_comes_first() -> None:
    line = drawn.recall_of_every_query([exact(), trial()], FIGURES, target=TARGET).data[1]
    assert line.name == series_name(trial())
    assert list(line.y) == [0.4, 0.9, 1.0]


def test_an_open_loop_is_marked_and_not_joined_to_the_closed_one() -> None:
    loaded = replace(trial(), load=[point(1, 100), point(4, 300), point(4, 250, rate=250)])
    closed, opened = drawn.queries_by_clients([loaded]).data
    assert (list(closed.x), list(closed.y)) == ([1, 4], [100, 300])
    assert (list(opened.x), opened.mode) == ([4], "markers")
    assert opened.marker.symbol.endswith("-open")
    assert twins.loads([loaded])["Loop"].tolist() == ["closed", "closed", "open, 250/s"]


def test_the_table_of_loads_says_how_many_of_the_queries_due_were_sent() -> None:
    closed, counted_none = point(4, 300) | {"due": 900, "unsent": 0}, point(4, 200, rate=250)
    beyond = point(4, 200, rate=250) | {"due": 750, "unsent": 150}
    table = twins.loads([replace(trial(), load=[closed, beyond, counted_none])])
    assert table["Sent of due"].fillna("-").tolist() == ["-", "600 of 750", "-"]


def test_bars_of_several_builds_span_them_all() -> None:
    panel = drawn.Bars(
        "build time", lambda t: t.build_s, lambda t: f"{t.build_s} s", lambda t: 10.0, lambda t: 15.0
    )
    [bar] = drawn.bars_by_index([trial()], [panel], 100).data
    assert (bar.x[0], bar.customdata[0]) == (12, "12.0 s")
    assert (bar.error_x.array[0], bar.error_x.arrayminus[0]) == (3, 2)


def test_the_map_has_m_down_and_ef_search_across_and_a_hole_where_nothing_was_measured() -> None:
    recall, p95 = drawn.recall_and_latency_by_build([built(8, 40), built(16, 40), built(16, 80)]).data
    assert (list(recall.y), list(recall.x)) == (["8", "16"], ["40", "80"])
    assert recall.z[0][1] is None
    assert p95.reversescale


def test_builds_that_differ_in_ef_construction_have_a_line_of_the_map_each() -> None:
    dearer = replace(built(8, 40), options={"m": 8, "ef_construction": 200})
    better = replace(dearer, measures=dearer.measures | {"recall": 0.999})
    recall, _ = drawn.recall_and_latency_by_build([built(8, 40), better, built(16, 40)]).data
    assert list(recall.y) == ["8, 64", "8, 200", "16, 64"]
    assert [line[0] for line in recall.z] == [0.99, 0.999, 0.99]
    assert recall.customdata[1][0] == "m=8, ef_construction=200, ef_search=40"


def test_a_size_stands_beside_what_had_been_forecast() -> None:
    made = replace(trial(), facts={"size_forecast_bytes": 40 * 2**20})
    run = run_of(exact(), made, plan=replace(PLAN, variants=()))
    [size] = [panel for panel in panels(seen(run, TARGET)) if panel.beside]
    [bar] = drawn.bars_by_index([made], [size], 100).layout.annotations
    assert bar.text == "50.0 MB<br>~40.0 MB forecast, 1.25 times"
    many = drawn.bars_by_index([made], [size] * 4, 100).layout.annotations
    assert many[0].text == "50.0 MB<br>~40.0 MB forecast<br>1.25 times", "in less room"
    costs = twins.costs([made], [size]).to_dict("records")[0]
    assert costs["Index size, share of shared_buffers: forecast"] == "~40.0 MB forecast, 1.25 times"


def test_the_wal_of_a_build_has_a_panel_where_it_was_forecast() -> None:
    made = replace(trial(), facts={"wal_forecast_bytes": 49 * 2**20})
    titles = [[p.title for p in panels(seen(run_of(exact(), t, plan=PLAN), TARGET))] for t in (trial(), made)]
    assert titles[1] == [*titles[0], "WAL of the build if logged"]
    [*_, wal] = panels(seen(run_of(exact(), made, plan=PLAN), TARGET))
    assert (wal.of(made), wal.written(made), wal.written(exact())) == (49 * 2**20, "~49.0 MB", "none")


def test_every_measure_is_listed_with_its_interval() -> None:
    [row] = twins.intervals([trial(p95_ms=2), trial(void=True)]).to_dict("records")
    assert (row["p95 ms"], row["p50 ms"]) == ("2.00 [1.80, 2.20]", "1.00 [0.900, 1.10]")
    assert row["Recall@k"] == "0.990 [0.980, 1.00]"


def test_the_crossing_is_told_with_its_interval() -> None:
    [arm] = growth_arms.arms(grown(1.0))
    told = growth_arms.crossing_in_words(arm, Target(p95_ms=20))
    assert told.startswith("Exact search reaches 20 ms at ~20,000 rows [")
    assert told.endswith("an estimate 2.5 times beyond what was measured.")


@pytest.mark.parametrize(
    ("trials", "p95_ms", "said"),
    [
        pytest.param(grown(1.0)[:2], 20, "measured on 2 sizes; a line needs 3", id="too few sizes"),
        pytest.param(grown(-0.2), 20, "does not grow measurably", id="no growth"),
        pytest.param(grown(1.0), 0.5, "is past 0.5 ms on every size measured", id="past it already"),
        pytest.param(grown(0.1), 20, "would be a guess", id="too far off"),
    ],
)
def test_what_is_unknown_is_said(trials: list[Trial], p95_ms: float, said: str) -> None:
    [arm] = growth_arms.arms(trials)
    assert said in growth_arms.crossing_in_words(arm, Target(p95_ms=p95_ms))


def test_an_estimate_is_dotted_and_what_was_measured_is_not() -> None:
    figure = growth.latency_by_rows(growth_arms.arms(grown(1.0)), target=TARGET)
    [measured] = [trace for trace in figure.data if trace.name]
    assert list(measured.x) == [1_000, 2_000, 4_000, 8_000]
    assert [trace.line.dash for trace in figure.data if trace.mode == "lines"] == ["dot"]
    assert max(max(trace.x) for trace in figure.data) > 20_000


def test_each_setting_over_several_sizes_is_an_arm_and_exact_search_comes_first() -> None:
    arms = growth_arms.arms([*grown(0.3, method="hnsw"), *grown(1.0)])
    assert [arm.is_exact for arm in arms] == [True, False]
    assert [len(arm.trials) for arm in arms] == [4, 4]


def test_the_table_beside_the_queries_has_the_same_figures() -> None:
    frame = twins.quantiles([trial()], FIGURES)
    assert frame["Figure"].tolist() == ["latency, ms", "recall"]
    assert frame["50 %"].tolist() == [2.0, 0.9]
    assert np.isclose(frame["5 %"][1], 0.45)
