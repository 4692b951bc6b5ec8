"""Why an index cannot be built here by this login, with what whoever can would run."""

from __future__ import annotations

from dataclasses import dataclass

from db.columns import spelled
from db.errors import DashboardError, PermissionDenied, ReadOnlyServer, RequestError
from db.index_ground import Ground
from db.index_plan import IndexPlan

_NO_INDEX = ("view", "foreign table")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason: the error it is as a job's, and the statements to hand over."""

    error: DashboardError
    statements: tuple[str, ...] = ()

    def raised(self) -> DashboardError:
        """Make the error whose remedy holds the statements too."""
        sql = "".join(f"\n{statement};" for statement in self.statements)
        return type(self.error)(self.error.message, f"{self.error.remedy}{sql}")


def obstacle(plan: IndexPlan, ground: Ground) -> Obstacle | None:
    """Find what keeps ``plan`` from being carried out; None where nothing does."""
    table = spelled(plan.column.schema, plan.column.table)
    if ground.kind in _NO_INDEX:
        told = RequestError(
            f"{table} is a {ground.kind}, which can have no index.", "Index the table behind it."
        )
        return Obstacle(told)
    if ground.in_recovery:
        return Obstacle(ReadOnlyServer("This server is a standby, where no index can be built."), (plan.sql,))
    if ground.kind == "partitioned table":
        told = RequestError(
            f"{table} is partitioned, and PostgreSQL builds no index on the whole of it concurrently.",
            "Build one on each partition, then attach them; writes go on meanwhile:",
        )
        return Obstacle(told, plan.for_partitions(ground.partitions))
    if not ground.is_owner:
        denied = PermissionDenied(
            f"{table} belongs to {ground.owner}, and only its owner can index it: "
            f"this login is {ground.role}.",
            f"Hand this to {ground.owner}:",
        )
        return Obstacle(denied, (plan.sql,))
    if not ground.can_create:
        denied = PermissionDenied(
            f"{ground.role} may create nothing in the schema {plan.column.schema}.", "Its owner can allow it:"
        )
        grant = f"GRANT CREATE ON SCHEMA {spelled(plan.column.schema)} TO {spelled(ground.role)}"
        return Obstacle(denied, (grant,))
    return _name_taken(plan, ground)


def _name_taken(plan: IndexPlan, ground: Ground) -> Obstacle | None:
    if plan.name not in ground.taken:
        return None
    if plan.given_name is None:
        told = RequestError(
            f"This very index is there already: {plan.name}.", "Rebuild it, or choose other options."
        )
    else:
        told = RequestError(
            f"The name {plan.name} is taken in the schema {plan.column.schema}.", "Choose another name."
        )
    return Obstacle(told)
