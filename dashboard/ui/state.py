"""The only place that knows Streamlit's caches and session: the instance, cached reads, widget values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, ParamSpec, TypeVar, cast

import streamlit as st

from dashboard import question
from dashboard.instance import serving
from dashboard.question import Answer, Question
from dashboard.reading import Reading, StillReading, go_on
from db import activity, audit, catalog, jobs
from db.audit import AuditRow
from db.capabilities import Capabilities, capabilities
from db.catalog import ColumnInfo, PlainColumn, vector_columns
from db.columns import VectorColumn
from db.engine import Database
from db.errors import ConnectionFailed, ExtensionMissing
from db.examples import Example
from db.examples import examples as find_examples
from db.jobs import Job, LogLine
from db.ladder import Rung
from db.migrate import Revision, revisions
from db.runs import Run, list_runs, load_run, load_run_of_job

P = ParamSpec("P")
R = TypeVar("R")


def cached(*, ttl_s: float, max_entries: int = 16) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a read returns for ``ttl_s`` seconds, by its arguments.

    An argument whose name begins with ``_`` is no part of the key.  For reads that belong to one page and
    stand beside its drawing: this is their door to the cache.
    """

    def keep(read: Callable[P, R]) -> Callable[P, R]:
        return cast(
            "Callable[P, R]", st.cache_data(ttl=ttl_s, max_entries=max_entries, show_spinner=False)(read)
        )

    return keep


def database() -> Database:
    """The database every page asks; for one run under the limit that a reader has raised."""
    raised_s = recall(_RAISED)
    return serving().database.lent_as(read_timeout_s=raised_s) if raised_s else serving().database


def in_time(place: str, question: object, read: Callable[[Database], R]) -> R:
    """Give what a read returns, which goes on beside the page where it takes long: the one door for those.

    ``question`` is all the read depends on; of each ``place`` a session has one at a time.
    Raises StillReading after a moment, which the page's error boundary knows to show.
    """
    readings: dict[str, Reading] = recall("readings", {})
    remember("readings", readings)
    lent, asked = database(), (_nothing_forgotten_since(), question)
    # Nothing of the session is touched from here on: Streamlit 1.67 may end the run there, and lose the read.
    readings[place] = reading = go_on(readings.get(place), lent, asked, read)
    if not reading.comes_in_time():
        raise StillReading(reading)
    del readings[place]
    return cast("R", reading.result())


@st.cache_data(show_spinner=False)
def _nothing_forgotten_since() -> float:
    """A moment that is another after ``forget``: what was read before may not be what is there."""
    return monotonic()


_RAISE, _RAISED = "raise limit", "raised limit"


def raise_limit(limit_s: int) -> None:
    """Let what is read next take ``limit_s``, once; as a button's ``on_click``."""
    remember(_RAISE, limit_s)


@contextmanager
def limit_as_raised() -> Iterator[None]:
    """Keep a limit that was raised until the outermost such block ends: a page, or a fragment by itself."""
    raised_s = recall(_RAISE)
    if raised_s:
        remember(_RAISE, None)
        remember(_RAISED, raised_s)
    try:
        yield
    finally:
        if raised_s:
            remember(_RAISED, None)


def ping() -> None:
    """Raise ConnectionFailed unless the database answers now; what was read before is forgotten then."""
    try:
        with database().reading("ping"):
            pass
    except ConnectionFailed:
        forget()
        raise


def is_reachable() -> bool:
    """Whether the database answers now."""
    try:
        ping()
    except ConnectionFailed:
        return False
    return True


@st.cache_data(ttl=30, max_entries=1, show_spinner=False)
def server() -> Capabilities:
    """What the server can do, at most half a minute old."""
    with database().reading("server") as connection:
        return capabilities(connection)


@st.cache_data(ttl=10, max_entries=1, show_spinner=False)
def columns() -> tuple[ColumnInfo, ...]:
    """Every vector column that may be read, at most ten seconds old.

    Raises ExtensionMissing where the database has no pgvector, and so no such column.
    """
    if server().pgvector_version is None:
        raise ExtensionMissing(
            f"The database {server().database} has no pgvector.",
            "The server has it, so run: python -m dashboard migrate" if server().pgvector_available else None,
        )
    with database().reading("catalog") as connection:
        return vector_columns(connection)


@st.cache_data(ttl=30, max_entries=1, show_spinner=False)
def schema_revisions() -> tuple[Revision, ...]:
    """Which revisions of our own tables the database has, at most half a minute old."""
    return revisions(database())


def latest_jobs(limit: int = 100) -> tuple[Job, ...]:
    """The jobs as they are now; never cached, a progress bar must not lie."""
    with database().reading("jobs") as connection:
        return jobs.latest(connection, limit)


def job(job_id: int) -> tuple[Job, list[LogLine]]:
    """One job as it is now, and the end of its log.  Raises RequestError for an unknown id."""
    with database().reading("job") as connection:
        return jobs.get(connection, job_id), list(jobs.log_lines(connection, job_id))


