"""A run as a file to take away: for a spreadsheet, for a program, for a reader, for ann-benchmarks' tools."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from dashboard.benchmark.document import to_document, to_row
from dashboard.benchmark.hdf5 import to_hdf5
from dashboard.benchmark.measures import MEASURES
from dashboard.benchmark.report import to_html
from db.errors import RequestError
from db.runs import Figures, Run, Trial

Observed = Mapping[int, Figures]
"""What each trial observed, by its position; nothing for those that are void."""

_FACTS = (
    *("size_forecast_bytes", "server_ms", "hit_blocks", "read_blocks", "first_round_ms"),
    *("workers", "spilled", "wal_forecast_bytes"),
)


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: how it is named, and what writes it; ``neighbours``: with what every query found."""

    name: str
    label: str
    suffix: str
    mime: str
    about: str
    write: Callable[[Run, Observed], bytes]
    neighbours: bool = False


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
        "One group a trial, laid out as ann-benchmarks keeps its results, with what every query found",
        to_hdf5,
        neighbours=True,
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
