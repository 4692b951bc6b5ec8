"""What the Advisor reads: the rules asked of a column, kept for some minutes, and who could not be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from dashboard.advising import advise_on
from dashboard.advisor.advice import Advice, Advised, Quiet, Severity
from dashboard.ui import state
from db import watches
from db.catalog import ColumnInfo, check_populated
from db.errors import ConnectionFailed, DashboardError


@dataclass(frozen=True, slots=True)
class Looked:
    """Every rule asked of some columns: what each said, and the columns that could not be read."""

    advised: tuple[Advised, ...]
    failed: Mapping[str, DashboardError]
    took_s: float

    @property
    def spoken(self) -> list[Advice]:
        """What the rules found, the worst first; columns keep their order."""
        worst = list(Severity)
        found = (advice for advised in self.advised for advice in advised.spoken)
        return sorted(found, key=lambda advice: worst.index(advice.rule.severity))

    def of(self, column: str) -> Advised:
        """What the rules said of one column."""
        return next(advised for advised in self.advised if str(advised.facts.column) == column)

    @property
    def silent(self) -> list[Quiet]:
        """What the rules that found nothing looked at."""
        return [quiet for advised in self.advised for quiet in advised.silent]


@state.cached(ttl_s=600, max_entries=64)
def _advised(
    _column: ColumnInfo,
    name: str,
    indexes: tuple[str, ...],
    budget_ms: float | None,
    seen: tuple[float, int | None] | None,
) -> tuple[Advised, float]:
    """Ask every rule; ``indexes`` and what a watch has ``seen`` are part of the question.

    Sizes and counts change all the time, and are none.
    """
    started = perf_counter()
    return advise_on(state.database(), _column, budget_ms=budget_ms), perf_counter() - started


def look(columns: Sequence[ColumnInfo], budget_ms: float | None) -> Looked:
    """Ask every rule about each column; one that is locked or may not be read keeps nobody from the others.

    Without ``budget_ms`` each column has its own, as ``advise_on`` says.

    Raises ConnectionFailed where the database does not answer, and the error itself for a single column.
    """
    advised, failed, took_s = [], {}, 0.0
    with state.database().reading("watch") as connection:
        seen = watches.last_looks(connection)
    for column in columns:
        shapes = tuple(f"{index.name} {index.valid}" for index in column.indexes)
        try:
            check_populated(column)
            found, seconds = _advised(column, str(column), shapes, budget_ms, seen.get(str(column)))
        except ConnectionFailed:
            raise
        except DashboardError as error:
            if len(columns) == 1:
                raise
            failed[str(column)] = error
        else:
            advised.append(found)
            took_s += seconds
    return Looked(tuple(advised), failed, took_s)


def look_again() -> None:
    """Forget what the rules said; as a button's ``on_click``."""
    state.forget()
