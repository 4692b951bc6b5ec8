"""Lines as SVG for the report: latency as the table grows, throughput as clients are added."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import cycle
from string import ascii_uppercase

import numpy as np

from dashboard.benchmark.growth_arms import Arm, grown, growth_in_words
from dashboard.benchmark.load import overload, sent_of_due
from dashboard.benchmark.report_chart import MARKS
from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import full_name, place_name
from db.runs import Trial

_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 12, 44

AHEAD = 4
"""How many times the rows measured a line goes on as an estimate."""

_STEPS = 24


@dataclass(frozen=True, slots=True)
class _Point:
    """What was measured at ``x``, and its 95 % interval."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Line:
    """Points of one index; ``estimate`` is a line with its band beyond them."""

    name: str
    method: str
    points: tuple[_Point, ...]
    estimate: tuple[_Point, ...] = ()


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values from ``low`` to ``high`` between two places on the page."""

    title: str
    low: float
    high: float
    begin: float
    end: float
    ticks: tuple[float, ...]
    log: bool = False

    def at(self, value: float) -> float:
        place, low, high = (math.log(v) if self.log else v for v in (value, self.low, self.high))
        return self.begin + (place - low) / (high - low) * (self.end - self.begin)


def growth_chart(trials: Sequence[Trial], target: Target) -> str:
    """Draw p95 against rows on log axes, with where each arm crosses the target in words.

    Nothing for trials on copies of one size.
    """
    shown = grown(trials)
    sizes = sorted({trial.rows for arm in shown for trial in arm.trials if trial.rows})
    if len(sizes) < 2:
        return ""
    lines = [_growing(arm, sizes[0], sizes[-1] * AHEAD) for arm in shown]
    values = [v for line in lines for p in (*line.points, *line.estimate) for v in (p.low, p.high)]
    ticks = (*sizes, sizes[-1] * AHEAD / 2, sizes[-1] * AHEAD)
    x = _Axis("rows (log scale)", sizes[0] / 1.2, ticks[-1] * 1.05, _LEFT, _WIDTH - _RIGHT, ticks, log=True)
    low, high = min(*values, target.p95_ms) / 1.2, max(*values, target.p95_ms) * 1.2
    y = _log("p95 latency, ms (log scale)", low, high)
    said = "".join(f"<p>{escape(growth_in_words(arm, target))}</p>" for arm in shown)
    drawn = _drawn(lines, x, y, "p95 latency by rows; in words below", limit=target.p95_ms)
    about = "Dotted lines and bands are estimates beyond what was measured, with 95 % intervals."
    return f'<h3>Latency as the table grows</h3>{drawn}{said}<p class="note">{about}</p>'


def clients_chart(trials: Sequence[Trial]) -> str:
    """Draw queries per second against clients, of the trials that were asked by several.  Nothing without."""
    loaded = [trial for trial in trials if trial.is_measured and any(not p["rate"] for p in trial.load)]
    if not loaded:
        return ""
    lines = [_by_clients(trial) for trial in loaded]
    counts = sorted({point.x for line in lines for point in line.points})
    most = max(point.high for line in lines for point in line.points) * 1.08
    right = _WIDTH - _RIGHT
    x = _Axis("clients", 0, counts[-1] * 1.05, _LEFT, right, tuple(counts))
    y = _Axis("queries per second", 0, most, _HEIGHT - _BOTTOM, _TOP, _round_steps(most))
    drawn = _drawn(lines, x, y, "Queries per second by clients; as a table below")
    head = "".join(
        f"<th>{name}</th>"
        for name in (
            "Index",
            "Clients",
            "Offered",
            "QPS",
            "95 % interval",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "Errors",
            "Sent of due",
        )
    )
    rows = "".join(_client_row(trial, point) for trial in loaded for point in trial.load)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    told = [(_name(trial), overload(point)) for trial in loaded for point in trial.load]
    said = "".join(f'<p class="note">{escape(f"{name}: {said}")}</p>' for name, said in told if said)
    return f"<h3>Queries per second by clients</h3>{drawn}{table}{said}"


def _growing(arm: Arm, least: float, reach: float) -> _Line:
    points = tuple(
        _Point(trial.rows or 0, m["p95_ms"], m["p95_ms_low"], m["p95_ms_high"])
        for trial in arm.trials
        for m in [trial.measures]
    )
    estimate: tuple[_Point, ...] = ()
    if arm.growth:
        bands = [(float(rows), arm.growth.at(float(rows))) for rows in np.geomspace(least, reach, _STEPS)]
        estimate = tuple(_Point(rows, band.value, band.low, band.high) for rows, band in bands)
    return _Line(arm.name, arm.trials[0].method, points, estimate)


def _by_clients(trial: Trial) -> _Line:
    closed = [point for point in trial.load if not point["rate"]]
    points = tuple(_Point(p["clients"], p["qps"], p["qps_low"], p["qps_high"]) for p in closed)
    return _Line(_name(trial), trial.method, points)


def _name(trial: Trial) -> str:
    return place_name(trial) + full_name(trial)


def _client_row(trial: Trial, point: dict[str, float]) -> str:
    cells = [
        _name(trial),
        f"{point['clients']}",
        f"{point['rate']:,.0f}/s" if point["rate"] else "all it can",
    ]
    cells += [f"{point['qps']:,.0f}", f"{point['qps_low']:,.0f} to {point['qps_high']:,.0f}"]
    cells += [f"{point[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms")] + [f"{point['errors']:,}"]
    cells += [sent_of_due(point) or "-"]
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _log(title: str, low: float, high: float) -> _Axis:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 1000 else (1,)
    ticks = (step * 10.0**exponent for exponent in exponents for step in steps)
    shown = tuple(tick for tick in ticks if low <= tick <= high)
    return _Axis(title, low, high, _HEIGHT - _BOTTOM, _TOP, shown, log=True)


def _round_steps(most: float) -> tuple[float, ...]:
    """Choose four or five round values up to ``most``.

    >>> _round_steps(1080)
    (0.0, 200.0, 400.0, 600.0, 800.0, 1000.0)
    """
    rough = most / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * 0.8)
    return tuple(step * i for i in range(math.floor(most / step) + 1))


def _drawn(lines: Sequence[_Line], x: _Axis, y: _Axis, label: str, *, limit: float | None = None) -> str:
    named = list(zip(cycle(ascii_uppercase), lines, strict=False))
    parts = list(_axes(x, y))
    if limit is not None:
        place = y.at(limit)
        parts.append(
            f'<line x1="{x.begin}" x2="{x.end}" y1="{place:.1f}" y2="{place:.1f}" stroke="var(--soft)" '
            f'stroke-dasharray="2 3"/><text x="{x.begin + 4}" y="{place - 4:.1f}">target {limit:g} ms</text>'
        )
    for letter, line in named:
        parts += _marked(letter, line, x, y)
    legend = escape(" · ".join(f"{letter} {line.name}" for letter, line in named))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
        f'<p class="note">{legend}</p>'
    )


def _axes(x: _Axis, y: _Axis) -> Iterator[str]:
    for tick in y.ticks:
        place = y.at(tick)
        yield f'<line x1="{x.begin}" x2="{x.end}" y1="{place:.1f}" y2="{place:.1f}" stroke="var(--line)"/>'
        yield f'<text x="{x.begin - 8}" y="{place + 4:.1f}" text-anchor="end">{_figure(tick)}</text>'
    for tick in x.ticks:
        yield f'<text x="{x.at(tick):.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{_figure(tick)}</text>'
    middle = (x.begin + x.end) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{x.title}</text>'
    yield f'<text transform="translate(14 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">{y.title}</text>'


def _marked(letter: str, line: _Line, x: _Axis, y: _Axis) -> Iterator[str]:
    colour = f"var(--{line.method})"
    if line.estimate:
        around = [(p.x, p.high) for p in line.estimate] + [(p.x, p.low) for p in reversed(line.estimate)]
        yield f'<polygon points="{_path(around, x, y)}" fill="{colour}" opacity="0.14"/>'
        middle = [(p.x, p.y) for p in line.estimate]
        yield (
            f'<polyline points="{_path(middle, x, y)}" fill="none" stroke="{colour}" stroke-dasharray="2 4"/>'
        )
    measured = [(p.x, p.y) for p in line.points]
    yield f'<polyline points="{_path(measured, x, y)}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    for point in line.points:
        across, up = x.at(point.x), y.at(point.y)
        low, high = y.at(point.low), y.at(point.high)
        yield f'<line x1="{across:.1f}" x2="{across:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{colour}"/>'
        title = f"<title>{escape(f'{line.name}: {_figure(point.y)} at {_figure(point.x)}')}</title>"
        yield MARKS[line.method].format(
            x=across, y=up, left=across - 4, top=up - 4, above=up - 6, title=title
        )
    last = line.points[-1]
    yield f'<text x="{x.at(last.x) + 9:.1f}" y="{y.at(last.y) + 4:.1f}">{letter}</text>'


def _path(points: Sequence[tuple[float, float]], x: _Axis, y: _Axis) -> str:
    return " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in points)


def _figure(value: float) -> str:
    """Write a tick, or a figure, with three digits that count.

    >>> _figure(20000.0), _figure(0.5), _figure(1234567.0)
    ('20,000', '0.5', '1,230,000')
    """
    if value >= 1000:
        return f"{round(value, 2 - math.floor(math.log10(value))):,.0f}"
    return f"{value:.3g}"
