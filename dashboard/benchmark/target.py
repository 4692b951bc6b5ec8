"""What a search must reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from db.errors import RequestError

WANTED_RECALL = 0.95
"""What is asked for where nobody says."""


@dataclass(frozen=True, slots=True)
class Target:
    """Mean recall at least, and the latency that 95 % of queries stay below.

    Raises RequestError for a recall outside 0 to 1, or a latency that is not above 0.
    """

    recall: float = WANTED_RECALL
    p95_ms: float = 20.0

    def __post_init__(self) -> None:
        if not 0 <= self.recall <= 1:
            raise RequestError(f"A recall of {self.recall:g} cannot be reached.", "Give a share from 0 to 1.")
        if not self.p95_ms > 0:
            raise RequestError(f"A latency of {self.p95_ms:g} ms cannot be reached.", "Give more than 0 ms.")


@dataclass(frozen=True, slots=True)
class Untuned:
    """What a plan may ask of a sweep alone: beside a target nothing would come of it.

    ``is_asked`` looks at the plan's ``field``.
    """

    key: str
    field: str
    is_asked: Callable[[Any], bool]
    why: str


_ONE_BY_ONE = "candidates are compared by one query at a time"
_WHAT_IS_FOUND = "the search is for that very setting"

UNTUNED = (
    Untuned("second k", "ks", lambda ks: len(ks) > 1, "a setting is searched for one k"),
    Untuned("second filter", "subsets", lambda some: len(some) > 1, "a setting is searched for one filter"),
    Untuned("sizes", "sizes", bool, "the search chooses its own copies"),
    Untuned("clients", "clients", bool, _ONE_BY_ONE),
    Untuned("rate", "rate", bool, _ONE_BY_ONE),
    Untuned("rebuilds", "rebuilds", lambda builds: builds > 1, "each candidate is built once"),
    Untuned("inserts", "inserts", bool, "candidates are compared by their searches"),
    Untuned("live table", "live", bool, "candidates are compared on copies"),
    Untuned("clients on the live table", "live_clients", bool, "candidates are compared on copies"),
    Untuned("ef_search or probes", "variants", lambda some: any(v.values for v in some), _WHAT_IS_FOUND),
    Untuned(
        "second iterative_scan of a candidate",
        "variants",
        lambda some: any(len(v.scans) > 1 for v in some),
        "each candidate is searched in one way",
    ),
    Untuned(
        "second max_scan_tuples of a candidate",
        "variants",
        lambda some: any(len(v.tuples) > 1 for v in some),
        "each candidate is searched in one way",
    ),
)

SWEPT_ALONE = frozenset({"sizes", "clients", "rate", "rebuilds", "inserts", "live", "live_clients"})
"""The fields that a plan with a target leaves out altogether."""


def check_tuned(plan: object) -> None:
    """Raise RequestError where ``plan``, which has a target, asks for what a search for it does not do."""
    for each in UNTUNED:
        if each.is_asked(getattr(plan, each.field)):
            raise RequestError(
                f"A plan with a target takes no {each.key}: {each.why}.",
                "Leave it out, or leave out the target; what is found can be swept with it.",
            )
