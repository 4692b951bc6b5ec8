"""What to do about a finding: statements to run, and the same as an Alembic migration."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Build:
    """An index a remedy builds: spelled as ``parse_spec`` reads it, and the stem of its distance."""

    index: str
    distance: str


DROP, REINDEX = "drop_index", "reindex"
"""Kinds of job that change an index there is."""

BY_HAND = {
    "": "Nothing to do.",
    "SET": "Not applied here: it belongs into the application's own sessions, or into that of a build.",
    "SELECT": "Not applied here: it lists the rows, and what is to become of them only their owner knows.",
}
"""Why no job carries out statements that begin so."""

FOR_THE_OWNER = "Not applied here: SQL for the owner of the table, or of the server, to run when it suits."
NO_STATEMENT = "Not applied here: no statement does it."


@dataclass(frozen=True, slots=True)
class Change:
    """An index that a job of ``kind`` drops or rebuilds; ``like`` it a benchmark builds on a copy."""

    kind: str
    index: str
    like: Build | None


@dataclass(frozen=True, slots=True)
class Remedy:
    """Statements in their order, with a remark on how or when to run them.

    With ``undo`` they change the schema, and ``migration`` is how a project keeps them; without, they belong
    to a session or only show rows.  ``outside`` a transaction run those that PostgreSQL refuses inside one.
    ``build`` is the index among them, which a benchmark can weigh and a job can build; ``changes`` are those
    that jobs drop or rebuild.
    """

    statements: tuple[str, ...] = ()
    undo: tuple[str, ...] | None = None
    outside: bool = False
    remark: str = ""
    build: Build | None = None
    changes: tuple[Change, ...] = ()

    @property
    def weighed(self) -> Build | None:
        """The index that a benchmark measures to verify this; None where there is none to build."""
        return self.build or next((change.like for change in self.changes if change.like), None)

    @property
    def by_hand(self) -> str:
        """Why no job carries this out; "" where one does."""
        if self.build or self.changes:
            return ""
        if not self.statements and self.remark:
            return NO_STATEMENT
        first = self.statements[0].split()[0] if self.statements else ""
        return BY_HAND.get(first, FOR_THE_OWNER)

    @property
    def sql(self) -> str:
        """The statements as psql takes them; "" where there is nothing to do."""
        remark = [f"-- {self.remark}"] if self.remark else []
        return "\n".join([*remark, *(f"{statement};" for statement in self.statements)])

    @property
    def migration(self) -> str:
        """The same as an Alembic revision's functions; "" where a migration is no place for it."""
        if self.undo is None:
            return ""
        return (
            f"def upgrade() -> None:\n{self._body(self.statements)}\n\n\n"
            f"def downgrade() -> None:\n{self._body(self.undo)}\n"
        )

    def _body(self, statements: tuple[str, ...]) -> str:
        if not statements:
            return "    pass"
        inside = [f"op.execute({_escaped(statement)!r})" for statement in statements]
        if not self.outside:
            return "\n".join(f"    {line}" for line in inside)
        return "\n".join(["    with op.get_context().autocommit_block():", *(f"        {x}" for x in inside)])


NOTHING_TO_DO = Remedy()


def _escaped(statement: str) -> str:
    """Keep op.execute from taking a colon in a name for a parameter."""
    return re.sub(r"(?<!:):(?=\w)", r"\\:", statement)
