"""Watching a column on the Advisor: its promise, the looks so far, its alerts, and where it is heading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard import promises
from dashboard.identity import Role, current_principal
from dashboard.settings import settings
from dashboard.ui import state, watch_chart
from dashboard.ui.advisor_given import show_advice
from dashboard.ui.charts import PLAIN
from dashboard.ui.messages import escaped, told_to_the_reader
from dashboard.ui.pickers import COLUMN
from dashboard.ui.progress import begin, follow
from dashboard.ui.search_view import card_title
from dashboard.ui.shell import go
from dashboard.ui.units import ago, duration, size
from dashboard.ui.watch_words import outlook, sentence
from dashboard.watching import KIND, is_kept
from db import watches
from db.catalog import ColumnInfo
from db.watches import Alert, Look, Watch

VIEW = "Watch"
HOUR_S = 3_600
EVERY = {900: "15 minutes", HOUR_S: "hour", 21_600: "6 hours", 86_400: "day", 604_800: "week"}
_P95, _RECALL, _EVERY, _JOB = "watch p95", "watch recall", "watch every", "watch job"


def draw(column: ColumnInfo) -> None:
    """Draw what is known of a watched column, or offer to watch it."""
    with state.database().reading("watch") as connection:
        watch = watches.watch_of(connection, column)
        looks = watches.looks(connection, watch.id) if watch else ()
        alerts = watches.alerts(connection, watch_id=watch.id) if watch else ()
    if (job_id := state.recall(_JOB)) and follow(job_id).is_finished:
        state.remember(_JOB, None)
    if watch is None:
        _offer(column)
        return
    _standing(column, watch, looks, alerts)
    if looks:
        _charts(watch, looks)
        _table(looks)
    if alerts:
        _alerts(alerts)


def alert_cards() -> None:
    """Draw the alerts that stand, of every column: for the overview."""
    with state.database().reading("watch") as connection:
        standing = [alert for alert in watches.alerts(connection) if alert.resolved_at is None]
    for alert in standing:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.error(
                f"**{escaped(alert.subject)}** {escaped(alert.sentence)} Since {ago(alert.raised_at)}.",
                icon=":material/notifications_active:",
                width="stretch",
            )
            if st.button("Ask the advisor", icon=":material/lightbulb:", key=f"advice {alert.id}"):
                # A link would not do: the Advisor shows again what it showed, whatever the address says.
                show_advice()
                go("advisor.py", {COLUMN: alert.subject})


def _offer(column: ColumnInfo) -> None:
    with st.container(border=True):
        st.subheader(":material/visibility: Not watched yet", anchor=False)
        st.markdown(
            "A watch searches some of the column's own rows now and then, exactly and through today's index, "
            "read-only and for some seconds. It keeps what it saw, and raises an alert the first time that a "
            "promise is broken: here, on the overview, in the log, and to a webhook."
        )
        _form(column, None)


def _form(column: ColumnInfo, watch: Watch | None) -> None:
    first, second, third = st.columns(3)
    first.number_input(
        "Promised p95 (ms)", 0.1, 60_000.0, watch.p95_ms if watch else 50.0, format="%g",
        key=f"{_P95} {column}",
        help="What 95 % of searches may take, k = 10, by whatever way they are answered today",
    )  # fmt: skip
    second.number_input(
        "Promised recall", 0.0, 1.0, watch.recall if watch else 0.95, step=0.01, format="%g",
        key=f"{_RECALL} {column}",
        help="The share of the true neighbours that search through an index must find",
    )  # fmt: skip
    choices = sorted({*EVERY, watch.every_s if watch else HOUR_S})
    now = choices.index(watch.every_s if watch else HOUR_S)
    third.selectbox("Look every", choices, now, format_func=_every, key=f"{_EVERY} {column}")
    st.button(
        "Change the promise" if watch else "Watch this column",
        type="secondary" if watch else "primary",
        icon=":material/visibility:",
        on_click=_promise,
        args=(column,),
        disabled=current_principal().role < Role.ENGINEER,
        help=None if current_principal().role >= Role.ENGINEER else "An engineer or administrator may",
    )


def _promise(column: ColumnInfo) -> None:
    with told_to_the_reader():
        promises.promise(
            state.database(),
            current_principal(),
            column,
            p95_ms=state.value(f"{_P95} {column}"),
            recall=state.value(f"{_RECALL} {column}"),
            every_s=state.value(f"{_EVERY} {column}"),
        )
        _look_now(column)


def _look_now(column: ColumnInfo) -> None:
    with told_to_the_reader():
        with state.database().reading("watch") as connection:
            watch = watches.watch_of(connection, column)
        if watch:
            state.remember(_JOB, begin(KIND, {"watch": watch.id, "column": watch.subject}))


def _give_up(watch: Watch) -> None:
    with told_to_the_reader():
        promises.give_up(state.database(), current_principal(), watch)


def _standing(column: ColumnInfo, watch: Watch, looks: Sequence[Look], alerts: Sequence[Alert]) -> None:
    with st.container(border=True, gap="small"):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left.container(horizontal=True, vertical_alignment="center"):
            _badge(watch, looks)
            st.caption(
                f"p95 up to {watch.p95_ms:g} ms, recall {watch.recall:g} · every {_every(watch.every_s)} · "
                f"since {watch.created_at.astimezone(UTC):%Y-%m-%d} by {escaped(watch.created_by)}"
            )
        with right.container(horizontal=True, horizontal_alignment="right"):
            with st.popover("Promise", icon=":material/tune:"):
                _form(column, watch)
                st.button("Give up the watch", on_click=_give_up, args=(watch,), icon=":material/delete:")
            st.button("Look now", icon=":material/refresh:", on_click=_look_now, args=(column,))
            st.button(
                "Ask the advisor",
                icon=":material/lightbulb:",
                type="primary" if looks and looks[-1].breach else "secondary",
                help="What to do about this column, within the p95 promised here",
                on_click=show_advice,
            )
        if looks:
            st.markdown(f"{sentence(looks[-1])} {outlook(watch, looks, datetime.now(UTC).date())}")
        if alerts and settings().watch_webhook_url is None:
            st.caption("No webhook hears of it: `WATCH_WEBHOOK_URL` is not set.")


def _every(seconds: int) -> str:
    """Say how often."""
    return EVERY.get(seconds) or duration(seconds)


def _badge(watch: Watch, looks: Sequence[Look]) -> None:
    if not looks:
        st.badge("not looked at yet", icon=":material/hourglass_empty:", color="gray")
    elif looks[-1].breach:
        st.badge("promise broken", icon=":material/notifications_active:", color="red")
    elif not is_kept(looks[-1].figures, watch):
        st.badge(
            "at its promise",
            icon=":material/hourglass_bottom:",
            color="orange",
            help="The promise lies within the interval of the last look: nothing can be told yet",
        )
    else:
        st.badge("promise kept", icon=":material/check_circle:", color="green")


def _charts(watch: Watch, looks: Sequence[Look]) -> None:
    has_shares = any("index_recall" in look.figures for look in looks)
    latency, shares = st.columns([3, 2]) if has_shares else (st.container(), None)
    with latency.container(border=True):
        card_title("Latency", "p95 with its 95 % interval, k = 10")
        st.plotly_chart(
            watch_chart.latency_over_time(looks, watch),
            key="watch-latency",
            config=PLAIN,
            alt="p95 latency of every look, exact and through the index, against the promise",
        )
    if shares:
        with shares.container(border=True):
            card_title("What the index finds", "recall@10 and self-find")
            st.plotly_chart(
                watch_chart.shares_over_time(looks, watch),
                key="watch-shares",
                config=PLAIN,
                alt="Recall and self-find of every look, against the promise",
            )
    rows, sizes = st.columns(2)
    with rows.container(border=True):
        card_title("Rows", "of the table, as its statistics count them")
        st.plotly_chart(
            watch_chart.rows_over_time(looks), key="watch-rows", config=PLAIN, alt="Rows at every look"
        )
    with sizes.container(border=True):
        card_title("Size", "the table with what is out of line, and its vector indexes")
        st.plotly_chart(
            watch_chart.sizes_over_time(looks),
            key="watch-sizes",
            config=PLAIN,
            alt="Size of the table and of its indexes at every look",
        )


def _table(looks: Sequence[Look]) -> None:
    changed = {look.id: words for look, words in watch_chart.changes(looks)}
    with st.expander(f"The looks, as a table · {len(looks)}", icon=":material/table:"):
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "At (UTC)": look.at.astimezone(UTC).replace(tzinfo=None),
                        "~Rows": look.rows,
                        "Exact p95 (ms)": look.figures.get("exact_p95_ms"),
                        "Index p95 (ms)": look.figures.get("index_p95_ms"),
                        "Recall": look.figures.get("index_recall"),
                        "Self-find": look.figures.get("self_find"),
                        "Table": size(look.figures.get("table_bytes", 0)),
                        "Indexes": size(look.figures.get("index_bytes", 0)),
                        "Changed": changed.get(look.id, ""),
                        "Broken": look.breach or "",
                    }
                    for look in reversed(looks)
                ]
            ),
            hide_index=True,
            key="watch looks",
            placeholder="",
            alt="Every look, the newest first",
        )


def _alerts(alerts: Sequence[Alert]) -> None:
    with st.expander(f"Alerts · {len(alerts)}", icon=":material/notifications:"):
        for alert in alerts:
            end = f"resolved {ago(alert.resolved_at)}" if alert.resolved_at else "stands"
            st.markdown(f"{escaped(alert.sentence)} Raised {ago(alert.raised_at)}, {end}.")
