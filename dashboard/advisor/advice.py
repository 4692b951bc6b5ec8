"""What a rule says: a finding with its evidence and its remedy, or why it is silent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import NOTHING_TO_DO, Remedy


class Severity(Enum):
    """How bad a finding is, the worst first."""

    BROKEN = "broken"
    WRONG = "wrong results"
    SLOW = "slow"
    PLAN = "plan ahead"
    SAVE = "save"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Number:
    """A figure as it is shown, and what it counts.

    ``weight`` is the bare number of the one figure by which a finding grows worse as it rises.
    """

    value: str
    what: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A rule that speaks: one sentence or two, the numbers they rest on, and the query that gives them.

    ``about`` names the index, column or operator it is about, where a rule may speak of several.
    """

    finding: str
    numbers: tuple[Number, ...]
    query: str
    remedy: Remedy = NOTHING_TO_DO
    about: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a rule has nothing to say: what it looked at, or what it could not see."""

    reason: str


Looked = Sequence[Said] | Silence


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to look for.  ``group`` is what it looks at; ``source`` where its threshold comes from."""

    key: str
    title: str
    group: str
    severity: Severity
    source: str
    look: Callable[[Facts], Looked]


@dataclass(frozen=True, slots=True)
class Advice:
    """What one rule said of one column."""

    rule: Rule
    column: str
    said: Said

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form."""
        return {
            "rule": self.rule.key,
            "column": self.column,
            "severity": self.rule.severity.value,
            "finding": self.said.finding,
            "evidence": "; ".join(f"{number.value} {number.what}" for number in self.said.numbers),
            "sql": self.said.remedy.sql,
            "migration": self.said.remedy.migration,
            "source": self.rule.source,
            "query": self.said.query,
        }


@dataclass(frozen=True, slots=True)
class Quiet:
    """A rule that was silent on one column."""

    rule: Rule
    column: str
    reason: str

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form: nothing found, and the reason."""
        return {
            "rule": self.rule.key,
            "column": self.column,
            "severity": "silent",
            "finding": None,
            "evidence": None,
            "sql": None,
            "migration": None,
            "source": self.rule.source,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Advised:
    """Every rule asked of one column: those that spoke, the worst first, and those that did not."""

    facts: Facts
    spoken: tuple[Advice, ...]
    silent: tuple[Quiet, ...]

    def to_documents(self) -> list[dict[str, Any]]:
        """Make the JSON form: one entry for each advice, then one for each silent rule."""
        spoken = [advice.to_document() for advice in self.spoken]
        return spoken + [quiet.to_document() for quiet in self.silent]


def advise(facts: Facts, rules: Sequence[Rule]) -> Advised:
    """Put the facts of a column before every rule."""
    column = str(facts.column)
    spoken: list[Advice] = []
    silent: list[Quiet] = []
    for rule in rules:
        looked = rule.look(facts)
        if isinstance(looked, Silence):
            silent.append(Quiet(rule, column, looked.reason))
        else:
            spoken += (Advice(rule, column, said) for said in looked)
    worst = list(Severity)
    spoken.sort(key=lambda advice: worst.index(advice.rule.severity))
    return Advised(facts, tuple(spoken), tuple(silent))
