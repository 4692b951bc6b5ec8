"""An inspection as it is read: what was looked at, the grade, a tile per check, and the charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from functools import partial

import streamlit as st

from dashboard.inspection.checks import CHECK, CHECKS
from dashboard.inspection.finding import Check, Finding
from dashboard.inspection.grade import GRADES, UNGRADED
from dashboard.inspection.report import Report
from dashboard.ui import clipboard, inspect_charts, inspect_looks
from dashboard.ui.charts import PLAIN
from dashboard.ui.inspect_looks import Looks
from dashboard.ui.inspect_rows import SIGNS, show_rows
from dashboard.ui.messages import escaped
from dashboard.ui.search_view import card_title
from dashboard.ui.units import ago, counted
from db.catalog import ColumnInfo
from db.distance import distance_named
from db.inspections import Figures


def header(column: ColumnInfo, known: Looks) -> None:
    """Draw the title, what was looked at and when, and the ways to share it and to look again."""
    left, right = st.columns([6, 5], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Inspect", anchor=False)
        st.caption(_about(column, known))
    with right.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        clipboard.link_button(column, "Link copied: it shows this column's inspection")
        with st.popover("Sample", icon=":material/tune:"):
            inspect_looks.pick_sample(column)
        if known.report:
            st.button(
                "Inspect again",
                icon=":material/refresh:",
                on_click=inspect_looks.ask_to_inspect,
                args=(column,),
                disabled=_is_at_work(known),
            )


def _is_at_work(known: Looks) -> bool:
    job = known.jobs.get("inspect")
    return job is not None and not job.is_finished


def _about(column: ColumnInfo, known: Looks) -> str:
    dimensions = f"({column.dimensions:,})" if column.dimensions else ""
    parts = [f"{escaped(str(column))} · {column.type}{dimensions}"]
    if known.report and known.reported:
        seen = known.reported.created_at
        parts += [
            escaped(known.report.sample.in_words()),
            f"{seen.astimezone(UTC):%d %b %H:%M} UTC, {ago(seen)}",
        ]
        if _trends(known.earlier):
            parts.append(f"lines: the last {len(known.earlier)} inspections")
    return " · ".join(parts)


def never(column: ColumnInfo) -> None:
    """Say that nobody has looked at this column yet, and offer to."""
    with st.container(border=True):
        st.subheader(":material/query_stats: Not inspected yet", anchor=False)
        st.markdown(
            "An inspection reads a seeded sample, looks for missing, zero, copied and odd vectors, measures "
            "how well the space is used, and grades the column from A to E. It only reads."
        )
        st.button(
            "Inspect this column",
            icon=":material/query_stats:",
            type="primary",
            on_click=inspect_looks.ask_to_inspect,
            args=(column,),
        )
        st.caption("Takes a few seconds, as a job: you can leave this page.")


def summary(report: Report, earlier: Sequence[Figures], column: ColumnInfo) -> None:
    """Draw the grade with its reason beside a tile for every check."""
    left, right = st.columns([1, 3])
    with left:
        _grade(report, earlier, column)
    trends = _trends(earlier)
    with right, st.grid(4, gap="small", min_column_width=150):
        for check in CHECKS:
            if check.key in report.findings:
                _tile(check, report.findings[check.key], trends.get(check.key, []))


def _grade(report: Report, earlier: Sequence[Figures], column: ColumnInfo) -> None:
    letter = report.grade.letter
    with st.container(border=True, height="stretch"):
        card_title("Grade", _before(earlier))
        st.plotly_chart(
            inspect_charts.ladder(letter),
            key="grade",
            config=PLAIN | {"staticPlot": True},
            alt=f"Grade {letter} on a scale from A to E" if letter in GRADES else "No grade from A to E",
        )
        st.markdown(report.grade.sentence)
        if report.grade.worst:
            st.caption(escaped(report.findings[report.grade.worst[0]].sentence))
        st.markdown(" ".join(_counts(report)))
        if worst := next((key for key in report.grade.worst if report.findings[key].problem), None):
            show_rows(column, CHECK[worst], report.findings[worst], key="grade", width="stretch")


def _before(earlier: Sequence[Figures]) -> str:
    """Say what the grade was when it was last another one."""
    if not earlier:
        return ""
    now = earlier[-1].summary["grade"]
    others = (look for look in reversed(earlier) if look.summary["grade"] not in {now, UNGRADED})
    other = next(others, None)
    return f"was {other.summary['grade']} on {other.created_at.astimezone(UTC):%d %b}" if other else ""


def _counts(report: Report) -> list[str]:
    found = [finding.verdict for finding in report.findings.values()]
    return [
        f":{colour}-badge[{sign.split()[0]} {found.count(verdict)} {verdict.value}]"
        for verdict, (sign, colour) in SIGNS.items()
        if verdict in found
    ]


def _tile(check: Check, finding: Finding, trend: Sequence[float]) -> None:
    sign, colour = SIGNS[finding.verdict]
    st.metric(
        check.label,
        finding.shown,
        sign,
        delta_color=colour,  # type: ignore[arg-type]
        delta_arrow="off",
        delta_description=finding.note or None,
        border=True,
        height="stretch",
        chart_data=list(trend) if len(trend) > 1 else None,
        icon=check.icon,
        help=f"{check.meaning} {escaped(finding.sentence)}",
    )


def _trends(earlier: Sequence[Figures]) -> dict[str, list[float]]:
    """Give each check's figures, oldest first; none at all while nothing has ever changed."""
    looks = [look.summary["values"] for look in earlier]
    lines = {c.key: [v for look in looks if (v := look.get(c.key)) is not None] for c in CHECKS}
    return lines if any(len(set(line)) > 1 for line in lines.values()) else {}


