"""The memory of a build as a bar, and its statement in lines."""

import pytest

from dashboard.indexing.trial import Timed
from dashboard.ui.index_forecast import memory_chart
from dashboard.ui.tables import MB


def test_what_fits_is_one_bar_before_the_line() -> None:
    figure = memory_chart(100 * MB, 512 * MB, "hnsw")
    assert [bar.x[0] for bar in figure.data] == [100, 0]
    assert [note.text for note in figure.layout.annotations] == ["maintenance_work_mem 512 MB"]


def test_what_does_not_fit_is_hatched_and_said() -> None:
    figure = memory_chart(1447 * MB, 512 * MB, "ivfflat")
    fits, lacks = figure.data
    assert (fits.x[0], lacks.x[0]) == (512, 935)
    assert lacks.marker.pattern.shape == "/"
    assert "<b>935 MB does not fit</b>" in [note.text for note in figure.layout.annotations]


def test_what_leaves_memory_takes_longer() -> None:
    timed = Timed(5_000, 10.0, "a trial build")
    whole = timed.forecast_s(50_000, 1.0, spills=True)
    assert whole == pytest.approx(10 * 10 * 10.82 / 8.517, rel=0.01)
    assert timed.forecast_s(50_000, 0.5, spills=True) == pytest.approx(2 * whole)
    assert timed.forecast_s(50_000, 0.5, spills=False) == whole