def runs(limit: int = 50) -> tuple[Run, ...]:
    """The last benchmark runs with their trials, newest first."""
    with database().reading("runs") as connection:
        return list_runs(connection, limit=limit)


def runs_of(column: VectorColumn) -> tuple[Run, ...]:
    """The last runs on one column, newest first."""
    with database().reading("runs") as connection:
        return list_runs(connection, column)


def run(run_id: int) -> Run:
    """One run as it is now.  Raises RequestError for an unknown id."""
    with database().reading("run") as connection:
        return load_run(connection, run_id)


def run_of_job(job_id: int) -> Run | None:
    """The run a job has begun; None before that."""
    with database().reading("run") as connection:
        return load_run_of_job(connection, job_id)


def server_settings() -> tuple[activity.ServerSetting, ...]:
    """The server's settings that matter to vectors, as a new session finds them."""
    with database().reading("admin", vectors=server().pgvector_version is not None) as connection:
        return activity.server_settings(connection)


def sessions() -> tuple[activity.Sessions, ...]:
    """Who is connected to the database now."""
    with database().reading("admin") as connection:
        return activity.sessions(connection)


def audit_rows(limit: int = 100) -> tuple[AuditRow, ...]:
    """The newest changes, as they are now."""
    with database().reading("audit") as connection:
        return audit.latest(connection, limit)


def forget() -> None:
    """Drop every cached read: something was written, or the server came back."""
    st.cache_data.clear()


def remember(name: str, value: object) -> None:
    """Keep a value for the rest of this browser session."""
    st.session_state[f"kept {name}"] = value


def recall(name: str, default: Any = None) -> Any:
    """Give back what ``remember`` kept."""
    return st.session_state.get(f"kept {name}", default)


def put(widget: str, value: object) -> None:
    """Give the widget with this key a value: before it is drawn, or as a button's ``on_click``."""
    st.session_state[widget] = value


def value(widget: str) -> Any:
    """Read the value of the widget with this key; None before it is drawn."""
    return st.session_state.get(widget)


def drop_beyond(widget: str, low: float, high: float) -> None:
    """Drop a number from the address that its widget, not drawn yet, could not take.

    Streamlit 1.67 brings values in bounds by itself, but breaks on 1e400 and on four hundred nines; it
    takes values from the address as it was when the script began, hence the rerun.
    """
    given = st.query_params.get(widget)
    if given is None or widget in st.session_state:
        return
    fits = False
    with suppress(ValueError):
        fits = low <= float(given) <= high
    if not fits:
        del st.query_params[widget]
        st.rerun()


def strays(choices: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Give back what the address asks of widgets, not drawn yet, that is none of their options.

    Streamlit 1.67 drops it from the address without a word once the widget is drawn.
    """
    asked = {widget: st.query_params[widget] for widget in choices if widget in st.query_params}
    return {
        widget: given
        for widget, given in asked.items()
        if given not in choices[widget] and widget not in st.session_state
    }


def chips(widget: str, linked: Sequence[str]) -> list[str]:
    """List every choice this session has seen for a widget of free choices; a link brought ``linked``."""
    remember(widget, tuple(dict.fromkeys((*recall(widget, ()), *linked))))
    return list(recall(widget))


def add_chip(widget: str, chip: str) -> None:
    """Add a choice to such a widget, chosen; as a button's ``on_click``."""
    remember(widget, (*recall(widget, ()), chip))
    put(widget, [*(value(widget) or ()), chip])


@st.cache_data(ttl=30, max_entries=16, show_spinner=False)
def other_columns(column: VectorColumn) -> tuple[PlainColumn, ...]:
    """The columns beside the vector, at most half a minute old."""
    with database().reading("catalog") as connection:
        return catalog.other_columns(connection, column)


def answer(column: ColumnInfo, asked: Question) -> Answer:
    """The answer to one question both ways; the same for a minute, so that a look at a row asks nothing."""
    return _answer(column, str(column), tuple((i.name, i.valid) for i in column.indexes), asked)


@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def _answer(_column: ColumnInfo, name: str, indexes: tuple[tuple[str, bool], ...], asked: Question) -> Answer:
    """Ask; sizes and counts of a column change all the time, and are no part of the question."""
    return in_time("search", (name, indexes, asked), lambda lent: question.answer(lent, _column, asked))


@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def rungs(_answer: Answer, token: str) -> tuple[Rung, ...]:
    """Other settings tried on an answer's question; ``token`` tells the questions apart."""
    return question.rungs(database(), _answer)


@st.cache_data(ttl=600, max_entries=16, show_spinner=False)
def examples(column: ColumnInfo, naming: tuple[str, ...]) -> list[Example]:
    """Rows to try a search with."""
    with database().reading("examples") as connection:
        return list(find_examples(connection, column, naming))


def ask_again() -> None:
    """Forget the answers, and what indexes there were; as a button's ``on_click``."""
    for cached in (_answer, rungs, columns):
        cached.clear()
