"""Results that stay, changed by nobody, and what every query found beside what it should have

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = "vectorscope"

REFUSE = """
CREATE FUNCTION vectorscope.keep_results() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  again CONSTANT text DEFAULT 'Measure again: that makes another run. A run can be deleted, as a whole.';
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE restrict_violation
      USING MESSAGE = format('The table vectorscope.%s holds results: it is not emptied.', TG_TABLE_NAME),
            HINT = again;
  ELSIF TG_TABLE_NAME = 'run' THEN
    RAISE restrict_violation
      USING MESSAGE = format('Run %s is finished: its results are never changed.', OLD.id), HINT = again;
  ELSIF TG_TABLE_NAME = 'truth' THEN
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT FROM vectorscope.run r WHERE r.id = OLD.run_id) THEN
      RAISE restrict_violation
        USING MESSAGE = format('The exact answers of run %s are kept: they are never changed.', OLD.run_id),
              HINT = again;
    END IF;
  ELSIF TG_OP = 'UPDATE' THEN
    RAISE restrict_violation
      USING MESSAGE = format('Trial %s of run %s is kept: what it measured is never changed.',
                             OLD.position, OLD.run_id), HINT = again;
  ELSIF TG_OP = 'INSERT' THEN
    IF EXISTS (SELECT FROM vectorscope.run r WHERE r.id = NEW.run_id AND r.state <> 'running') THEN
      RAISE restrict_violation
        USING MESSAGE = format('Run %s is finished: no trial is added to it.', NEW.run_id), HINT = again;
    END IF;
    RETURN NEW;
  ELSIF EXISTS (SELECT FROM vectorscope.run r WHERE r.id = OLD.run_id) THEN
    RAISE restrict_violation
      USING MESSAGE = format('Trial %s of run %s is kept: it goes only with the whole run.',
                             OLD.position, OLD.run_id), HINT = again;
  END IF;
  RETURN OLD;
END $$
"""

# Whatever becomes of the job, the run stays: its number may be taken from it, and nothing else.
FINISHED_RUN = """
CREATE TRIGGER run_kept BEFORE UPDATE ON vectorscope.run FOR EACH ROW
WHEN (OLD.state <> 'running'
      AND to_jsonb(NEW) NOT IN (to_jsonb(OLD), jsonb_set(to_jsonb(OLD), '{job_id}', 'null')))
EXECUTE FUNCTION vectorscope.keep_results()
"""

KEPT_TRIAL = """
CREATE TRIGGER trial_kept BEFORE UPDATE OR DELETE ON vectorscope.trial FOR EACH ROW
EXECUTE FUNCTION vectorscope.keep_results()
"""

KEPT_TRUTH = """
CREATE TRIGGER truth_kept BEFORE UPDATE OR DELETE ON vectorscope.truth FOR EACH ROW
EXECUTE FUNCTION vectorscope.keep_results()
"""

NO_LATE_TRIAL = """
CREATE TRIGGER trial_in_time BEFORE INSERT ON vectorscope.trial FOR EACH ROW
EXECUTE FUNCTION vectorscope.keep_results()
"""

NOT_EMPTIED = (
    "CREATE TRIGGER run_not_emptied BEFORE TRUNCATE ON vectorscope.run "
    "FOR EACH STATEMENT EXECUTE FUNCTION vectorscope.keep_results()",
    "CREATE TRIGGER trial_not_emptied BEFORE TRUNCATE ON vectorscope.trial "
    "FOR EACH STATEMENT EXECUTE FUNCTION vectorscope.keep_results()",
    "CREATE TRIGGER truth_not_emptied BEFORE TRUNCATE ON vectorscope.truth "
    "FOR EACH STATEMENT EXECUTE FUNCTION vectorscope.keep_results()",
)

# Also where session_replication_role leaves other triggers out.  Not trial_in_time: a dump that is read
# back, runs first, adds the trials of runs that are finished.
ALWAYS = (
    "ALTER TABLE vectorscope.run ENABLE ALWAYS TRIGGER run_kept",
    "ALTER TABLE vectorscope.trial ENABLE ALWAYS TRIGGER trial_kept",
    "ALTER TABLE vectorscope.truth ENABLE ALWAYS TRIGGER truth_kept",
)


def upgrade() -> None:
    op.add_column("trial", sa.Column("found", sa.LargeBinary), schema=SCHEMA)
    op.add_column("trial", sa.Column("truth", sa.Text), schema=SCHEMA)
    run = sa.ForeignKey(f"{SCHEMA}.run.id", ondelete="CASCADE")
    op.create_table(
        "truth",
        sa.Column("run_id", sa.BigInteger, run, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("neighbours", sa.LargeBinary, nullable=False),
        schema=SCHEMA,
    )
    for statement in (REFUSE, FINISHED_RUN, KEPT_TRIAL, KEPT_TRUTH, NO_LATE_TRIAL, *NOT_EMPTIED, *ALWAYS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER run_kept ON vectorscope.run")
    op.execute("DROP TRIGGER trial_kept ON vectorscope.trial")
    op.execute("DROP TRIGGER trial_in_time ON vectorscope.trial")
    op.execute("DROP TRIGGER run_not_emptied ON vectorscope.run")
    op.execute("DROP TRIGGER trial_not_emptied ON vectorscope.trial")
    op.drop_table("truth", schema=SCHEMA)
    for name in ("truth", "found"):
        op.drop_column("trial", name, schema=SCHEMA)
    op.execute("DROP FUNCTION vectorscope.keep_results()")
