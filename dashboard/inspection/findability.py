"""Can every row be found?  The index is asked for each probe's own vector, at several settings.

A canary, not recall: a row that does not find itself is lost to every search, while one that does may
still be missing from its neighbours' answers.  An IVFFlat index always looks in the list a row's own
vector leads to, so that lists which have drifted do not show here: confirm with a benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.inspection.report import Drawn
from dashboard.inspection.statistics import Interval
from db.errors import RequestError

KIND = "findability"

PROBES, SEED, K = 2_000, 42, 10
MOST_PROBES = 20_000

MOST_LISTED = 200
"""Rows that are kept by name."""


@dataclass(frozen=True, slots=True)
class FindRequest:
    """What to probe.  ``facet`` names a column to group by; None chooses one, "" groups by none.

    Raises RequestError for a number of probes out of bounds.
    """

    column: str
    probes: int = PROBES
    seed: int = SEED
    k: int = K
    facet: str | None = None
    distance: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.probes <= MOST_PROBES:
            raise RequestError(
                f"{self.probes:,} probes cannot be asked.", f"Ask for 1 to {MOST_PROBES:,} probes."
            )

    def to_params(self) -> dict[str, Any]:
        """Make the job's parameters."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> FindRequest:
        """Read a job's parameters."""
        return cls(**params)


@dataclass(frozen=True, slots=True)
class Group:
    """The probes with one value of the facet; ``value`` is None for the rows without one."""

    value: str | None
    probes: int
    lost: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Rung:
    """One setting: how many probes it found, and what one search usually took, as this process saw it."""

    setting: int
    found: int
    search_ms: float


@dataclass(frozen=True, slots=True)
class Lost:
    """A row that does not come back; ``enough`` is the setting that finds it, None where none tried did."""

    key: str
    reason: str
    enough: int | None


@dataclass(frozen=True, slots=True)
class Findability:
    """How many of ``probes`` rows find themselves at ``setting``, which was in force.

    ``found`` counts ties: a row is found where every one of the k in its place is as near.  Of these,
    ``shadowed`` did not come back themselves: copies of them did.  ``interval`` bounds the share found;
    ``lost`` names the first MOST_LISTED of the rows that were not, and after them of the shadowed ones.
    """

    distance: str
    index: str
    method: str
    parameter: str
    setting: int
    k: int
    sample: Drawn
    probes: int
    found: int
    shadowed: int
    interval: Interval
    facet: str | None
    groups: tuple[Group, ...]
    rungs: tuple[Rung, ...]
    reasons: tuple[tuple[str, int, str], ...]
    lost: tuple[Lost, ...]

    @property
    def share(self) -> float:
        """Share of the probes that were found, in [0, 1]."""
        return self.found / self.probes

    @property
    def lost_rows(self) -> int:
        """How many of the probes were not found."""
        return self.probes - self.found

    @property
    def missing(self) -> tuple[Lost, ...]:
        """The rows that were not found, as many as are kept by name; without the shadowed ones."""
        return self.lost[: self.lost_rows]

    @property
    def current(self) -> Rung:
        """The rung of the setting in force."""
        return next(rung for rung in self.rungs if rung.setting == self.setting)

    @property
    def remedy(self) -> Rung | None:
        """The cheapest setting tried that finds as many as any; None where the one in force does."""
        most = max(rung.found for rung in self.rungs)
        best = next(rung for rung in self.rungs if rung.found == most)
        return best if best.found > self.found else None

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form; "summary" is what trends are drawn from."""
        return asdict(self) | {"summary": {"share": self.share}}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Findability:
        """Read what ``to_document`` made."""
        given = {name: value for name, value in document.items() if name in cls.__slots__}
        groups = (Group(**{**g, "interval": Interval(**g["interval"])}) for g in given["groups"])
        return cls(
            **{
                **given,
                "sample": Drawn(**given["sample"]),
                "interval": Interval(**given["interval"]),
                "groups": tuple(groups),
                "rungs": tuple(Rung(**rung) for rung in given["rungs"]),
                "reasons": tuple((word, rows, remedy) for word, rows, remedy in given["reasons"]),
                "lost": tuple(Lost(**row) for row in given["lost"]),
            }
        )
