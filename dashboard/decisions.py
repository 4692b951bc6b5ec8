"""What people decide on the advisor's findings: kept with the evidence, audited, and what it hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from dashboard import auditing
from dashboard.advisor.advice import Advice, Advised
from dashboard.advisor.evidence import taken, worse
from dashboard.identity import Principal, Role, require
from db import decisions
from db.catalog import ColumnInfo
from db.decisions import DISMISSED, Decision
from db.engine import Database
from db.errors import RequestError

UNREADABLE = (
    "Vectorscope's own tables are not in this database, are of an earlier release, or may not be read by "
    "this login: python -m dashboard migrate."
)
READ_ONLY = "This login, or this server, may only read Vectorscope's own tables."


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a rule says of a column, and the dismissal it is hidden by."""

    decision: Decision
    advice: tuple[Advice, ...]


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A dismissal that hides nothing any more, because what it was about is essentially worse."""

    decision: Decision
    because: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """Advice held against the dismissals: what is ``shown``, what is ``hidden``, and what came back.

    ``lapsed`` goes by column and rule.
    """

    shown: tuple[Advice, ...]
    hidden: tuple[Hidden, ...]
    lapsed: dict[tuple[str, str], Lapsed]


def why_not_kept(database: Database) -> str | None:
    """Say why no decision can be kept here; None where it can."""
    with database.reading("decisions") as connection:
        if not decisions.are_kept(connection):
            return UNREADABLE
    with database.writing("decisions") as connection:
        return None if decisions.may_keep(connection) else READ_ONLY


def standing(database: Database) -> tuple[Decision, ...]:
    """Read every dismissal that stands; none where decisions are not kept, or not for this login."""
    with database.reading("decisions") as connection:
        return decisions.standing(connection) if decisions.are_kept(connection) else ()


def dismiss(
    database: Database, principal: Principal, advised: Advised, rule: str, *, reason: str | None
) -> int:
    """Hide what a rule says of a column from now on, and return the decision's number.

    Raises NotPermitted below an engineer, RequestError for a rule that is silent or a reason that is none.
    """
    require(principal, Role.ENGINEER, "dismiss a finding")
    said = of_rule(advised.spoken, rule)
    column = advised.facts.column
    if not said:
        raise RequestError(f"The rule {rule} has nothing to say of {column}.", "There is nothing to dismiss.")
    with database.writing("decisions") as connection, connection.begin():
        number = decisions.keep_decision(
            connection,
            column,
            rule,
            DISMISSED,
            evidence=taken(said, advised.facts.budget_ms),
            created_by=principal.name,
            reason=reason,
        )
        auditing.record(
            connection, principal, "dismiss finding", f"{column}: {rule}", detail={"reason": reason}
        )
    return number


def bring_back(database: Database, principal: Principal, decision: Decision) -> None:
    """End a dismissal.  Raises NotPermitted below an engineer, RequestError where it has ended already."""
    require(principal, Role.ENGINEER, "bring a finding back")
    with database.writing("decisions") as connection, connection.begin():
        if not decisions.lift(connection, decision.id, lifted_by=principal.name):
            raise RequestError(
                f"{decision.rule} on {decision.subject} is not dismissed any more.", "Look at it again."
            )
        auditing.record(connection, principal, "bring finding back", f"{decision.subject}: {decision.rule}")


@dataclass(frozen=True, slots=True)
class Followed:
    """A finding that somebody goes on to verify or to apply, from its card to the job they start."""

    advice: Advice
    column: ColumnInfo
    decided: str
    budget_ms: float

    def keep(self, connection: Connection, principal: Principal, job_id: int) -> None:
        """Write down that this job was started for it, in the transaction that queues the job."""
        decisions.keep_decision(
            connection,
            self.column,
            self.advice.rule.key,
            self.decided,
            evidence=taken([self.advice], self.budget_ms),
            created_by=principal.name,
            job_id=job_id,
        )


def weigh(spoken: Sequence[Advice], dismissals: Sequence[Decision]) -> Weighed:
    """Hold what the rules say against what is dismissed; the order stays."""
    hiding: dict[tuple[str, str], Decision] = {}
    lapsed: dict[tuple[str, str], Lapsed] = {}
    for decision in dismissals:
        said = [advice for advice in of_rule(spoken, decision.rule) if advice.column == decision.subject]
        if not said:
            continue
        if because := worse(decision.evidence, said):
            lapsed[decision.subject, decision.rule] = Lapsed(decision, because)
        else:
            hiding[decision.subject, decision.rule] = decision
    shown = tuple(advice for advice in spoken if _key(advice) not in hiding)
    hidden = tuple(
        Hidden(decision, tuple(advice for advice in spoken if _key(advice) == key))
        for key, decision in hiding.items()
    )
    return Weighed(shown, hidden, lapsed)


def of_rule(spoken: Sequence[Advice], rule: str) -> tuple[Advice, ...]:
    """Choose what one rule says."""
    return tuple(advice for advice in spoken if advice.rule.key == rule)


def to_documents(advised: Advised, dismissals: Sequence[Decision]) -> list[dict[str, Any]]:
    """Make the JSON form of advice; a finding that is hidden is marked, and not left out."""
    weighed = weigh(advised.spoken, dismissals)
    hidden = {advice: each.decision for each in weighed.hidden for advice in each.advice}
    documents = []
    for advice in advised.spoken:
        document = advice.to_document()
        if decision := hidden.get(advice):
            document["dismissed"] = who_and_why(decision)
        elif lapse := weighed.lapsed.get(_key(advice)):
            document["shown_again"] = {**who_and_why(lapse.decision), "because": lapse.because}
        documents.append(document)
    return documents + [quiet.to_document() for quiet in advised.silent]


def who_and_why(decision: Decision) -> dict[str, Any]:
    """Make the JSON form of a dismissal."""
    return {
        "decision": decision.id,
        "by": decision.created_by,
        "at": decision.created_at.isoformat(),
        "reason": decision.reason,
    }


def _key(advice: Advice) -> tuple[str, str]:
    return advice.column, advice.rule.key
