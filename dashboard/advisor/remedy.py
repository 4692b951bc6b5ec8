"""What to do about a finding: statements to run, and the same as an Alembic migration."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Build:
    """An index a remedy builds: spelled as ``parse_spec`` reads it, and the stem of its distance."""

    index: str
    distance: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """Statements in their order, with a remark on how or when to run them.

    With ``undo`` they change the schema, and ``migration`` is how a project keeps them; without, they belong
    to a session or only show rows.  ``outside`` a transaction run those that PostgreSQL refuses inside one.
    ``build`` is the index among them, which a benchmark can weigh and a job can build.
    """

    statements: tuple[str, ...] = ()
    undo: tuple[str, ...] | None = None
    outside: bool = False
    remark: str = ""
    build: Build | None = None

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
