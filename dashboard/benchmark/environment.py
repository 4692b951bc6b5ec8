"""What stands beside every result, so that it can be judged and repeated: machine, server, data."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from dashboard import __version__
from dashboard.benchmark.plan import BenchmarkPlan
from db.columns import VectorColumn
from db.stamp import server_stamp
from db.survey import Survey


def environment(
    connection: Connection, plan: BenchmarkPlan, column: VectorColumn, found: Survey
) -> dict[str, Any]:
    """Describe where a run takes place: this machine (the client), the server, and the rows."""
    return {
        "vectorscope": __version__,
        **server_stamp(connection),
        "client": {
            "cpus": os.cpu_count(),
            "memory_bytes": memory_bytes(),
            "load_average": os.getloadavg(),
        },
        "rows": plan.searched_rows(found.rows),
        "type": column.type,
        "dimensions": found.dimensions,
        "rows_without_vector": found.nulls,
        "rows_without_direction": found.zeros,
        "distance": plan.distance.stem,
        "k": plan.k,
        "seed": plan.seed,
    }


def memory_bytes() -> int:
    """Size of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def digest(*arrays: NDArray[Any]) -> str:
    """Hash the content of arrays, to tell whether data read again is the same."""
    content = hashlib.blake2b(digest_size=16)
    for array in arrays:
        content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()
