"""The jobs that rebuild or drop an index somebody named, beside the work that goes on there."""

from __future__ import annotations

from typing import Any

from sqlalchemy.schema import DropIndex

from dashboard.indexing.reconcile import turn
from dashboard.indexing.request import ChangeRequest
from dashboard.indexing.run import WAITING, Work
from dashboard.indexing.watching import Watch
from db import index_builds
from db.errors import DashboardError, TableNotFound
from db.index_builds import DROP, REINDEX, Intent
from db.index_ddl import ReindexIndex, carry_out
from db.index_plan import named
from db.index_targets import IndexTarget, find_index
from db.remedies import quoted

DROP_KIND, REINDEX_KIND = "drop_index", "reindex"


def reindex(work: Work, request: ChangeRequest) -> dict[str, Any]:
    """Rebuild an index in the place of the old one, which serves until then; return size and time.

    Raises what keeps it from being rebuilt concurrently: see ``IndexTarget.check``.
    """
    target = _find(work, request, "rebuilt")
    with turn(work.database, target.table_oid, lambda: work.ledger.tell(WAITING)):
        _drop_left(work, request)
        target = _find(work, request, "rebuilt")
        build_id = work.declare(_intent(REINDEX, target, f"REINDEX INDEX CONCURRENTLY {_quoted(target)}"))
        build_s, notices = _carried_out(work, request, target, build_id, REINDEX)
        work.log_remarks(notices)
        rebuilt = _find(work, request, "rebuilt")
        with work.database.control("reindex") as connection:
            size_bytes = index_builds.size_bytes(connection, rebuilt.oid)
        work.finish(
            build_id,
            "reindex",
            {"object": str(rebuilt)},
            index_oid=rebuilt.oid,
            build_s=build_s,
            size_bytes=size_bytes,
            rows=rebuilt.rows,
            notices=notices,
        )
    return {
        "build": build_id,
        "schema": rebuilt.schema,
        "index": rebuilt.name,
        "size_bytes": size_bytes,
        "build_s": build_s,
        "notices": notices,
    }


def drop_index(work: Work, request: ChangeRequest) -> dict[str, Any]:
    """Drop an index; one that an earlier attempt has dropped already is done."""
    if "build" in work.ledger.checkpoint and not _is_there(work, request):
        return {"schema": request.schema, "index": request.name}
    target = _find(work, request, "dropped")
    with turn(work.database, target.table_oid, lambda: work.ledger.tell(WAITING)):
        build_id = work.declare(_intent(DROP, target, f"DROP INDEX CONCURRENTLY {_quoted(target)}"))
        _carried_out(work, request, target, build_id, DROP)
        work.finish(build_id, "drop index", {"object": str(target)})
    return {"schema": target.schema, "index": target.name}


def _find(work: Work, request: ChangeRequest, doing: str) -> IndexTarget:
    with work.database.control("index") as connection:
        target = find_index(connection, request.schema, request.name)
    target.check(doing)
    return target


def _is_there(work: Work, request: ChangeRequest) -> bool:
    try:
        _find(work, request, "dropped")
    except TableNotFound:
        return False
    return True


def _intent(action: str, target: IndexTarget, sql: str) -> Intent:
    spec = {
        "method": target.method,
        "options": dict(target.options),
        "operator_class": target.operator_class,
        "valid": target.valid,
    }
    return Intent(action, target.indexed, target.name, spec, sql, target.index_oids, target.oid)


def _drop_left(work: Work, request: ChangeRequest) -> None:
    """Drop what an earlier attempt of this job has left beside the index."""
    with work.database.control("index") as connection:
        earlier = index_builds.of_job(connection, work.job_id)
        left = index_builds.made_by(connection, earlier.id) if earlier else ()
    for own in left:
        work.drop_left(own, request.patience_s)


def _carried_out(
    work: Work, request: ChangeRequest, target: IndexTarget, build_id: int, action: str
) -> tuple[float, list[str]]:
    """Change the index, and return the seconds that took and what the server remarked."""
    heard: list[str] = []
    index = named(target.schema, target.table, target.name)
    watch = Watch(work.database, work.ledger, build_id, request.deadline_s)
    try:
        took_s = carry_out(
            work.database,
            ReindexIndex(index) if action == REINDEX else DropIndex(index),
            purpose="index build",
            settings=request.settings,
            rows=target.rows,
            watch=watch,
            hear=heard.append,
        )
    except DashboardError as error:
        work.give_up(build_id, error, heard)
        raise
    return watch.without_waits(took_s), heard


def _quoted(target: IndexTarget) -> str:
    return quoted(target.schema, target.name)
