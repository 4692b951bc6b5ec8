"""What a run knows of itself at its end: how quiet the machine was, and how wrong its forecast."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dashboard.benchmark.advice import recommended
from dashboard.benchmark.forecast import duration
from dashboard.benchmark.given import sentence
from dashboard.benchmark.noise import summary
from db.columns import VectorColumn
from db.runs import Run


def afterwards(run: Run, column: VectorColumn, took_s: float | None) -> dict[str, Any]:
    """Describe a run that is done; ``took_s`` is None for one that was interrupted.

    With a target, the answer is kept beside the circumstances: page, files and command line read it there.
    """
    noise, known = summary([t for t in run.trials if not t.is_short]), run.environment or {}
    remarks = [sentence(known["given_truth"])] if "given_truth" in known else []
    remarks += noise["remarks"]
    told: dict[str, Any] = {"finished_at": datetime.now(UTC).isoformat(), "noise": noise, "remarks": remarks}
    told |= {"answer": recommended(run, column)} if run.plan.get("target") else {}
    expected = known.get("forecast")
    if took_s is None or not expected:
        return told
    remarks.append(f"It took {duration(took_s)}; {duration(expected['total_s'])} had been forecast.")
    return {**told, "took_s": took_s, "took_over_forecast": took_s / expected["total_s"]}
