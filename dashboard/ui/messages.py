"""What the application says when it cannot show what was asked for: a sentence, why, and what to do."""

import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.settings import settings
from dashboard.ui import state
from db.errors import ConnectionFailed, DashboardError, SetupError

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 3
"""How often a page that lost its database looks whether it is back."""

_JOINER = "\u2060"

_COMMAND = re.compile(r"python -m dashboard(?: [a-z_-]+)*")


@contextmanager
def told_to_the_reader() -> Iterator[None]:
    """The error boundary: what goes wrong inside is told in words, and never as a trace.

    Pages are run inside one; a fragment that reruns by itself needs its own.
    """
    try:
        yield
    except ConnectionFailed as error:
        _unreachable(error)
    except SetupError as error:
        _unfinished(error)
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


def empty(reason: str, icon: str = ":material/inbox:") -> None:
    """Show why there is nothing here; the caller adds the one action that changes it."""
    st.info(reason, icon=icon)


def escaped(text: str) -> str:
    r"""Make text from outside safe to stand in Markdown: shown letter by letter, no links, no formulas.

    >>> escaped("a*b [x](y) $1$")
    'a\\*b \\[x\\](y) \\$1\\$'
    """
    marked = "".join(f"\\{c}" if c in "\\`*_{}[]<>#|$~:" else c for c in text)
    # Streamlit looks for icons after Markdown is done; a joiner that nobody sees keeps it from finding one.
    return marked.replace(":material/", f":{_JOINER}material/")


def unescaped(text: str) -> str:
    r"""Undo ``escaped``; text that it has not written stays as it is.

    >>> unescaped(r"a\*b"), unescaped("a*b"), unescaped("a*b \\")
    ('a*b', 'a*b', 'a*b \\')
    """
    bare = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL).replace(f":{_JOINER}material/", ":material/")
    return bare if escaped(bare) == text else text


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
