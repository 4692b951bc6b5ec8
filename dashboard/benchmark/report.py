"""A run as one page of HTML: to print or to send, complete in itself, with nothing to load from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from html import escape
from string import Template

from dashboard.benchmark.judged import Judged, judged, said, sampled, size_over_forecast, wal_remark
from dashboard.benchmark.live_load import SAID
from dashboard.benchmark.load import LIVE_ALONE
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import to_toml
from dashboard.benchmark.report_chart import chart
from dashboard.benchmark.report_lines import clients_chart, growth_chart
from dashboard.benchmark.target import Target
from dashboard.benchmark.ties import doubt
from dashboard.benchmark.verdict import Standing, Verdict, full_name, index_name, place_name, setting_name
from db.runs import LIVE, Figures, Run, Trial
from db.words import counted

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --ink: #1b1f2a; --soft: #5b6472; --line: #e3e6ee; --page: #fff;
  --hnsw: #4f46e5; --ivfflat: #0d9488; --exact: #d97706; --good: #0d948822; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f2; --soft: #9aa3b5; --line: #2a3147;
  --page: #0f1320; --hnsw: #818cf8; --ivfflat: #2dd4bf; --exact: #fbbf24; --good: #2dd4bf22; } }
@page { size: A4 landscape; margin: 12mm; }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --page: #fff;
  --hnsw: #4f46e5; --ivfflat: #0d9488; --exact: #d97706; --good: #0d948822; }
  section { break-inside: avoid; } body { margin: 0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 1160px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .3rem 0; } .note { color: var(--soft); } .said { font-size: 1.2rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: .82rem; }
th, td { padding: .28rem .4rem; border-bottom: 1px solid var(--line); text-align: right; }
th { color: var(--soft); font-weight: 600; } th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left; }
td:first-child { white-space: nowrap; }
td small { display: block; color: var(--soft); font-size: .68rem; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; font-size: .9rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: .8rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
</style></head><body>
<h1>$title</h1><p class="note">$about</p>
$sections
<section><h2>Measured on</h2><dl>$facts</dl></section>
<section><h2>The plan, to repeat it</h2><pre>$plan</pre></section>
</body></html>
""")

_SECTION = Template("""<section><h2>$heading</h2><p class="said">$said</p>$doubt
$chart
<p class="note">Below each figure its 95 % interval, by the bootstrap over the queries; below a size, how
many times its forecast it is. WAL is what the build would write on a logged table, estimated by the size of
the index less what its pages leave free.$remark</p>
<table><thead><tr>$head</tr></thead><tbody>$rows</tbody></table>
$growth
$clients</section>
""")

_HEAD = (
    *("Verdict", "Index", "Setting", "Rows", "Recall", "Worst tenth", "p50 ms", "p95 ms", "p99 ms", "QPS"),
    *("Build s", "Size MB", "WAL MB"),
)

_MEASURED = {"recall": ".3f", "worst_decile": ".2f"} | dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), ".2f")
_MEASURED |= {"qps": ",.0f"}
"""The measures in the table, and how each is written."""


def to_html(run: Run, observed: Mapping[int, Figures]) -> bytes:
    """Write the page: a verdict, a chart and a table for each k and filter, then what was measured on."""
    plan = BenchmarkPlan.from_params(run.plan)
    target = plan.target or Target()
    asked = judged(run, observed, target)
    return _PAGE.substitute(
        title=escape(f"Benchmark run {run.id}: {run.subject}"),
        about=escape(
            f"{run.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, by {run.created_by}; "
            f"{counted(run.rows or 0)}, {counted(run.queries or 0, 'query')}, "
            f"{plan.distance.label} distance; target: recall {target.recall:g} and p95 {target.p95_ms:g} ms"
        ),
        sections="".join(_section(run, each, several=len(asked) > 1) for each in asked),
        facts="".join(
            f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(run).items()
        ),
        plan=escape(to_toml(plan)),
    ).encode()


