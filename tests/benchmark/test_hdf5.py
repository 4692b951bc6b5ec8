"""What every query found, taken away: ann-benchmarks would compute of the file the recall that we did."""

import io
from dataclasses import replace

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.benchmark.hdf5 import to_hdf5
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.trials import sweep
from db import neighbours
from db.arms import MISSING
from db.distance import Distance
from db.forms import parse_spec
from db.neighbours import Neighbours
from db.runs import LIVE, Figures, Run, figures
from tests.benchmark.conftest import Bench

# Between whole numbers no two distances are nearer to each other than the 1e-3 that ann-benchmarks allows.
GRID = """
CREATE TABLE grid (id int PRIMARY KEY, e vector(4));
SELECT setseed(0.5);
INSERT INTO grid
SELECT i, (SELECT array_agg(floor(random() * 20 + 0 * (g + i))) FROM generate_series(1, 4) AS g)::vector
FROM generate_series(1, 800) AS i;
CREATE INDEX ON grid USING ivfflat (e vector_l2_ops) WITH (lists = 20); ANALYZE grid;
"""

PLAN = BenchmarkPlan(
    "public.grid.e",
    Distance.L2,
    sweep([parse_spec("hnsw:m=2,ef_construction=8"), parse_spec("ivfflat:lists=20")],
          {"ef_search": [8], "probes": [1, 20]}),
    ks=(5, 10),
    queries=60,
    subsets=(None, "id<=40"),
    live=True,
)  # fmt: skip


ALONE = replace(PLAN, variants=(), ks=(10,), live=False)


@pytest.fixture
def grid(bench: Bench) -> Bench:
    bench.execute(GRID)
    return bench


def observed_of(bench: Bench, run: Run) -> dict[int, Figures]:
    with bench.database.reading("tests") as connection:
        return figures(connection, run.id, range(len(run.trials)), neighbours=True)


def recall_of_ann_benchmarks(group: h5py.Group, epsilon: float = 1e-3) -> NDArray[np.float64]:
    """Count for each query what is no farther than the k-th true row: plotting/metrics.py, 2024."""
    count = int(group.attrs["count"])
    threshold = group["truth/distances"][: len(group["times"]), count - 1] + epsilon
    return np.asarray((group["distances"][:, :count] <= threshold[:, None]).sum(axis=1) / count)


def test_recall_computed_from_the_file_is_that_of_each_trial(grid: Bench) -> None:
    measured = grid.run(PLAN)
    observed = observed_of(grid, measured)
    done = [trial for trial in measured.trials if trial.is_measured]
    with h5py.File(io.BytesIO(to_hdf5(measured, observed))) as file:
        for trial in done:
            group = file[f"{trial.position:04d}"]
            recall = recall_of_ann_benchmarks(group)
            assert recall.tolist() == pytest.approx(observed[trial.position].recalls)
            assert recall.mean() == pytest.approx(trial.measures["recall"])
            assert len(group["distances"]) == len(group["times"]) == trial.queries
            assert ("neighbors" in group) is (trial.arm != LIVE), "of the live table distances alone are read"
        truths = file["truth"]
        assert len([t for t in truths.values() if "neighbors" in t]) == 2, "one for each filter, of both k"

    recalls = [trial.measures["recall"] for trial in done]
    assert min(recalls) < 0.9, "something was missed, so that the comparison means something"
    assert max(recalls) == 1
    assert {trial.arm for trial in done} == {"copy", LIVE}
    assert {trial.subset for trial in done} == {None, "id <= 40"}


def test_the_neighbours_are_the_rows_that_the_server_found(grid: Bench) -> None:
    kept = observed_of(grid, grid.run(replace(ALONE, subsets=("id<=40",))))[0].kept
    assert kept
    found, truth = Neighbours.unpacked(kept.found), Neighbours.unpacked(kept.truth)
    assert found.positions is not None
    assert truth.positions is not None
    asked = len(found.positions)
    assert found.distances == pytest.approx(truth.distances[:asked])
    assert found.positions.max() < 40, "counted in the order of the key"
    nearer = truth.distances[:asked] < truth.distances[:asked, -1:]
    for ours, theirs, sure in zip(found.positions, truth.positions, nearer, strict=False):
        assert set(theirs[sure]) <= set(ours)


def test_more_than_is_kept_is_left_out_and_the_file_says_so(
    grid: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "MOST_BYTES", 100)
    run = grid.run(replace(ALONE, subsets=(None,)))
    assert grid.execute("SELECT count(*) FROM vectorscope.truth") == [(0,)]
    with h5py.File(io.BytesIO(to_hdf5(run, observed_of(grid, run)))) as file:
        assert "distances" not in file["0000"]
        assert "nor beyond 8 MB" in file["0000"].attrs["absent"]


def test_what_was_packed_is_read_again_and_told_from_others() -> None:
    found = Neighbours(np.array([[1, np.inf]], np.float32), np.array([[7, MISSING]], np.int32))
    read = Neighbours.unpacked(found.packed())
    assert read.positions is not None
    assert (read.distances.tolist(), read.positions.tolist()) == ([[1, np.inf]], [[7, MISSING]])
    alone = Neighbours(found.distances)
    assert Neighbours.unpacked(alone.packed()).positions is None
    assert read.digest == found.digest != alone.digest
