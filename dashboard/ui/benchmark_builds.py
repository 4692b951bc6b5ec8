"""What an index costs, figure by figure: its build, its size, inserting beside it, and how builds differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from dashboard.benchmark.judged import size_over_forecast
from dashboard.benchmark.verdict import index_name
from dashboard.ui.benchmark_charts import Bars
from dashboard.ui.benchmark_shown import Shown
from dashboard.ui.charts import figure_of
from dashboard.ui.units import counted, duration, size
from db.runs import Trial

_UNITS = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}


def bytes_of(setting: str) -> int | None:
    """Read a size as PostgreSQL shows a setting; None for what is none.

    >>> bytes_of("128MB"), bytes_of("0"), bytes_of("on")
    (134217728, 0, None)
    """
    match = re.fullmatch(r"(\d+)\s*([kMGT]?B)?", setting, re.ASCII)
    return int(match[1]) * _UNITS[match[2] or "B"] if match else None


def panels(shown: Shown) -> list[Bars]:
    """Choose the panels that this run has figures for."""
    return list(_panels(shown))


def _panels(shown: Shown) -> Iterator[Bars]:
    rebuilt = shown.plan.rebuilds > 1
    low, high = _over_builds(shown, lambda t: t.build_s)
    yield Bars("build time", lambda t: t.build_s, _build, low if rebuilt else None, high if rebuilt else None)
    yield Bars(
        "index size, share of shared_buffers", lambda t: t.size_bytes, _size_of(shown), beside=_forecast
    )
    if any("wal_forecast_bytes" in t.facts for t in shown.copies):
        yield Bars("WAL of the build if logged", lambda t: t.facts.get("wal_forecast_bytes"), _build_wal)
    if any("inserted" in t.facts for t in shown.copies):
        yield Bars("time a row inserted", lambda t: _inserted(t).get("row_ms"), _row)
        yield Bars("WAL a row inserted", lambda t: _inserted(t).get("wal_bytes"), _wal)
    if rebuilt:
        low, high = _over_builds(shown, lambda t: t.measures.get("recall"))
        yield Bars(
            f"recall@{shown.k}, first setting",
            lambda t: t.measures.get("recall"),
            lambda t: _spread(low(t), high(t)),
            low,
            high,
        )


def _over_builds(
    shown: Shown, of: Callable[[Trial], float | None]
) -> tuple[Callable[[Trial], float | None], Callable[[Trial], float | None]]:
    """Find the least and the most that the builds of a trial's index gave, at the same setting."""

    def values(trial: Trial) -> list[float]:
        same = [
            t
            for t in shown.every
            if not t.is_short
            and _first_build(t) == _first_build(trial)
            and t.setting == trial.setting
            and t.arm == trial.arm
        ]
        return [value for t in same if t.rows == trial.rows and (value := of(t)) is not None]

    return (lambda t: min(values(t), default=None)), (lambda t: max(values(t), default=None))


def _first_build(trial: Trial) -> dict[str, int | str]:
    return {"": index_name(trial).split()[0], **{n: v for n, v in trial.options.items() if n != "build"}}


def _build(trial: Trial) -> str:
    if trial.build_s is None:
        return "none"
    how = [duration(trial.build_s)]
    if trial.facts.get("spilled"):
        how.append("spilled")
    if workers := trial.facts.get("workers"):
        how.append(counted(workers, "worker"))
    return ", ".join(how)


def _size_of(shown: Shown) -> Callable[[Trial], str]:
    settings = (shown.run.environment or {}).get("settings", {})
    buffers = bytes_of(settings.get("shared_buffers", ""))

    def written(trial: Trial) -> str:
        if not trial.size_bytes:
            return "none"
        told = size(trial.size_bytes)
        return f"{told}, {100 * trial.size_bytes / buffers:.2g} %" if buffers else told

    return written


def _forecast(trial: Trial) -> str:
    """Say how large the index had been forecast, and how many times that it is."""
    times = size_over_forecast(trial)
    return f"~{size(trial.facts['size_forecast_bytes'])} forecast, {times:.2f} times" if times else ""


def _row(trial: Trial) -> str:
    return f"{figure_of(_inserted(trial)['row_ms'])} ms" if _inserted(trial) else ""


def _wal(trial: Trial) -> str:
    return size(_inserted(trial)["wal_bytes"]) if _inserted(trial) else ""


def _build_wal(trial: Trial) -> str:
    """Say what building it on a table that is logged would write; the copy is not."""
    forecast = trial.facts.get("wal_forecast_bytes")
    return f"~{size(forecast)}" if forecast else "none"


def _spread(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f"{low:.3f}" if low == high else f"{low:.3f} to {high:.3f}"


def _inserted(trial: Trial) -> dict[str, Any]:
    inserted: dict[str, Any] = trial.facts.get("inserted", {})
    return inserted
