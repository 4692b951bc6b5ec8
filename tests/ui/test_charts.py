"""Charts: what is drawn, in which units, in colours the theme replaces."""

import math
import re
from collections.abc import Iterator

import plotly.graph_objects as go
import pytest

from dashboard.benchmark.target import Target
from dashboard.ui import frontier
from dashboard.ui.charts import STYLES, latency_with_and_without, log_axis
from db.indexes import METHODS
from db.runs import EXACT, Trial
from tests.trials import exact, trial

SPREAD = [exact(), trial(value=10, recall=0.4, p95_ms=0.5), trial(value=80, recall=0.98, p95_ms=2)]
CROWDED = [
    exact(),
    *(trial(value=v, recall=r, p95_ms=v / 40) for v, r in ((40, 0.9), (80, 0.96), (160, 0.99))),
]
TARGET = Target()


def drawn(trials: list[Trial], best: Trial | None = None) -> go.Figure:
    return frontier.recall_against_latency(trials, k=10, target=TARGET, best=best)


def colours(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from colours(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from colours(inner)
    elif isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        yield value


@pytest.mark.parametrize("method", [EXACT, *METHODS])
def test_every_method_has_its_own_colour_symbol_and_dash(method: str) -> None:
    others = [style for name, style in STYLES.items() if name != method]
    for part in ("color", "symbol", "dash", "pattern"):
        assert getattr(STYLES[method], part) not in {getattr(style, part) for style in others}


@pytest.mark.parametrize(
    "figure", [drawn(CROWDED, CROWDED[2]), latency_with_and_without(SPREAD, target=TARGET)]
)
def test_every_colour_is_one_the_theme_replaces(figure: go.Figure) -> None:
    own = figure.to_dict()
    own["layout"].pop("template", None)
    found = set(colours(own))
    assert found
    assert all(colour.startswith("#0000") for colour in found)


def test_the_frontier_shows_each_index_as_a_line_and_exact_search_as_a_point() -> None:
    shown = {trace.name: trace for trace in drawn(SPREAD).data}
    assert list(shown["HNSW m=16, ef_construction=64"].x) == [0.5, 2]
    assert list(shown["HNSW m=16, ef_construction=64"].y) == [0.4, 0.98]
    assert "lines" not in shown["Exact"].mode


def test_the_whiskers_span_the_interval() -> None:
    error = drawn(SPREAD).data[1].error_y
    assert list(error.array) == pytest.approx([0.01, 0.01])
    assert list(error.arrayminus) == pytest.approx([0.01, 0.01])


def test_latencies_have_whiskers_and_all_their_intervals_in_the_hover() -> None:
    line = next(trace for trace in drawn(SPREAD).data if trace.name.startswith("HNSW"))
    assert list(line.error_x.array) == pytest.approx([0.05, 0.2])
    assert list(line.error_x.arrayminus) == pytest.approx([0.05, 0.2])
    assert line.customdata[1].split("<br>")[1:] == [
        "ef_search=80",
        "recall 0.980 [0.970, 0.990]",
        "p50 1 ms [0.9, 1.1]",
        "p95 2 ms [1.8, 2.2]",
        "p99 4 ms [3.6, 4.4]",
    ]


def test_a_best_trial_that_others_tie_with_is_not_called_the_cheapest() -> None:
    figure = frontier.recall_against_latency(SPREAD, k=10, target=TARGET, best=SPREAD[2], ties=2)
    told = [note.text for note in figure.layout.annotations]
    assert "<b>ef_search=80</b><br>no real difference to 2 others" in told


def test_the_axes_name_what_they_show_with_its_unit() -> None:
    layout = drawn(SPREAD).layout
    assert layout.xaxis.title.text == "p95 latency, ms (log scale)"
    assert layout.yaxis.title.text == "recall@10"
    assert layout.yaxis.range == (0, 1.04)


def test_points_that_crowd_at_the_top_are_enlarged() -> None:
    figure = drawn(CROWDED)
    assert figure.layout.xaxis2.anchor == "y2"
    assert [trace.showlegend for trace in figure.data].count(True) == 2


def test_nothing_is_enlarged_where_points_lie_in_the_insets_place() -> None:
    in_the_way = trial("ivfflat", 1, recall=0.3, p95_ms=60)
    assert "yaxis2" not in drawn([*CROWDED, in_the_way]).layout
    assert "yaxis2" not in drawn(SPREAD).layout


def test_void_trials_are_not_drawn() -> None:
    assert len(drawn([exact(), trial(void=True)]).data) == 1


def test_the_best_trial_is_ringed_and_named() -> None:
    figure = drawn(SPREAD, best=SPREAD[2])
    assert "<b>ef_search=80</b><br>cheapest in target" in [note.text for note in figure.layout.annotations]
    assert any(trace.marker.symbol == "circle-open" for trace in figure.data)


def test_the_frontier_can_be_read_out() -> None:
    told = frontier.in_words(SPREAD, 10)
    assert "HNSW m=16, ef_construction=64 ef_search=80: recall 0.980, p95 2 ms" in told


def test_the_bars_say_their_latency_and_start_at_a_power_of_ten() -> None:
    figure = latency_with_and_without([exact(), trial(p95_ms=2.5)], target=TARGET)
    assert [bar.text[0] for bar in figure.data] == ["2.50 ms", "100 ms"]
    assert figure.data[1].y[0] == "No index"
    assert figure.layout.xaxis.range[0] == 0


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(-1, 0.5, [0.1, 0.2, 0.5, 1, 2]), (0, 4, [1, 10, 100, 1e3, 1e4])]
)
def test_a_log_axis_has_round_ticks(low: float, high: float, ticks: list[float]) -> None:
    axis = log_axis("", low, high)
    assert [math.log10(tick) for tick in axis["tickvals"]] == pytest.approx(
        [math.log10(tick) for tick in ticks]
    )
