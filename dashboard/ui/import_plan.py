"""What an import would do, with the step that does it; and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.seeding.imports.rejects import WRITTEN
from dashboard.seeding.imports.request import ImportRequest
from dashboard.ui import imports
from dashboard.ui.messages import escaped, problem
from dashboard.ui.progress import begin
from dashboard.ui.shell import go
from dashboard.ui.units import counted, duration
from db.columns import spelled
from db.errors import DashboardError
from db.jobs import Job

OUTCOMES = {"inserted": "To insert", "updated": "To update", "skipped": "To skip", "left_out": "Bad rows"}


def check(request: ImportRequest) -> None:
    """Queue the validation of an import, and follow it."""
    rejects = Path(request.path).with_name("rejects.csv")
    _follow(replace(request, dry_run=True, rejects=str(rejects)))


def _follow(request: ImportRequest) -> None:
    job_id = begin("import", request.to_params())
    st.query_params["job"] = str(job_id)
    st.rerun()


def show(job: Job) -> None:
    """Draw a validated plan with what can be done about it, or what an import did."""
    if job.result is None:
        return
    if job.result.get("dry_run"):
        _plan(job.result, ImportRequest.from_params(job.params))
    else:
        _result(job.result)


def _plan(plan: Mapping[str, Any], request: ImportRequest) -> None:
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        st.subheader("The plan", anchor=False)
        _counts(plan)
        _verdict(plan)
        _steps(plan, request)
    with right.container(border=True, height="stretch"):
        _mapping(plan)
    if plan["errors"]:
        with st.container(border=True):
            _errors(plan)


def _counts(plan: Mapping[str, Any]) -> None:
    shown = {label: plan["outcome"][key] for key, label in OUTCOMES.items()}
    kept = {label: count for label, count in shown.items() if count or label == "To insert"}
    for place, (label, count) in zip(
        st.columns(len(kept) + 1), {"Rows in the file": plan["rows"], **kept}.items(), strict=True
    ):
        place.metric(label, f"{count:,}")


def _verdict(plan: Mapping[str, Any]) -> None:
    if plan["refusal"]:
        problem(DashboardError(plan["refusal"], "Choose below what is to happen."))
    else:
        table = escaped(spelled(plan["schema"], plan["table"]))
        new = "It will be made." if plan["create"] else "It is there."
        st.success(f"**Nothing stands in the way** of {table}. {new}", icon=":material/check_circle:")
    for note in plan["notes"]:
        st.caption(f":material/info: {escaped(note)}")


def _steps(plan: Mapping[str, Any], request: ImportRequest) -> None:
    """Offer what can be done with the plan as it stands."""
    approved = replace(request, dry_run=False, sha256=plan["sha256"], fingerprint=plan["fingerprint"])
    clashes = plan["existing"] and plan["mode"] == "insert"
    bad = plan["outcome"]["left_out"]
    if bad:
        approved = replace(approved, leave_out_bad_rows=True)
    without = f" without the {bad:,} bad" if bad else ""
    with st.container(horizontal=True):
        if not plan["ok_rows"]:
            pass
        elif clashes:
            for mode, verb in (("update", "Update"), ("skip", "Skip")):
                label = f"{verb} the {plan['existing']:,} that exist{without}"
                if st.button(
                    label, icon=":material/upload:", type="primary" if mode == "update" else "secondary"
                ):
                    _follow(replace(approved, mode=mode))
        elif st.button(
            f"Import {counted(plan['ok_rows'], 'row')}{without}", icon=":material/upload:", type="primary"
        ):
            _follow(approved)
        if st.button("Change something", icon=":material/edit:"):
            imports.ask_again(request)
            del st.query_params["job"]
            st.rerun()


def _mapping(plan: Mapping[str, Any]) -> None:
    st.subheader("Where each column goes", anchor=False)
    made = "embedded text" if plan["vector"] else ""
    rows = [
        (
            column["file"] or (made if column["table"] == plan["vector"] else "number of the row"),
            column["table"],
            column["type"],
        )
        for column in plan["columns"]
    ]
    rows += [(name, None, None) for name in plan["left_out"]]
    st.dataframe(
        pd.DataFrame(rows, columns=["file", "table", "type"]),
        hide_index=True,
        key="plan columns",
        placeholder="left out",
        alt="The file's columns, and the column of the table each goes into",
        column_config={"file": "File", "table": "Table", "type": "Type"},
    )
    key = ", ".join(plan["key"]) or "none: rows are only added"
    st.caption(
        f"{escaped(plan['file'])} · {plan['format']} · key {escaped(key)} · SHA-256 `{plan['sha256'][:12]}`"
    )


def _errors(plan: Mapping[str, Any]) -> None:
    listed = plan["errors"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("What is wrong", anchor=False, width="stretch")
        _reject_file(plan)
    st.dataframe(
        pd.DataFrame(listed, columns=["row", "column", "text", "code"]).replace(
            {"code": {"_": " "}}, regex=True
        ),
        hide_index=True,
        key="import errors",
        placeholder="—",
        alt="Rows that cannot be imported, with the column and the reason",
        column_config={
            "row": st.column_config.NumberColumn("Row", width=80, format="localized"),
            "column": st.column_config.TextColumn("Column", width=160),
            "text": st.column_config.TextColumn("What is wrong"),
            "code": st.column_config.TextColumn("Kind", width=120),
        },
    )
    kinds = ", ".join(f"{code.replace('_', ' ')} {count:,}" for code, count in plan["codes"].items())
    in_file = f" · {WRITTEN:,} in the reject file" if plan["error_count"] > WRITTEN else ""
    st.caption(
        f"{len(listed):,} of {counted(plan['error_count'], 'error')} listed{in_file} · by kind: {kinds}"
    )


def _reject_file(told: Mapping[str, Any]) -> None:
    rejects = Path(told["rejects"]) if told["rejects"] else None
    if rejects and rejects.exists():
        st.download_button(
            "Reject file",
            rejects.read_bytes(),
            f"{Path(told['file']).stem}-rejects.csv",
            "text/csv",
            icon=":material/download:",
            help=f"Bad rows with the reason and their values, to be corrected and imported again: the first "
            f"{WRITTEN:,} reasons. Arrays of numbers stay out, unless the file is CSV or JSON.",
        )


def _result(done: Mapping[str, Any]) -> None:
    table = spelled(done["schema"], done["table"])
    more = [
        f"{done[what]:,} {what.replace('_', ' ')}"
        for what in ("updated", "skipped", "left_out")
        if done[what]
    ]
    with st.container(border=True):
        said = "".join(f", {part}" for part in more)
        st.markdown(f"**{counted(done['inserted'], 'row')}** imported into `{table}`{said}.")
        st.caption(f"Counted by the server, in {duration(done['elapsed_s'])}, from {escaped(done['file'])}")
        for note in done.get("notes", ()):  # a job of an earlier version has none
            st.caption(f":material/info: {escaped(note)}")
        if done["queries"]:
            st.caption(f"The file's queries and their true neighbours: `{done['queries']}`")
        _ways_on(done)


def _ways_on(done: Mapping[str, Any]) -> None:
    column = done["column"]
    with st.container(horizontal=True):
        _reject_file(done)
        if not column:
            return
        if st.button("Browse it", icon=":material/table_rows:", type="primary"):
            go("data.py", {"c": column})
        if st.button("Search it", icon=":material/search:"):
            go("search.py", {"c": column})
        if st.button("Measure it", icon=":material/speed:"):
            go("benchmarks.py", {"c": column})
