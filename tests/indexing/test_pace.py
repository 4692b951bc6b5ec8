"""A build's rate, its standstill, and the step the reader sees."""

from collections.abc import Sequence

import pytest

from dashboard.identity import LOCAL
from dashboard.indexing import watching
from dashboard.indexing.pace import Pace
from dashboard.indexing.presets import PRESETS, Preset
from dashboard.indexing.request import BuildRequest
from dashboard.indexing.steps import STEPS, step_of
from dashboard.indexing.watching import Watch
from dashboard.jobs import queue
from dashboard.ui.index_progress import badge
from db import index_builds
from db.catalog import find_column
from db.engine import Database
from db.index_builds import BUILD, Intent
from db.index_ddl import Sight
from db.progress import Unrecorded
from tests.indexing.conftest import COLUMN, job_of, record_of


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


def test_a_standstill_is_logged_shown_and_over_when_it_goes_on(
    items: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = queue.submit(items, LOCAL, "build_index", BuildRequest(COLUMN, "hnsw").to_params())
    with items.writing("test") as connection, connection.begin():
        intent = Intent(BUILD, find_column(connection, COLUMN), "made", {}, "CREATE INDEX made", ())
        build_id = index_builds.declare(connection, intent, job_id=job_id, created_by="local").id
    ledger, clock = Unrecorded(), iter(range(1_000))
    monkeypatch.setattr(watching, "monotonic", lambda: float(next(clock)))
    watch = Watch(items, ledger, build_id, deadline_s=1_000)

    def see(counts: Sequence[int]) -> str:
        for done in counts:
            watch(Sight("building index: loading tuples", done, 10_000, "rows", workers=2))
        job = job_of(items, job_id)
        record = record_of(items, job)
        assert record.progress["done"] == counts[-1]
        return badge(job, record.progress)[0]

    assert see([place * 100 for place in range(10)]) == "queued"
    assert see([900] * 10) == "stalled"
    assert see([900 + place * 100 for place in range(10)]) == "queued"
    assert ledger.lines == [
        "stalled: 0.0 rows/s, 100.0 at its best",
        "goes on: 20.0 rows/s, 100.0 at its best",
    ]


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
