"""The parts of the admin page."""

from collections.abc import Sequence
from dataclasses import fields

import pandas as pd
import streamlit as st

from dashboard.instance import Instance
from dashboard.settings import Settings
from dashboard.ui.messages import escaped
from dashboard.ui.tables import facts
from dashboard.ui.units import duration, size
from db.activity import SETTINGS, ServerSetting, Sessions
from db.engine import parse_url
from db.migrate import Revision


def server_settings(found: Sequence[ServerSetting]) -> None:
    """Draw the settings that decide how vectors behave."""
    st.subheader("Settings that matter to vectors", anchor=False)
    frame = pd.DataFrame(
        [(s.name, s.value, s.source, SETTINGS[s.name]) for s in found],
        columns=["name", "value", "source", "why"],
    )
    text = st.column_config.TextColumn
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        key="server settings",
        alt="Server settings with their value, source and meaning",
        column_config={
            "name": text("Setting", width=240),
            "value": text("Value", width=96, alignment="right"),
            "source": text("Set by", width=140),
            "why": text("What it decides"),
        },
    )
    if waiting := [s.name for s in found if s.pending_restart]:
        st.caption(f":material/restart_alt: changed, but waiting for a restart: {', '.join(waiting)}")


def sessions(found: Sequence[Sessions]) -> None:
    """Draw who is connected to this database."""
    st.subheader("Sessions on this database", anchor=False)
    frame = pd.DataFrame(
        [
            (
                s.program,
                s.sessions,
                s.active,
                s.longest_s and duration(s.longest_s),
            )
            for s in found
        ],
        columns=["program", "sessions", "active", "longest"],
    )
    st.dataframe(
        frame,
        hide_index=True,
        key="sessions",
        placeholder="—",
        alt="Sessions by purpose, with how many are active and for how long",
        column_config={
            "program": st.column_config.TextColumn("Program and purpose"),
            "sessions": st.column_config.NumberColumn("Sessions", width=72),
            "active": st.column_config.NumberColumn("Active", width=72),
            "longest": st.column_config.TextColumn("Longest statement", width=124, alignment="right"),
        },
    )


def migrations(found: Sequence[Revision]) -> None:
    """List the revisions as ``showmigrations`` does."""
    st.subheader("Migrations", anchor=False)
    st.code("\n".join(f"[{'X' if r.applied else ' '}] {r.id} {r.title}" for r in found), language=None)
    if all(revision.applied for revision in found):
        st.caption("The database is up to date.")
    else:
        st.caption("To bring it up to date: `python -m dashboard migrate`")


def embedded(instance: Instance) -> None:
    """Say how the embedded server is, or that there is none."""
    st.subheader("Embedded PostgreSQL", anchor=False)
    if instance.embedded is None:
        st.caption(f"Not in use: `DATABASE_URL` names {escaped(instance.database.label)}.")
        return
    status = instance.embedded.status()
    facts(
        {
            "State": f"running, pid {status.pid}" if status.running else "not running",
            "Data directory": status.data_directory,
            "Size of the database": size(status.size_bytes or 0),
            "Used by processes": ", ".join(map(str, status.holders)) or "none",
            "Stays up without them": "yes, db start asked for it" if status.kept else "no",
        },
        alt="State of the embedded server",
    )


def installation(instance: Instance) -> None:
    """Draw every setting of this installation; secrets are never shown."""
    st.subheader("Settings of this installation", anchor=False)
    frame = pd.DataFrame(
        [
            (f.metadata["variable"], _shown(instance.settings, f.name), f.metadata["about"])
            for f in fields(Settings)
        ],
        columns=["variable", "value", "about"],
    )
    text = st.column_config.TextColumn
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        key="installation",
        alt="Settings of this installation with their value and meaning",
        column_config={
            "variable": text("Variable", width=180),
            "value": text("Value", width=300),
            "about": text("What it decides"),
        },
    )
    st.caption("Read from the environment and `.env` at start; see `.env.example`.")


def _shown(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if value is None:
        return "not set"
    if name.endswith("_url"):
        return parse_url(value).render_as_string(hide_password=True)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
