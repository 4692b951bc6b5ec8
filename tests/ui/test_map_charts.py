"""Maps as figures: what is drawn of which rows, in which colours, and that no text from outside is markup."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from dashboard.mapping.draw import Drawn, Map
from dashboard.mapping.drift import drift
from dashboard.mapping.plane import principal_plane
from dashboard.mapping.quality import Quality
from dashboard.mapping.windows import Overlay, Window
from dashboard.ui import map_charts
from dashboard.ui.map_charts import in_words, map_figure, windows_figure
from dashboard.ui.map_colours import EMPTY, Colouring, Group, Scale, colour, groups
from dashboard.ui.map_marks import PALETTE, SYMBOLS, Hit, hover_texts
from db.catalog import PlainColumn

CATEGORY, PRICE, DAY = (
    PlainColumn("category", "text", "S"),
    PlainColumn("price", "numeric", "N"),
    PlainColumn("added", "date", "D"),
)


def a_map(rows: int = 6) -> Map:
    points = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    drawn = Drawn(rows, 0, rows, True, "all rows", 42, "cosine", {"8": rows})
    keys = tuple(f"k{place}" for place in range(rows))
    quality = Quality(0.9, 7.0, 15, rows)
    return Map("pca", keys, points, ("PC 1", "PC 2"), None, quality, drawn, datetime.now(UTC))


def traces(shown: Map, colouring: Colouring, **more: Any) -> list[Any]:
    return list(map_figure(shown, colouring, hover=list(shown.keys), **more).data)


def test_every_point_carries_the_key_of_its_row() -> None:
    shown = a_map()
    [trace] = traces(shown, ())
    assert trace.type == "scattergl"
    assert list(trace.customdata) == list(shown.keys)
    assert list(trace.x) == shown.points[:, 0].tolist()


def test_each_value_has_its_colour_and_shape_and_keeps_its_rows() -> None:
    shown = a_map()
    drawn = {t.name: t for t in traces(shown, colour(["a", "b", "a", None, "b", "a"], CATEGORY))}
    assert list(drawn["a · 3"].customdata) == ["k0", "k2", "k5"]
    assert list(drawn[f"{EMPTY} · 1"].customdata) == ["k3"]
    assert (drawn["a · 3"].marker.color, drawn["a · 3"].marker.symbol) == (PALETTE[0], SYMBOLS[0])
    assert drawn["b · 2"].marker.symbol != drawn["a · 3"].marker.symbol


def test_colours_and_shapes_are_as_many_as_values_that_have_one() -> None:
    assert len(set(PALETTE)) == len(set(SYMBOLS)) == 10


def test_the_commonest_ten_values_have_a_group_and_the_rest_share_one() -> None:
    values = [str(place) for place in range(15) for _ in range(20 - place)]
    found = groups(values)
    assert [group.name for group in found] == [*map(str, range(10)), "5 other values"]
    assert sum(len(group.places) for group in found) == len(values)
    assert found[-1] == Group("5 other values", None, found[-1].places)


@pytest.mark.parametrize(
    ("values", "column", "scale"),
    [
        (["1.5", None, "NaN"], PRICE, (1.5, math.nan, math.nan)),
        (["1970-01-03", None, "infinity"], DAY, (2.0, math.nan, math.nan)),
    ],
)
def test_numbers_and_dates_make_a_scale(
    values: list[str | None], column: PlainColumn, scale: tuple[float, ...]
) -> None:
    found = colour(values, column)
    assert isinstance(found, Scale)
    assert found.values == pytest.approx(scale, nan_ok=True)


def test_a_few_whole_numbers_are_names() -> None:
    found = colour(["1", "2", "1"], PRICE)
    assert not isinstance(found, Scale)
    assert [group.name for group in found] == ["1", "2"]


def test_times_without_a_day_are_names() -> None:
    assert not isinstance(colour(["12:30:00", "01:00:00"], PlainColumn("at", "time", "D")), Scale)


def test_a_scale_of_dates_says_its_ticks_in_words() -> None:
    [trace] = traces(a_map(3), Scale("added", (0.0, 10.0, math.nan), is_date=True))
    assert trace.marker.colorscale is not None
    assert trace.marker.colorbar.ticktext[0].startswith("1970-01-0")


def test_a_scale_without_any_number_is_drawn() -> None:
    assert traces(a_map(2), Scale("price", (math.nan, math.nan), is_date=False))


def test_too_many_points_become_a_cloud_and_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_charts, "MOST_POINTS", 100)
    monkeypatch.setattr(map_charts, "SHOWN_OF_MORE", 30)
    shown = a_map(500)
    cloud, points = traces(shown, ())
    assert cloud.type == "heatmap"
    assert np.sum(cloud.customdata) == 500
    assert len(points.x) == 30
    assert all(key in shown.keys for key in points.customdata)


def test_no_text_from_outside_is_markup() -> None:
    values: dict[str, tuple[str | None, ...]] = {"<i>1": ("<b>bold</b>", "<a href='x'>y</a>")}
    [told] = hover_texts(["<i>1"], values, ["title", "<u>brand"])
    assert "<b>&lt;b&gt;bold" in told
    for markup in ("<i>", "<a ", "<u>"):
        assert markup not in told
    [trace] = traces(a_map(1), groups(["<b>x</b>"]))
    assert trace.name == "&lt;b&gt;x&lt;/b&gt; · 1"


def test_long_texts_are_cut_and_a_row_that_is_gone_has_its_key() -> None:
    long, gone = hover_texts(["1", "2"], {"1": ("x" * 500,)}, ["title"])
    assert len(long) < 120
    assert gone == "id 2"


def test_hits_are_marked_by_rank_and_hollow_outside_the_sample() -> None:
    hits = [
        Hit(1, "k1", "in", 0.1, (0.0, 1.0), True),
        Hit(2, "x", "out", 0.2, (2.0, 3.0), False),
        Hit(3, "y", "nowhere", 0.3, None, False),
    ]
    drawn = {t.name: t for t in traces(a_map(), (), hits=hits, query=(5.0, 5.0))}
    assert list(drawn["search hits"].text) == ["<b>1</b>", "<b>2</b>"]
    assert list(drawn["search hits"].marker.symbol) == ["circle", "circle-open"]
    assert list(drawn["your words"].x) == [5.0]


def test_the_axes_have_titles_and_no_units() -> None:
    layout = map_figure(a_map(), (), hover=["x"] * 6).layout
    assert layout.xaxis.title.text == "PC 1"
    assert not layout.xaxis.showticklabels
    assert layout.yaxis.scaleanchor == "x"


def test_a_map_can_be_read_out() -> None:
    told = in_words(a_map(3), groups(["a", "a", "b"]))
    assert told == "Map of 3 rows by PC 1 and PC 2. a: 2, b: 1."


def test_two_windows_are_drawn_in_turns_with_their_centres() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    plane = principal_plane(vectors)

    def window(first: int) -> Window:
        points = plane.place(vectors[first : first + 20])
        x, y = points.mean(axis=0).tolist()
        return Window(tuple(f"k{first + n}" for n in range(20)), points, (x, y), 20, "all rows")

    overlay = Overlay(window(0), window(20), plane, drift(vectors[:20], vectors[20:], seed=0))
    figure = windows_figure(overlay, ("before <b>", "after"))
    names = [trace.name for trace in figure.data if trace.showlegend]
    assert names == ["before &lt;b&gt;", "after"]
    keys = [key for trace in figure.data if trace.type == "scattergl" for key in trace.customdata]
    assert sorted(keys) == sorted(overlay.before.keys + overlay.after.keys)
    assert len(figure.layout.annotations) == 1
