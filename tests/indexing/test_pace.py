"""A build's rate, its standstill, and the step the reader sees."""

import pytest

from dashboard.indexing.pace import Pace
from dashboard.indexing.presets import PRESETS, Preset
from dashboard.indexing.steps import STEPS, step_of


def seen(*counts: int, every_s: float = 1.0) -> Pace:
    pace = Pace()
    for place, done in enumerate(counts):
        pace.see("loading", done, place * every_s)
    return pace


def test_no_rate_is_told_before_it_tells_something() -> None:
    assert seen(0, 100).rate is None
    assert not seen(0, 100).is_stalled


def test_a_rate_is_that_of_the_last_seconds() -> None:
    assert seen(0, 100, 200, 300, 400, 500).rate == pytest.approx(100)


def test_a_build_ten_times_slower_than_at_its_best_is_stalled() -> None:
    quick = [place * 100 for place in range(10)]
    assert not seen(*quick).is_stalled
    assert seen(*quick, *[900] * 10).is_stalled
    assert not seen(*quick, *[900 + 50 * place for place in range(1, 10)]).is_stalled


def test_a_new_phase_is_not_measured_by_the_last_one() -> None:
    pace = seen(*range(0, 5000, 500))
    for place in range(10):
        pace.see("validating", place, 100 + place)
    assert not pace.is_stalled


@pytest.mark.parametrize(
    ("phase", "label"),
    [
        ("waiting for writers before build", "Wait for writers"),
        ("building index: loading tuples", "Load rows"),
        ("building index: performing k-means", "Load rows"),
        ("waiting for writers before validation", "Validate"),
        ("index validation: scanning table", "Validate"),
        ("waiting for old snapshots", "Wait for snapshots"),
        ("waiting for readers before dropping", "Wait for snapshots"),
        ("something new", "Wait for writers"),
    ],
)
def test_every_phase_of_the_server_belongs_to_a_step(phase: str, label: str) -> None:
    assert STEPS[step_of(phase)].label == label


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: f"{preset.method} {preset.label}")
@pytest.mark.parametrize("rows", [0, 1, 99, 10_000, 3_000_000, 10**11])
def test_every_preset_makes_an_index_for_any_number_of_rows(preset: Preset, rows: int) -> None:
    method = preset.make(rows)
    assert method.name == preset.method
    assert preset.about


def test_each_method_has_a_balanced_preset_that_the_form_begins_with() -> None:
    assert {preset.method for preset in PRESETS if preset.label == "Balanced"} == {"hnsw", "ivfflat"}