def charts(report: Report) -> None:
    """Draw what the figures rest on: lengths, hubs, nearest distances and dimensions; two side by side."""
    drawn = list(_charts(report))
    for start in range(0, len(drawn), 2):
        pair = drawn[start : start + 2]
        for place, card in zip(st.columns(len(pair)), pair, strict=True):
            with place:
                card()


def _charts(report: Report) -> Iterator[Callable[[], None]]:
    """Give a card for each chart that there is something to draw in."""
    curves, n = report.curves, f"n {report.sample.n:,}"
    distance = distance_named(report.distance)
    if curves.norms:
        note = f"{n} · {'cosine ignores length' if report.distance == 'cosine' else distance.label}"
        norms = inspect_charts.norms(curves.norms)
        yield partial(_card, "Norms", note, norms, "norms", "Histogram of vector lengths")
    if curves.occurrences:
        yield partial(
            _card,
            "Hubs",
            f"k-occurrence, k = 10, {counted(report.distinct, 'distinct vector')}",
            inspect_charts.hubs(curves.occurrences),
            "hubs",
            "How many rows are in how many other rows' lists of neighbours",
        )
    if curves.nearest:
        yield partial(
            _card,
            "Nearest other vector",
            f"{counted(report.distinct, 'distinct vector')}, within the sample",
            inspect_charts.nearest(curves.nearest, _unit(report.distance)),
            "nearest",
            "Share of the rows by the distance to their nearest other vector",
        )
    if curves.dimensions:
        yield partial(
            _card,
            "Dimensions",
            f"mean and one standard deviation, {n}",
            inspect_charts.dimensions(curves.dimensions),
            "dimensions",
            "Mean and standard deviation of each dimension",
        )


def _unit(stem: str) -> str:
    """Name the distance neighbours were looked for by: see dashboard.inspection.evidence."""
    return {"cosine": "cosine", "ip": "cosine", "hamming": "bits", "jaccard": "bits"}.get(stem, "L2")


def _card(title: str, note: str, figure: object, key: str, alt: str) -> None:
    with st.container(border=True, height="stretch"):
        card_title(title, note)
        st.plotly_chart(figure, key=key, config=PLAIN, alt=alt)
