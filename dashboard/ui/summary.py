"""What the overview concludes: how healthy each column is, what the last run found, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import alike, judge
from dashboard.jobs.kinds import kind_named
from dashboard.ui.verdict_words import Words, words
from db.catalog import ColumnInfo
from db.columns import spelled
from db.jobs import Job
from db.runs import Run, Trial


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a column in two words, with a sign, as meaning never hangs on colour alone."""

    chip: str
    colour: str


INDEXED = Health("✓ indexed", "green")
EXACT_ONLY = Health("○ exact only", "blue")
BROKEN = Health("✕ invalid index", "red")
EMPTY = Health("∅ empty", "gray")
HEALTHS = (INDEXED, EXACT_ONLY, BROKEN, EMPTY)


@dataclass(frozen=True, slots=True)
class Way:
    """A button that leads to a page of ``pages/``."""

    button: str
    icon: str
    page: str
    query: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing to do now: why, and the way there or the statement that does it."""

    sentence: str
    way: Way | None = None
    statement: str | None = None


def health(column: ColumnInfo) -> Health:
    """Judge a column by its rows and its indexes."""
    if not all(index.valid for index in column.indexes):
        return BROKEN
    if column.rows == 0:
        return EMPTY
    return INDEXED if column.indexes else EXACT_ONLY


def next_step(columns: Sequence[ColumnInfo], runs: Sequence[Run], active: Sequence[Job]) -> NextStep:
    """Choose what to do next: watch what runs, load, repair, measure, or read the last result."""
    if active:
        job, kind = active[0], kind_named(active[0].kind)
        doing = "waits for its turn" if job.state == "queued" else f"is running, {job.fraction:.0%} done"
        return NextStep(
            f"{kind.label} of `{kind.subject(job.params)}` {doing}.",
            Way("Watch it", ":material/visibility:", "jobs.py", {"job": str(job.id)}),
        )
    filled = [column for column in columns if column.rows != 0]
    if not filled:
        return NextStep(
            "There are no vectors in the schemas you may read. Load the sample catalogue, random clusters, "
            "or a file of your own.",
            Way("Load sample data", ":material/upload:", "seed.py"),
        )
    if broken := next((column for column in filled if health(column) is BROKEN), None):
        invalid = next(index.name for index in broken.indexes if not index.valid)
        return NextStep(
            f"The index `{invalid}` is invalid: no search uses it, yet every write still pays for it. "
            "Rebuild it, or drop it.",
            statement=f"REINDEX INDEX CONCURRENTLY {spelled(broken.schema, invalid)};",
        )
    return _measure_or_read(filled, [run for run in runs if run.state == "succeeded"])


def _measure_or_read(filled: Sequence[ColumnInfo], runs: Sequence[Run]) -> NextStep:
    measured = {run.subject for run in runs}
    unmeasured = [column for column in filled if str(column) not in measured]
    if unmeasured:
        column = max(unmeasured, key=lambda c: c.rows or 0)
        return NextStep(
            f"Nobody has measured `{column}` yet. A benchmark tells whether exact search is quick enough on "
            "your rows, and what an index would gain and cost; your table is only read.",
            Way("Measure it", ":material/speed:", "benchmarks.py", {"c": str(column)}),
        )
    last, found = runs[0], finding(runs[0])
    return NextStep(
        f"Every column is measured. The last, `{last.subject}`: {found.badge.lower()} ({found.caption}).",
        Way(f"Open run {last.id}", ":material/speed:", "benchmarks.py", {"run": str(last.id)}),
    )


def best_trial(run: Run) -> Trial | None:
    """Choose the trial with an index that speaks for a run: the fastest of the accurate, else the surest."""
    return judge(alike(run.trials), Target()).nearest


def finding(run: Run) -> Words:
    """Say what a run found, in the words of the page Benchmarks."""
    return words(judge(alike(run.trials), Target()), len(run.trials), BenchmarkPlan.from_params(run.plan).k)
