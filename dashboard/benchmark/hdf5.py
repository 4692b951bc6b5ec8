"""A run as ann-benchmarks keeps its results: times, neighbours and distances of every query, in HDF5.

Source: ann-benchmarks, results.py (``store_results``), runner.py (the attributes), plotting/metrics.py
(``knn_threshold``: a row is found that is no farther than the k-th true one and an epsilon of 1e-3).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import h5py
import numpy as np

from dashboard.benchmark.measures import RECALL_TOLERANCE
from dashboard.benchmark.verdict import index_name, setting_name
from db.neighbours import MOST_BYTES, Kept, Neighbours
from db.runs import LIVE, Figures, Run, Trial

TRUTH = "truth"

_UNKEPT = f"neighbors and distances: not kept by older runs, nor beyond {MOST_BYTES / 2**20:.0f} MB a trial"
_LIVE = "neighbors: of the live table nothing but distances is read"


def to_hdf5(run: Run, observed: Mapping[int, Figures]) -> bytes:
    """Write one group a trial, each laid out as a result file of ann-benchmarks: attributes and datasets.

    ``times`` are seconds, the median of each query's repeats.  ``neighbors`` count the rows from 0 in the
    order of the key, and are -1, with a distance of inf, where nothing came back.  ``truth`` leads to the
    exact answers, laid out as in a data set of that tool, of which the first k count.  ``metrics/knn``
    holds what that tool keeps there once it has computed it, by our ``epsilon``: how many of the k nearest
    each query found.
    """
    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        file.attrs.update({"run": run.id, "column": run.subject, "plan": json.dumps(run.plan)})
        for trial in run.trials:
            if trial.position in observed:
                _group(file, run, trial, observed[trial.position])
    return written.getvalue()


def _group(file: h5py.File, run: Run, trial: Trial, figures: Figures) -> None:
    exact = _truth(file, figures.kept) if figures.kept else None
    # Of fewer rows than k none can be missed that is not there.
    count = min(trial.k or 0, exact["distances"].shape[1]) if exact else trial.k or 0
    recalls = np.asarray(figures.recalls)
    latencies_ms = np.asarray(figures.latencies_ms).reshape(len(recalls), -1)
    group = file.create_group(f"{trial.position:04d}")
    group.attrs.update(
        {
            "algo": trial.method,
            "name": f"{index_name(trial)}, {setting_name(trial)}",
            "dataset": run.subject,
            "distance": run.plan["distance"],
            "count": count,
            "run_count": latencies_ms.shape[1],
            "batch_mode": False,
            "expect_extra": False,
            "candidates": float(count * (1 - trial.measures.get("under_fill", 0.0))),
            "best_search_time": float(latencies_ms.mean(axis=0).min() / 1000),
            "build_time": trial.build_s or 0.0,
            "index_size": (trial.size_bytes or 0) / 1024,
        }
    )
    group.create_dataset("times", data=np.median(latencies_ms, axis=1) / 1000)
    metrics = group.create_group("metrics/knn")
    metrics.attrs.update(
        {"mean": float(recalls.mean()), "std": float(recalls.std()), "epsilon": RECALL_TOLERANCE}
    )
    metrics.create_dataset("recalls", data=recalls * count)
    if figures.kept and exact:
        _put(group, Neighbours.unpacked(figures.kept.found), count)
        group[TRUTH] = h5py.SoftLink(exact.name)
    if trial.arm == LIVE or not exact:
        group.attrs["absent"] = _LIVE if exact else _UNKEPT


def _truth(file: h5py.File, kept: Kept) -> h5py.Group:
    """Put the exact answers beside the trials, once."""
    name = f"{TRUTH}/{kept.digest}"
    if name not in file:
        _put(file.create_group(name), Neighbours.unpacked(kept.truth), None)
    return file[name]


def _put(group: h5py.Group, found: Neighbours, count: int | None) -> None:
    group.create_dataset("distances", data=found.distances[:, :count], compression="gzip")
    if found.positions is not None:
        group.create_dataset("neighbors", data=found.positions[:, :count], compression="gzip")
