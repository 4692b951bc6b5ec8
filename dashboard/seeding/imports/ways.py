"""The three ways rows get into a table: as that table, through a staging table, or straight."""

from __future__ import annotations

from sqlalchemy import Connection, Table

from dashboard.seeding.embedders import embedded_by
from dashboard.seeding.imports.place import find_place
from dashboard.seeding.imports.plan import ImportPlan
from dashboard.seeding.plan import BORROWED
from db import staging
from db.binary import BIGINT, Field
from db.errors import RequestError
from db.imports import Merged, count_lacking, hold_shape, merge, note_embedding, number_from
from db.schema import SCHEMA
from db.targets import Target
from db.words import counted


class Way:
    """How a plan's rows travel: first into ``schema.name``, as ``fields``, and from there to the table.

    ``numbers_rows`` says that the first field is the number of the row in the file.  The usual stop is a
    staging table, which a crash leaves for the next attempt and the janitor sweeps.  ``is_own`` says
    that ``begin`` creates it.
    """

    numbers_rows = False
    is_own = True

    def __init__(self, plan: ImportPlan, job_id: int) -> None:
        self.plan = plan
        self.fields = self._fields()
        self.table: Table = staging.staging_table(job_id, self.fields)
        self.schema, self.name = SCHEMA, self.table.name

    def begin(self, connection: Connection) -> None:
        """Make ready what the rows are sent into, empty."""
        staging.create_staging(connection, self.table)

    def is_begun(self, connection: Connection) -> bool:
        """Whether rows of an earlier attempt may still be there."""
        return staging.exists(connection, self.table)

    def publish(self, connection: Connection, sent: int) -> Merged:
        """Bring the ``sent`` rows to where they are wanted, and say what became of them.

        Raises RequestError where the table did not take them all.
        """
        raise NotImplementedError

    def abandon(self, connection: Connection) -> None:
        """Drop rows that nobody waits for any more."""
        staging.drop_staging(connection, self.table)

    def _fields(self) -> tuple[Field, ...]:
        return tuple(mapped.field for mapped in self.plan.route.columns)


class AsTable(Way):
    """The staging table becomes the table asked for."""

    def publish(self, connection: Connection, sent: int) -> Merged:
        """Give the table its key, its name and its notes."""
        request, route = self.plan.request, self.plan.route
        staging.add_key(connection, self.table)
        staging.publish_as_new(connection, self.table, request.schema, request.table)
        if route.columns[0].source is None:
            number_from(connection, request.schema, request.table, route.key[0], self.plan.rows + 1)
        # Not ours to drop, as what populate_db makes is: nobody could make these rows again.
        note = {"source": "import", "file": self.plan.file_name, "sha256": request.sha256, BORROWED: True}
        embedder = self.plan.embedder
        embedded = {route.vector: embedded_by(embedder, route.text)} if embedder else {}
        staging.annotate(connection, request.schema, request.table, note, embedded)
        return Merged(sent, 0)


class _IntoExisting(Way):
    """The table is there already."""

    def __init__(self, plan: ImportPlan, target: Target, job_id: int) -> None:
        super().__init__(plan, job_id)
        self.target = target

    def _note(self, connection: Connection) -> None:
        route, embedder = self.plan.route, self.plan.embedder
        if embedder:
            note_embedding(connection, self.target, route.vector, embedded_by(embedder, route.text))


class Staged(_IntoExisting):
    """One statement takes the rows from the staging table, reading them as the table's types."""

    numbers_rows = True

    def _fields(self) -> tuple[Field, ...]:
        name = "row number"
        while any(mapped.name == name for mapped in self.plan.route.columns):
            name += "_"
        return Field(name, BIGINT), *super()._fields()

    def publish(self, connection: Connection, sent: int) -> Merged:
        """Insert the rows, and update or pass over those that exist."""
        route, mode = self.plan.route, self.plan.request.mode
        names = [mapped.name for mapped in route.columns]
        merged = merge(connection, self.table, self.target, names, key=route.key, mode=mode)
        taken = merged.inserted + merged.updated
        if taken != sent and mode == "skip":
            # A row that was passed over has a key that is there now; what a trigger took has none.
            taken = sent - count_lacking(connection, self.table, self.target, route.key)
        staging.drop_staging(connection, self.table)
        if taken != sent:
            raise RequestError(
                f"The table took {taken:,} of {counted(sent)}: a trigger or rule of its own turned the "
                "others away. Nothing was imported.",
                "Disable that trigger or rule for the import.",
            )
        self._note(connection)
        return merged


class Straight(_IntoExisting):
    """COPY goes into the table itself, which takes the values as they are."""

    is_own = False

    def __init__(self, plan: ImportPlan, target: Target, job_id: int) -> None:
        super().__init__(plan, target, job_id)
        self.schema, self.name = target.schema, target.name

    def begin(self, connection: Connection) -> None:
        """Nothing is needed."""

    def abandon(self, connection: Connection) -> None:
        """Nothing is left: it was one transaction."""

    def publish(self, connection: Connection, sent: int) -> Merged:
        """The rows are there."""
        self._note(connection)
        return Merged(sent, 0)


def way_of(plan: ImportPlan, job_id: int, *, chunked: bool) -> Way:
    """Choose the shortest way there is for a plan."""
    if plan.target is None:
        return AsTable(plan, job_id)
    is_plain = plan.request.mode == "insert" and all(mapped.is_direct for mapped in plan.route.columns)
    return (Straight if is_plain and not chunked else Staged)(plan, plan.target, job_id)


def check_target(connection: Connection, plan: ImportPlan) -> None:
    """Let nobody alter the table before the transaction ends.

    Raises RequestError where it is no longer what the plan was made for.
    """
    for _ in range(2):  # once more when nobody can alter it any longer
        find_place(connection, plan.request)
        if plan.target:
            hold_shape(connection, plan.request.schema, plan.request.table)
