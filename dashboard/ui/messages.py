"""What the application says when it cannot show what was asked for: a sentence, why, and what to do."""

import logging
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

import streamlit as st

from dashboard.reading import StillReading
from dashboard.settings import settings
from dashboard.ui import grants, state
from dashboard.ui.shell import go
from dashboard.ui.still_reading import hold_the_place
from dashboard.ui.units import counted
from db.columns import VectorColumn, spelled
from db.errors import (
    Cancelled,
    ConnectionFailed,
    DashboardError,
    LockTimeout,
    PermissionDenied,
    RequestError,
    SetupError,
    StatementTimeout,
)

logger = logging.getLogger(__name__)

RAISED_S = 30
"""How long a question may take whose limit the reader has raised."""

LOOK_AGAIN_S = 3
"""How often a page that lost its database looks whether it is back."""

_JOINER = "\u2060"
_FOUND_LATER = re.compile(r":(?=material/|//)|www(?=\.)|@")
"""Icons and bare addresses, which are looked for once escapes are undone: a joiner nobody sees parts them."""

_DRAWN_LATER = re.compile(r"(?<!\S)\\?[-<>~](?=(?:-|=|\\>)+(?:\s|$))")
"""Standing alone, ``--``, ``->`` and ``>=`` would by then be drawn as a dash, an arrow and a sign."""

_COMMAND = re.compile(r"python -m dashboard(?: [a-z_-]+)*|GRANT [^;`]+;")


class PageEnded(Exception):
    """Nothing more of this page is drawn."""


def end() -> NoReturn:
    """End the page here; what surrounds it is drawn all the same, which ``st.stop`` would prevent."""
    raise PageEnded


@contextmanager
def told_to_the_reader() -> Iterator[None]:
    """The error boundary: what goes wrong inside is told in words, and never as a trace.

    Pages are run inside one; a fragment that reruns by itself needs its own.
    """
    try:
        with state.limit_as_raised():
            yield
    except PageEnded:
        return
    except ConnectionFailed as error:
        _unreachable(error)
    except SetupError as error:
        _unfinished(error)
    except PermissionDenied as error:
        denied(error)
    except StillReading as still:
        hold_the_place(still)
    except StatementTimeout as error:
        too_slow(error)
    except Cancelled as error:
        cancelled(error)
    except LockTimeout as error:
        locked(error)
    except DashboardError as error:
        problem(error)
    except Exception:
        incident = uuid.uuid4().hex[:8]
        logger.exception("incident %s", incident)
        st.error(
            f"**Something went wrong here that should not have.** The server's log has it as `{incident}`; "
            "the rest of the application is not affected.",
            icon=":material/bug_report:",
        )


def problem(error: DashboardError) -> None:
    """Show an error's sentence and its remedy, in the place where it happened."""
    st.error(f"**{escaped(error.message)}** {remedy(error)}", icon=":material/error:")


def remedy(error: DashboardError) -> str:
    """Write an error's remedy as Markdown, its commands as code.

    >>> print(remedy(DashboardError("No pgvector.", "Now run python -m dashboard migrate.")))
    Now run `python -m dashboard migrate`.
    """
    rest, text = 0, ""
    for command in _COMMAND.finditer(error.remedy):
        text += f"{escaped(error.remedy[rest : command.start()])}`{command[0]}`"
        rest = command.end()
    return text + escaped(error.remedy[rest:])


def left_out(problems: Sequence[DashboardError]) -> None:
    """Say what of the address could not be read, and so is not applied."""
    for error in problems:
        st.warning(
            f"**Left out of this page:** {escaped(error.message)} {remedy(error)}", icon=":material/link_off:"
        )


def check_choices(choices: Mapping[str, Iterable[str]], others: Iterable[str] | None = None) -> None:
    """Say in one line what the address asks for that does not exist; before the widgets are drawn.

    ``choices`` are the options of each widget.  ``others`` names what else the page reads of the address,
    None where it leaves what it does not know alone.
    """
    asked = state.strays(choices)
    if others is not None:
        unknown = set(st.query_params) - {*choices, *others}
        asked |= {name: st.query_params[name] for name in sorted(unknown)}
    if asked:
        told = ", ".join(f"{name[:40]} = {given[:80]!r}" for name, given in asked.items())
        left_out([RequestError(f"{told}.", "The address asks for what does not exist here.")])


def empty(reason: str, icon: str = ":material/inbox:") -> None:
    """Show why there is nothing here; the caller adds the one action that changes it."""
    st.info(reason, icon=icon)


def no_column() -> None:
    """Say why there is no vector column to show, with what changes it: rows, or the right to read them."""
    if hidden := grants.unreadable():
        problem(PermissionDenied(f"{grants.sentence(hidden)}.", "Their owner can allow it:"))
        grants.offer(hidden)
        return
    empty("There is no vector column yet that this role may read.")
    if st.button("Load sample data", icon=":material/upload:", type="primary"):
        go("seed.py")


def no_rows(column: VectorColumn) -> None:
    """Say that a table is empty, and offer to fill it."""
    empty(f"{escaped(spelled(column.schema, column.table))} holds no rows.")
    if st.button("Load rows", icon=":material/upload:", type="primary", key="load rows"):
        go("seed.py")


