"""What the logins may do, looked at before any row is: else the import would fail at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dashboard.seeding.imports.columns import Route
from dashboard.seeding.imports.request import ImportRequest
from db.columns import spelled
from db.engine import Database
from db.errors import PermissionDenied
from db.grants import lacking
from db.targets import Target
from db.write_grants import WriteGrant, lacking_to_create, lacking_to_fill, owns


def check_rights(database: Database, request: ImportRequest, target: Target | None, way: Route) -> None:
    """Raise PermissionDenied, with the grants, where the login that writes may not do what is asked."""
    with database.writing("import") as connection, connection.begin():
        if target is None:
            missing = lacking_to_create(connection, request.schema)
        else:
            brought = [mapped.name for mapped in way.columns]
            updated = [name for name in brought if name not in way.key] if request.mode == "update" else []
            # PostgreSQL has whoever updates a row to what the file says read the column, too.
            read = [*way.key, *updated] if request.mode != "insert" else []
            missing = lacking_to_fill(connection, target, brought=brought, read=read, updated=updated)
    if missing:
        statements = " ".join(grant.statement for grant in missing)
        raise PermissionDenied(_sentence(missing), f"Let the owner run: {statements}")


@contextmanager
def named_grants(database: Database, request: ImportRequest) -> Iterator[None]:
    """Add to a PermissionDenied of the login that reads which grants on the table it lacks."""
    try:
        yield
    except PermissionDenied as error:
        with database.reading("import") as connection:
            missing = lacking(connection, request.schema, request.table)
        if not missing:
            raise
        statements = " ".join(line for grant in missing for line in grant.statements)
        sentence = f"The login {missing[0].role}, which reads, is refused: {error.message}."
        raise PermissionDenied(sentence, f"Let the owner run: {statements}") from error


def unnoted(database: Database, target: Target, way: Route) -> Iterator[str]:
    """Tell that what embeds the text will not be known of the column, where only its owner can note it."""
    column = target.column(way.vector)
    if way.embedding is None or column is None or column.comment:
        return
    with database.writing("import") as connection, connection.begin():
        if not owns(connection, target):
            yield (
                f"Only its owner can note on {spelled(target.schema, target.name, way.vector)} what embedded "
                "it: a search by text will not know the embedder."
            )


def _sentence(missing: tuple[WriteGrant, ...]) -> str:
    lacks = " and ".join(f"{', '.join(grant.rights)} on {grant.on}" for grant in missing)
    return f"The login {missing[0].role}, which writes, lacks {lacks}."