def _section(run: Run, each: Judged, *, several: bool) -> str:
    verdict, target = each.verdict, each.verdict.target
    where = f", where {each.subset}" if each.subset else ""
    return _SECTION.substitute(
        heading=escape(f"Recall@{each.k}{where}" if several else "Verdict"),
        said=escape(f"{said(verdict)} {sampled(run)}".strip()),
        doubt=f"<p>{escape(doubted)}</p>" if (doubted := doubt(verdict)) else "",
        chart=chart(each.copies, each.k, target),
        remark=escape(f" {remark}" if (remark := wal_remark(run)) else ""),
        head="".join(f"<th>{name}</th>" for name in _HEAD),
        rows="".join(_row(trial, verdict) for trial in each.every),
        growth="" if run.plan.get("target") else growth_chart(each.every, target),
        clients=_clients(each.every, each.copies),
    )


def _clients(every: Sequence[Trial], copies: Sequence[Trial]) -> str:
    live = [trial for trial in every if trial.arm == LIVE]
    drawn = clients_chart([*copies, *live])
    kept = [(trial, line) for trial in live for line in trial.facts.get(SAID, ())]
    said = [f"{place_name(trial)}{full_name(trial)}: {line}" for trial, line in kept]
    said += [] if any(trial.load for trial in live) or said or not live else [LIVE_ALONE]
    return drawn + "".join(f'<p class="note">{escape(line)}</p>' for line in said if drawn)


_SIGNS = {
    Standing.CHEAPEST: "★ ",
    Standing.FIRST: "★ ",
    Standing.TIED: "≈ ",
    Standing.IN_TARGET: "✓ ",
    Standing.MISSES_RECALL: "✕ ",
    Standing.TOO_SLOW: "✕ ",
    Standing.REACHES_RECALL: "◔ ",
    Standing.VOID: "⊘ ",
}


def _row(trial: Trial, verdict: Verdict) -> str:
    standing, m = verdict.standing(trial), trial.measures
    name = place_name(trial) + index_name(trial)
    few = f" ({trial.queries} of {trial.facts['of_queries']} queries)" if trial.is_short else ""
    texts = [_SIGNS[standing] + standing.value, name, setting_name(trial) + few, _number(trial.rows, ",d")]
    cells = [escape(text) for text in texts]
    cells += [_bounded(m, key, how) if m else "" for key, how in _MEASURED.items()]
    cells += [_number(trial.build_s, ".1f"), _size(trial), _wal(trial)]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _bounded(measures: Mapping[str, float], key: str, how: str) -> str:
    """Write a figure with its 95 % interval below; without one, in runs that did not keep it."""
    value, low, high = (measures.get(f"{key}{end}") for end in ("", "_low", "_high"))
    bounds = "" if low is None or high is None else f"<small>{low:{how}} to {high:{how}}</small>"
    return _number(value, how) + bounds


def _size(trial: Trial) -> str:
    """Write an index's size in MB, with how many times its forecast that is below."""
    if trial.size_bytes is None:
        return ""
    times = size_over_forecast(trial)
    beside = f"<small>{times:.2f} of forecast</small>" if times else ""
    return f"{trial.size_bytes / 2**20:.1f}{beside}"


def _wal(trial: Trial) -> str:
    forecast = trial.facts.get("wal_forecast_bytes")
    return "" if forecast is None else f"~{forecast / 2**20:.1f}"


def _number(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)


def _facts(run: Run) -> dict[str, str]:
    """Flatten the environment; its remarks stand for what they judge."""
    flat: dict[str, str] = {}
    for name, value in (run.environment or {}).items():
        if isinstance(value, Mapping):
            inner = {} if name in _JUDGED else value
            flat |= {f"{name} {key}": _plain(each) for key, each in inner.items()}
        else:
            flat[name] = _plain(value)
    return flat


_JUDGED = frozenset({"noise", "forecast", "answer"})


def _plain(value: object) -> str:
    match value:
        case list():
            return " ".join(map(_plain, value))
        case float():
            return f"{value:.3g}"
    return str(value)
