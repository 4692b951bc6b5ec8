"""A run as a file to take away: for a spreadsheet, for a program, for a reader, for ann-benchmarks' tools."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from dashboard.benchmark.document import to_document, to_row
from dashboard.benchmark.measures import MEASURES
from dashboard.benchmark.report import to_html
from dashboard.benchmark.verdict import index_name, setting_name
from db.errors import RequestError
from db.runs import Figures, Run, Trial

Observed = Mapping[int, Figures]
"""What each trial observed, by its position; nothing for those that are void."""

_FACTS = (
    *("size_forecast_bytes", "server_ms", "hit_blocks", "read_blocks", "first_round_ms"),
    *("workers", "spilled"),
)

_ABSENT = "neighbors and distances of single queries: a run keeps latencies and recalls of each query alone"


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: how it is named, and what writes it."""

    name: str
    label: str
    suffix: str
    mime: str
    about: str
    write: Callable[[Run, Observed], bytes]


def flat_row(run: Run, trial: Trial) -> dict[str, Any]:
    """Put one trial into one row: every key a column that all runs have, None where a trial has nothing."""
    row = to_row(trial)
    inserted = trial.facts.get("inserted", {})
    bounds = {
        f"{m.key}{end}": trial.measures.get(f"{m.key}{end}")
        for m in MEASURES
        for end in ("", "_low", "_high")
    }
    options = {"options": _spelled(trial.options), "setting": _spelled(trial.setting)}
    asked = (
        "position",
        "arm",
        "index",
        "k",
        "subset",
        "rows",
        "queries",
        "state",
        "reason",
        "plan_node",
        "pinned",
    )
    return (
        {"run": run.id, "column": run.subject}
        | {name: row[name] for name in asked}
        | options
        | bounds
        | {name: row[name] for name in ("build_s", "size_bytes", "size_over_forecast")}
        | {name: trial.facts.get(name) for name in _FACTS}
        | {"load": json.dumps(trial.load)}
        | {f"insert_{name}": inserted.get(name) for name in ("rows", "row_ms", "wal_bytes")}
    )


def to_csv(run: Run, observed: Observed) -> bytes:
    """Write one line a trial, by RFC 4180; text that a spreadsheet would take for a formula is quoted."""
    rows = [flat_row(run, trial) for trial in run.trials]
    written = io.StringIO(newline="")
    table = csv.DictWriter(written, list(rows[0]) if rows else ["run"])
    table.writeheader()
    table.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return written.getvalue().encode()


def to_json(run: Run, observed: Observed) -> bytes:
    """Write the whole run, with its plan and environment, as the command line prints it."""
    return json.dumps(to_document(run, observed), default=str, indent=2).encode()


def to_parquet(run: Run, observed: Observed) -> bytes:
    """Write one row a trial with the figures of every query; plan and environment are in the metadata."""
    rows = [
        flat_row(run, trial)
        | {"latencies_ms": _of(observed, trial).latencies_ms, "recalls": _of(observed, trial).recalls}
        for trial in run.trials
    ]
    lists = {name: pa.list_(pa.float32()) for name in ("latencies_ms", "recalls")}
    types = lists | {name: pa.float64() for name in _figures(rows)}
    arrays = {
        name: pa.array([row[name] for row in rows], types.get(name)) for name in (rows[0] if rows else ())
    }
    about = {"plan": json.dumps(run.plan), "environment": json.dumps(run.environment, default=str)}
    written = io.BytesIO()
    parquet.write_table(pa.table(arrays).replace_schema_metadata(about), written, compression="zstd")
    return written.getvalue()


def to_hdf5(run: Run, observed: Observed) -> bytes:
    """Write one group a trial, each as a result file of ann-benchmarks: attributes, ``times``, its metrics.

    ``times`` are seconds, the median of each query's repeats.  ``metrics/knn`` holds what that tool keeps
    there once it has computed it: how many of the k nearest each query found.  Source: ann-benchmarks,
    results.py and plotting/metrics.py.
    """
    written = io.BytesIO()
    with h5py.File(written, "w") as file:
        file.attrs.update(
            {"run": run.id, "column": run.subject, "plan": json.dumps(run.plan), "absent": _ABSENT}
        )
        for trial in run.trials:
            if trial.position in observed:
                _hdf5_group(file, run, trial, observed[trial.position])
    return written.getvalue()


def _hdf5_group(file: h5py.File, run: Run, trial: Trial, figures: Figures) -> None:
    count = trial.k or 0
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
            "absent": _ABSENT,
        }
    )
    group.create_dataset("times", data=np.median(latencies_ms, axis=1) / 1000)
    metrics = group.create_group("metrics/knn")
    metrics.attrs.update({"mean": float(recalls.mean()), "std": float(recalls.std())})
    metrics.create_dataset("recalls", data=recalls * count)


def _of(observed: Observed, trial: Trial) -> Figures:
    return observed.get(trial.position, Figures([], []))


def _spelled(options: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in options.items())


def _figures(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Name the columns of numbers, also where this run has none of them."""
    known = {f"{m.key}{end}" for m in MEASURES for end in ("", "_low", "_high")}
    for name in rows[0] if rows else ():
        if (
            name in known
            or name.startswith("insert_")
            or name in {"build_s", "size_over_forecast", *_FACTS} - {"spilled"}
        ):
            yield name


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


FORMATS = (
    Format("csv", "CSV", "csv", "text/csv", "One line a trial, for a spreadsheet", to_csv),
    Format(
        "json", "JSON", "json", "application/json", "The whole run with its plan and environment", to_json
    ),
    Format(
        "parquet",
        "Parquet",
        "parquet",
        "application/vnd.apache.parquet",
        "One row a trial, with the latency and recall of every query",
        to_parquet,
    ),
    Format("html", "Report", "html", "text/html", "One page to print or send, with nothing to load", to_html),
    Format(
        "hdf5",
        "HDF5",
        "hdf5",
        "application/x-hdf5",
        "One group a trial, laid out as ann-benchmarks keeps its results",
        to_hdf5,
    ),
)
"""Every kind of file a run can be taken away as."""


def format_named(name: str) -> Format:
    """Find a format.  Raises RequestError for an unknown one."""
    for each in FORMATS:
        if each.name == name:
            return each
    raise RequestError(
        f"A run cannot be written as {name!r}.", f"Choose {', '.join(each.name for each in FORMATS)}."
    )
