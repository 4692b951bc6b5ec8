"""A rule of the plan doctor: what it looks for, and what it says where it finds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from dashboard.advisor.doctor.case import Case
from dashboard.advisor.doctor.ordering import Ordering

Fix = Callable[[Ordering, Case], None]
"""Changes the tree that an ordering belongs to.  Raises NoRewrite where the statement is too involved."""


class NoRewrite(Exception):
    """The statement cannot be rewritten by rule; whoever wrote it has to."""


class Asks(Enum):
    """What a rule answers, and when it is asked."""

    WHY_NOT = "why the index is not used"
    WHY_NOT_AFTER_ALL = "why the index is not used, where nothing in the statement is to blame"
    WHICH = "why another index is used"
    TRUNCATED = "whether the answer is cut short"


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a rule saw, and what helps; ``fix`` rewrites the statement, where that is the remedy."""

    evidence: str
    remedy: str
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class DoctorRule:
    """One rule.  ``source`` is where it is known from; ``check`` is silent (None) where it does not apply."""

    name: str
    title: str
    asks: Asks
    source: str
    check: Callable[[Case], Symptom | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one statement.  ``rewritten_sql`` was seen to use the index, by EXPLAIN."""

    rule: str
    title: str
    evidence: str
    remedy: str
    rewritten_sql: str | None

    def to_document(self) -> Mapping[str, str | None]:
        """Make the JSON form."""
        return {
            "rule": self.rule,
            "title": self.title,
            "evidence": self.evidence,
            "remedy": self.remedy,
            "rewritten_sql": self.rewritten_sql,
        }
