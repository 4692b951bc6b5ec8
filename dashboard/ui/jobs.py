"""The list of jobs, kept fresh while one is active, and what the chosen one was asked to do."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.seeding.source import EMBEDDING
from dashboard.ui import exports, state
from dashboard.ui.messages import told_to_the_reader
from dashboard.ui.shell import go
from dashboard.ui.tables import facts, job_table
from db.columns import spelled
from db.jobs import Job

REFRESH_S = 2.0


def job_list(selected: int | None) -> None:
    """Draw the jobs; a click on one opens it through the address."""
    active = any(not job.is_finished for job in state.latest_jobs())
    st.fragment(_job_list, run_every=REFRESH_S if active else None)(selected)


def _job_list(selected: int | None) -> None:
    with told_to_the_reader():
        clicked = job_table(state.latest_jobs(), selected)
        if clicked and clicked != selected:
            st.query_params["job"] = str(clicked)
            st.rerun()


def details(job: Job) -> None:
    """Show what the job was asked to do, and what it gave back."""
    asked, gave = st.columns(2)
    with asked.container(border=True, height="stretch"):
        st.subheader("Asked for", anchor=False)
        facts(plain(job.params), alt="The job's parameters")
    if job.result:
        with gave.container(border=True, height="stretch"):
            st.subheader("Result", anchor=False)
            facts(plain(_brief(job.result)), alt="The job's result")
            _next_step(job, job.result)


def _brief(result: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what fills a table of its own, on the page that shows the job's work."""
    return {
        name: value
        for name, value in result.items()
        if not (isinstance(value, list) and any(isinstance(item, dict) for item in value))
    }


def _next_step(job: Job, result: Mapping[str, Any]) -> None:
    if run := result.get("run"):
        if st.button(f"Open run {run}", icon=":material/arrow_forward:"):
            go("benchmarks.py", {"run": str(run)})
    elif made := result.get("map"):
        if st.button(f"Open map {made}", icon=":material/arrow_forward:"):
            go("map.py", {"c": job.params["column"], "m": str(made)})
    elif "inspection" in result:
        if st.button("Open the report", icon=":material/arrow_forward:"):
            go("inspection.py", {"c": job.params["column"]})
    elif job.kind == "export":
        exports.result(job)
    elif job.kind == "import":
        label = "Open the plan" if result.get("dry_run") else "Open the import"
        if st.button(label, icon=":material/arrow_forward:"):
            go("seed.py", {"job": str(job.id)})
    elif job.kind == "populate" and st.button("Search it", icon=":material/search:"):
        go("search.py", {"c": spelled(result["schema"], result["table"], EMBEDDING)})


def plain(document: Mapping[str, Any]) -> dict[str, str]:
    """Write a job's JSON for people; what is empty is left out.

    >>> plain({"rows": 10_000, "elapsed_s": 3.81404, "text": [], "parameters": {"skew": 0.7}})
    {'elapsed, s': '3.8', 'parameters': 'skew 0.7', 'rows': '10,000'}
    """
    return {
        name.removesuffix("_s").replace("_", " ") + (", s" if name.endswith("_s") else ""): _value(value)
        for name, value in sorted(document.items())
        if value not in (None, {}, [])
    }


def _value(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{name} {_value(inner)}" for name, inner in value.items())
        case list():
            return ", ".join(map(_value, value))
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case _:
            return str(value)
