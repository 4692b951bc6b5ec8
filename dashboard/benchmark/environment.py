"""What stands beside every result, so that it can be judged and repeated: machine, server, data."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from dashboard import __version__
from dashboard.benchmark.machine import SERVER_ELSEWHERE, SERVER_HERE, machine
from dashboard.benchmark.plan import BenchmarkPlan
from db.columns import VectorColumn
from db.disk import is_here, storage
from db.stamp import server_stamp
from db.survey import Survey

ROOT = Path(__file__).resolve().parents[2]


def environment(
    connection: Connection, plan: BenchmarkPlan, column: VectorColumn, found: Survey
) -> dict[str, Any]:
    """Describe where a run takes place: this machine (the client), the server, and the rows."""
    return {
        "vectorscope": __version__,
        "revision": revision(),
        "started_at": datetime.now(UTC).isoformat(),
        **server_stamp(connection),
        "server": SERVER_HERE if is_here(connection) else SERVER_ELSEWHERE,
        "storage": storage(connection),
        "client": machine(),
        "rows": plan.searched_rows(found.rows),
        "type": column.type,
        "dimensions": found.dimensions,
        "rows_without_vector": found.nulls,
        "rows_without_direction": found.zeros,
        "distance": plan.distance.stem,
        "k": plan.k,
        "queries": plan.query_source,
        "seed": plan.seed,
    }


def revision() -> str:
    """Name the code: git's commit in a checkout, marked where files differ, else the version."""
    if not (ROOT / ".git").exists():
        return __version__
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__


def digest(*arrays: NDArray[Any]) -> str:
    """Hash the content of arrays, to tell whether data read again is the same."""
    content = hashlib.blake2b(digest_size=16)
    for array in arrays:
        content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()
