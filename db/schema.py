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
    Column("schema", Text, nullable=False),
    Column("table", Text, nullable=False),
    Column("column", Text, nullable=False),
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
    CheckConstraint("state IN ('measured', 'void')", name="trial_state"),
    UniqueConstraint("run_id", "position", name="trial_once"),
)

inspection = Table(
    "inspection",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("job_id", BigInteger, ForeignKey(job.c.id, ondelete="SET NULL")),
    Column("kind", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("table", Text, nullable=False),
    Column("column", Text, nullable=False),
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
    Column("schema", Text, nullable=False),
    Column("table", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("quality", JSONB, nullable=False),
    Column("points", LargeBinary, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("projection_column", "schema", "table", "column", "id"),
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
