"""Our own tables, in schema ``vectorscope``; the benchmark's scratch copies live in ``vectorscope_bench``.

The Alembic revisions create what stands here; tests/db/test_migrations.py compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL

SCHEMA = "vectorscope"
SCRATCH_SCHEMA = "vectorscope_bench"
OWN_SCHEMAS = (SCHEMA, SCRATCH_SCHEMA)

metadata = MetaData(schema=SCHEMA)

ACTIVE = "state IN ('queued', 'running')"


def _of_column() -> tuple[Column[str], ...]:
    return tuple(Column(name, Text, nullable=False) for name in ("schema", "table", "column"))


job = Table(
    "job",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=False, server_default="3"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("worker", Text),
    Column("heartbeat_at", DateTime(timezone=True)),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger, nullable=False, server_default="0"),
    Column("unit", Text, nullable=False, server_default=""),
    Column("phase", Text, nullable=False, server_default=""),
    Column("checkpoint", JSONB, nullable=False, server_default="{}"),
    Column("result", JSONB),
    Column("cancel_requested", Boolean, nullable=False, server_default="false"),
    Column("error", Text),
    Column("remedy", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="job_state"),
    Index("job_active_dedupe", "dedupe_key", unique=True, postgresql_where=text(ACTIVE)),
    Index("job_active", "id", postgresql_where=text(ACTIVE)),
)

job_log = Table(
    "job_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="CASCADE"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("message", Text, nullable=False),
    Index("job_log_job", "job_id", "id"),
)

run = Table(
    "run",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="SET NULL"), unique=True),
    *_of_column(),
    Column("state", Text, nullable=False, server_default="running"),
    Column("plan", JSONB, nullable=False),
    Column("rows", BigInteger),
    Column("queries", Integer),
    Column("environment", JSONB),
    Column("fingerprint_before", Text),
    Column("fingerprint_after", Text),
    Column("created_by", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('running', 'succeeded', 'failed', 'cancelled')", name="run_state"),
)

trial = Table(
    "trial",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("run_id", BigInteger, ForeignKey(run.c.id, ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("method", Text, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("setting", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("plan_node", Text, nullable=False),
    Column("plan", JSONB, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("queries", Integer, nullable=False),
    Column("measures", JSONB, nullable=False),
    Column("latencies_ms", ARRAY(REAL), nullable=False),
    Column("recalls", ARRAY(REAL), nullable=False),
    Column("build_s", Float),
    Column("size_bytes", BigInteger),
    Column("measured_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("arm", Text, nullable=False, server_default="copy"),
    Column("rows", BigInteger),
    Column("k", Integer),
    Column("subset", Text),
    Column("load", JSONB, nullable=False, server_default="[]"),
    Column("facts", JSONB, nullable=False, server_default="{}"),
    Column("found", LargeBinary),
    Column("truth", Text),
    CheckConstraint("state IN ('measured', 'void')", name="trial_state"),
    UniqueConstraint("run_id", "position", name="trial_once"),
)

truth = Table(
    "truth",
    metadata,
    Column("run_id", BigInteger, ForeignKey(run.c.id, ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("neighbours", LargeBinary, nullable=False),
)

inspection = Table(
    "inspection",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="SET NULL")),
    Column("kind", Text, nullable=False),
    *_of_column(),
    Column("params", JSONB, nullable=False),
    Column("result", JSONB, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("inspection_column", "schema", "table", "column", "kind", "id"),
)

projection = Table(
    "projection",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="SET NULL")),
    *_of_column(),
    Column("method", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("quality", JSONB, nullable=False),
    Column("points", LargeBinary, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("projection_column", "schema", "table", "column", "id"),
)

saved_search = Table(
    "saved_search",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    *_of_column(),
    Column("name", Text, nullable=False),
    Column("question", JSONB, nullable=False),
    Column("vector", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("is_zero", Boolean, nullable=False),
    Column("of_row", Boolean, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("schema", "table", "column", "created_by", "name", name="saved_search_name"),
)

index_build = Table(
    "index_build",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="SET NULL"), unique=True),
    Column("action", Text, nullable=False),
    *_of_column(),
    Column("name", Text, nullable=False),
    Column("spec", JSONB, nullable=False),
    Column("sql", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="running"),
    Column("index_oid", BigInteger),
    Column("oids_before", ARRAY(BigInteger), nullable=False),
    Column("progress", JSONB, nullable=False, server_default="{}"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("build_s", Float),
    Column("size_bytes", BigInteger),
    Column("rows", BigInteger),
    Column("workers", Integer),
    Column("notices", ARRAY(Text), nullable=False, server_default="{}"),
    Column("error", Text),
    Column("created_by", Text, nullable=False),
    CheckConstraint("action IN ('build', 'reindex', 'drop')", name="index_build_action"),
    CheckConstraint("state IN ('running', 'succeeded', 'failed', 'cancelled')", name="index_build_state"),
    Index("index_build_name", "schema", "name", "id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("subject", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default="{}"),
    Column("job_id", BigInteger),
)

watch = Table(
    "watch",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    *_of_column(),
    Column("p95_ms", Float, nullable=False),
    Column("recall", Float, nullable=False),
    Column("every_s", Integer, nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("schema", "table", "column", name="watch_once"),
)

watch_look = Table(
    "watch_look",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("watch_id", BigInteger, ForeignKey(watch.c.id, ondelete="CASCADE"), nullable=False),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="SET NULL")),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("rows", BigInteger),
    Column("figures", JSONB, nullable=False),
    Column("indexes", JSONB, nullable=False),
    Column("breach", Text),
    Index("watch_look_watch", "watch_id", "id"),
)

watch_alert = Table(
    "watch_alert",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("watch_id", BigInteger, ForeignKey(watch.c.id, ondelete="CASCADE"), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("resolved_at", DateTime(timezone=True)),
    Column("told", Text, nullable=False, server_default="nothing"),
    CheckConstraint("told IN ('nothing', 'raised', 'resolved')", name="watch_alert_told"),
    Index("watch_alert_open", "watch_id", unique=True, postgresql_where=text("resolved_at IS NULL")),
)

decision = Table(
    "decision",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    *_of_column(),
    Column("rule", Text, nullable=False),
    Column("decided", Text, nullable=False),
    Column("reason", Text),
    Column("evidence", JSONB, nullable=False),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="SET NULL")),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("lifted_by", Text),
    Column("lifted_at", DateTime(timezone=True)),
    CheckConstraint("decided <> 'dismissed' OR reason IS NOT NULL", name="decision_reason"),
    Index("decision_column", "schema", "table", "column", "id"),
    Index(
        "decision_standing",
        "schema",
        "table",
        "column",
        "rule",
        unique=True,
        postgresql_where=text("decided = 'dismissed' AND lifted_at IS NULL"),
    ),
)
