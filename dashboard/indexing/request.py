"""What a reader asks for: an index to build, to rebuild or to drop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from db.catalog import ColumnInfo, default_distance
from db.conditions import from_text
from db.distance import distance_named
from db.errors import RequestError
from db.forms import parse_spec
from db.index_plan import IndexPlan
from db.indexes import Parameter

MEMORY = Parameter(
    "maintenance_work_mem", 64, 1, 2_097_151, "MB for this build alone; a parallel one takes all at once."
)
WORKERS = Parameter("workers", 2, 0, 1024, "Processes that help this build; 0 builds by one process.")
PATIENCE = Parameter("patience", 600, 1, 86_400, "Seconds to wait for each older transaction.")
DEADLINE = Parameter("deadline", 86_400, 1, 30 * 86_400, "Seconds after which the build is given up.")


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """An index to build on ``column``; ``index`` is spelled as the command line does, ``where`` as JSON.

    ``memory_mb`` and ``workers`` left out are the server's own.  Raises RequestError for numbers out of
    bounds; what the column cannot take shows in ``plan``.
    """

    column: str
    index: str
    distance: str | None = None
    where: str = ""
    name: str | None = None
    memory_mb: int | None = None
    workers: int | None = None
    patience_s: int = PATIENCE.default
    deadline_s: int = DEADLINE.default

    def __post_init__(self) -> None:
        if self.memory_mb is not None:
            MEMORY.check(self.memory_mb)
        if self.workers is not None:
            WORKERS.check(self.workers)
        PATIENCE.check(self.patience_s)
        DEADLINE.check(self.deadline_s)

    def plan(self, column: ColumnInfo) -> IndexPlan:
        """Make the index of it.  Raises RequestError where there is no such index on such a column."""
        distance = distance_named(self.distance) if self.distance else default_distance(column)
        return IndexPlan(column, parse_spec(self.index), distance, from_text(self.where), self.name)

    @property
    def settings(self) -> dict[str, str]:
        """What the session that builds sets; statement_timeout gives way to the deadline."""
        asked = {"lock_timeout": f"{self.patience_s}s", "statement_timeout": "0"}
        if self.memory_mb is not None:
            asked["maintenance_work_mem"] = f"{self.memory_mb}MB"
        if self.workers is not None:
            asked["max_parallel_maintenance_workers"] = str(self.workers)
        return asked

    def to_params(self) -> dict[str, Any]:
        """Make the job's parameters."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> BuildRequest:
        """Read a job's parameters."""
        return cls(**params)


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """An index that exists, to be rebuilt or dropped; ``typed`` is its name as the reader typed it.

    Raises RequestError where what was typed is not the name.
    """

    schema: str
    name: str
    typed: str
    patience_s: int = PATIENCE.default
    deadline_s: int = DEADLINE.default

    def __post_init__(self) -> None:
        PATIENCE.check(self.patience_s)
        DEADLINE.check(self.deadline_s)
        if self.typed != self.name:
            raise RequestError(
                f"{self.typed[:80]!r} is not the name of the index.",
                f"Type {self.name} to say that you mean this one.",
            )

    @property
    def settings(self) -> dict[str, str]:
        """What the session that changes it sets."""
        return {"lock_timeout": f"{self.patience_s}s", "statement_timeout": "0"}

    def to_params(self) -> dict[str, Any]:
        """Make the job's parameters."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> ChangeRequest:
        """Read a job's parameters."""
        return cls(**params)