def hidden_tables() -> None:
    """Say which tables with vectors a list leaves out, where this login may not read some."""
    if hidden := grants.unreadable():
        with st.expander(f"Left out: {counted(len(hidden), 'table')} with vectors", icon=":material/lock:"):
            st.markdown(f"{escaped(grants.sentence(hidden))}. Their owner can allow it:")
            grants.offer(hidden)


def denied(error: PermissionDenied) -> None:
    """Say what this login may not read, with the grants it lacks where that is the table that was chosen."""
    missing = grants.lacking(state.recall("column", ""))
    if not any(grant.is_named_in(error.message) for grant in missing):
        problem(error)
        return
    problem(PermissionDenied(f"{grants.sentence(missing)}: {error.message}.", "The owner can allow it:"))
    grants.offer(missing)


def too_slow(error: StatementTimeout) -> None:
    """Say that the limit was reached, which, and by what; and offer to wait longer, this once."""
    told = error.message
    if error.limit_s and "statement timeout" in told:  # PostgreSQL's own words, which name no limit
        told = f"This took longer than {error.limit_s:g} s, and the server stopped it."
    with st.container(gap="xsmall"):
        problem(StatementTimeout(told, f"{error.remedy} READ_TIMEOUT_S sets the limit."))
        if error.limit_s and error.limit_s < RAISED_S:
            st.button(
                f"Raise to {RAISED_S} s",
                icon=":material/timer:",
                key=f"raise {uuid.uuid4().hex}",  # one statement may end several parts of a page
                on_click=state.raise_limit,
                args=(RAISED_S,),
            )
        stopped_sql(error)


def stopped_sql(error: StatementTimeout) -> None:
    """Offer the statement that was stopped, to be read and copied."""
    if error.sql:
        with st.expander("SQL", icon=":material/code:"):
            st.code(error.sql, language="sql", wrap_lines=True)


def cancelled(error: Cancelled) -> None:
    """Say that a question was stopped, and offer to ask it again."""
    with st.container(gap="xsmall"):
        st.info(f"**{escaped(error.message)}** {remedy(error)}", icon=":material/stop_circle:")
        st.button("Ask again", icon=":material/refresh:", key=f"ask again {uuid.uuid4().hex}")


def locked(error: LockTimeout) -> None:
    """Say that somebody else holds what is asked for; PostgreSQL's own words name a timeout alone."""
    problem(LockTimeout("Another session has locked what this page reads.", error.remedy))


def escaped(text: str) -> str:
    r"""Make text from outside safe to stand in Markdown: shown letter by letter, no links, no formulas.

    >>> escaped("a*b [x](y) $1$")
    'a\\*b \\[x\\](y) \\$1\\$'
    >>> ascii(escaped("x -- y --json"))
    "'x -\\u2060- y --json'"
    """
    marked = "".join(f"\\{c}" if c in "\\`*_{}[]<>#|$~:" else c for c in text)
    return _DRAWN_LATER.sub(rf"\g<0>{_JOINER}", _FOUND_LATER.sub(rf"\g<0>{_JOINER}", marked))


def unescaped(text: str) -> str:
    r"""Undo ``escaped``; text that it has not written stays as it is.

    >>> unescaped(r"a\*b"), unescaped("a*b"), unescaped("a*b \\")
    ('a*b', 'a*b', 'a*b \\')
    """
    visible = text.replace(_JOINER, "")  # an address from before there were joiners has none
    bare = re.sub(r"\\(.)", r"\1", visible, flags=re.DOTALL)
    return bare if escaped(bare).replace(_JOINER, "") == visible else text


def _unreachable(error: ConnectionFailed) -> None:
    embedded = settings().database_url is None
    with st.container(border=True):
        with st.container(gap="xsmall"):
            st.subheader(":material/cloud_off: The database does not answer", anchor=False)
            st.caption(escaped(error.message))
        st.markdown(_CAUSES_EMBEDDED if embedded else f"{_CAUSES}\n\n{remedy(error)}")
        st.code(_LOOK_EMBEDDED if embedded else _LOOK, language="bash")
        _look_again()


def _unfinished(error: SetupError) -> None:
    with st.container(border=True):
        st.subheader(":material/construction: Not ready yet", anchor=False)
        st.markdown(f"{escaped(error.message)} {remedy(error)}")
        if st.button("Try again", icon=":material/refresh:", key=f"again {type(error).__name__}"):
            state.forget()
            st.rerun()


@st.fragment(run_every=LOOK_AGAIN_S)
def _look_again() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("Try again", icon=":material/refresh:", type="primary", key="look again")
        st.caption(f"Looks again by itself every {LOOK_AGAIN_S} s; nothing you entered is lost.")
    if asked or state.is_reachable():
        state.forget()
        st.rerun()


_CAUSES_EMBEDDED = """
It is the embedded PostgreSQL of this installation. Most likely:

- somebody stopped it: `python -m dashboard db start` starts it again;
- it is recovering after a crash or a reboot: it comes back by itself;
- its disk is full, or its data directory was moved: the log in that directory says so.
"""
_LOOK_EMBEDDED = "python -m dashboard db status"
_CAUSES = """
Most likely:

- the server is down, or still starting;
- `DATABASE_URL` names another host, port, user or database than you meant;
- a firewall, or `pg_hba.conf`, lets this machine not in.
"""
_LOOK = 'docker compose ps\npsql "$DATABASE_URL" --command "SELECT version()"'
