"""The kinds of job there are, as data: what carries each out, and who may start one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dashboard import watching
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import benchmark, sweep_scratch
from dashboard.exporting.delivery import keep, sweep_exports
from dashboard.exporting.request import ExportRequest
from dashboard.identity import Role
from dashboard.indexing import change, reconcile
from dashboard.indexing.request import BuildRequest, ChangeRequest
from dashboard.indexing.run import KIND as BUILD_INDEX
from dashboard.indexing.run import Work, build_index
from dashboard.indexing.trial import KIND as TRIAL_BUILD
from dashboard.indexing.trial import trial_build
from dashboard.inspection.findability import FindRequest
from dashboard.inspection.probing import find_rows
from dashboard.inspection.run import InspectRequest, inspect
from dashboard.mapping.plan import MapPlan
from dashboard.mapping.run import make_map
from dashboard.seeding.imports.apply import import_file
from dashboard.seeding.imports.request import ImportRequest
from dashboard.seeding.imports.uploads import sweep_uploads
from dashboard.seeding.load import populate, sweep_staging
from dashboard.seeding.request import PopulateRequest
from dashboard.settings import settings
from db import claims, jobs, retention
from db.columns import spelled
from db.engine import Database
from db.errors import RequestError
from db.jobs import Job
from db.progress import Ledger

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job.  ``subject`` names what its parameters are about; ``run`` returns its result."""

    key: str
    label: str
    icon: str
    role: Role
    subject: Callable[[Params], str]
    run: Callable[[Database, Job, Ledger], dict[str, Any]]


def _populate(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    return asdict(populate(database, PopulateRequest.from_params(job.params), ledger, job_id=job.id))


def _import(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    request = ImportRequest.from_params(job.params)
    return import_file(database, request, ledger, job_id=job.id, subject=job.created_by)


def _benchmark(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    run_id = benchmark(
        database,
        BenchmarkPlan.from_params(job.params),
        ledger,
        created_by=job.created_by,
        job_id=job.id,
        budget_bytes=settings().scratch_budget_mb * 2**20,
        budget_s=settings().benchmark_budget_minutes * 60,
        build_memory_mb=settings().build_memory_mb,
    )
    return {"run": run_id}


def _export(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    return keep(database, ExportRequest.from_params(job.params), settings().home, ledger, job_id=job.id)


def _map(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    plan = MapPlan.from_params(job.params)
    return {"map": make_map(database, plan, ledger, created_by=job.created_by, job_id=job.id)}


def _inspect(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    request = InspectRequest.from_params(job.params)
    return {"inspection": inspect(database, request, ledger, created_by=job.created_by, job_id=job.id)}


def _find(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    request = FindRequest.from_params(job.params)
    return {"inspection": find_rows(database, request, ledger, created_by=job.created_by, job_id=job.id)}


def _work(database: Database, job: Job, ledger: Ledger) -> Work:
    return Work(database, ledger, job.id, job.created_by)


def _build_index(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    return build_index(_work(database, job, ledger), BuildRequest.from_params(job.params))


def _trial_build(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    return trial_build(_work(database, job, ledger), BuildRequest.from_params(job.params))


def _reindex(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    return change.reindex(_work(database, job, ledger), ChangeRequest.from_params(job.params))


def _drop_index(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    return change.drop_index(_work(database, job, ledger), ChangeRequest.from_params(job.params))


def _watch(database: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
    webhook = settings().watch_webhook_url
    return watching.look(database, job.params["watch"], ledger, job_id=job.id, webhook=webhook)


KINDS = (
    Kind(
        "populate",
        "Populate",
        ":material/upload:",
        Role.ENGINEER,
        lambda params: f"{params['schema']}.{params['table']}",
        _populate,
    ),
    Kind(
        "import",
        "Import",
        ":material/upload_file:",
        Role.ENGINEER,
        lambda params: f"{params['schema']}.{params['table']}{' (check only)' if params['dry_run'] else ''}",
        _import,
    ),
    Kind(
        "benchmark",
        "Benchmark",
        ":material/speed:",
        Role.ENGINEER,
        lambda params: str(params["column"]),
        _benchmark,
    ),
    Kind(
        "export",
        "Export",
        ":material/download:",
        Role.ANALYST,
        lambda params: str(params["column"]),
        _export,
    ),
    Kind(
        "map",
        "Map",
        ":material/scatter_plot:",
        Role.ANALYST,
        lambda params: str(params["column"]),
        _map,
    ),
    Kind(
        "inspect",
        "Inspection",
        ":material/query_stats:",
        Role.ANALYST,
        lambda params: str(params["column"]),
        _inspect,
    ),
    Kind(
        "findability",
        "Findability",
        ":material/radar:",
        Role.ANALYST,
        lambda params: str(params["column"]),
        _find,
    ),
    Kind(
        BUILD_INDEX,
        "Index build",
        ":material/construction:",
        Role.ENGINEER,
        lambda params: f"{params['column']} · {params['name'] or params['index']}",
        _build_index,
    ),
    Kind(
        TRIAL_BUILD,
        "Trial build",
        ":material/timer:",
        Role.ENGINEER,
        lambda params: f"{params['column']} · {params['index']}",
        _trial_build,
    ),
    Kind(
        change.REINDEX_KIND,
        "Index rebuild",
        ":material/autorenew:",
        Role.ENGINEER,
        lambda params: spelled(params["schema"], params["name"]),
        _reindex,
    ),
    Kind(
        change.DROP_KIND,
        "Index drop",
        ":material/delete:",
        Role.ENGINEER,
        lambda params: spelled(params["schema"], params["name"]),
        _drop_index,
    ),
    Kind(
        watching.KIND,
        "Watch",
        ":material/visibility:",
        Role.ENGINEER,
        lambda params: str(params["column"]),
        _watch,
    ),
)


def kind_named(key: str) -> Kind:
    """Find a kind.  Raises RequestError for an unknown one."""
    for kind in KINDS:
        if kind.key == key:
            return kind
    raise RequestError(
        f"There is no kind of job {key!r}.", f"Choose one of {', '.join(k.key for k in KINDS)}."
    )


def sweep(database: Database) -> None:
    """Drop the working tables of jobs that are over, and queue the looks that are due.

    A worker killed at the wrong moment leaves some.
    """
    with database.writing("janitor") as connection, connection.begin():
        claims.hold_back(connection)
        active = jobs.active_ids(connection)
        sweep_staging(connection, active)
        sweep_scratch(connection, active)
        sweep_uploads(settings().home, jobs.active_paths(connection))
        retention.drop_old(connection)
    reconcile.sweep(database)
    watching.queue_due(database)
    sweep_exports(settings().home, settings().export_keep_days)
