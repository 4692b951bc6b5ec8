"""Recall against latency as SVG, for a page that has nothing to draw with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import cycle, groupby
from string import ascii_uppercase

from dashboard.benchmark.target import Target
from dashboard.benchmark.verdict import index_name, setting_name
from db.runs import EXACT, Trial

_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 12, 44
_HIGHEST = 1.02

MARKS = {
    "hnsw": '<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="var(--hnsw)">{title}</circle>',
    "ivfflat": '<rect x="{left:.1f}" y="{top:.1f}" width="8" height="8" fill="var(--ivfflat)">{title}</rect>',
    EXACT: '<path d="M{x:.1f} {above:.1f}l6 6l-6 6l-6 -6z" fill="var(--exact)">{title}</path>',
}
_DASHES = {"ivfflat": ' stroke-dasharray="6 4"'}


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where values lie on the plot: latencies between two powers of ten across, recall upwards."""

    low: float
    high: float

    def x(self, p95_ms: float) -> float:
        share = (math.log10(p95_ms) - self.low) / (self.high - self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, recall: float) -> float:
        return _TOP + (_HIGHEST - recall) / _HIGHEST * (_HEIGHT - _TOP - _BOTTOM)

    def ticks(self) -> Iterator[float]:
        for exponent in range(math.floor(self.low), math.ceil(self.high) + 1):
            for step in (1, 2, 5):
                if self.low <= math.log10(step * 10.0**exponent) <= self.high:
                    yield step * 10.0**exponent


def chart(trials: Sequence[Trial], k: int, target: Target) -> str:
    """Draw a mark for each trial and a line through those of one index, named by a letter; shade the target.

    Colours are the page's variables ``--hnsw``, ``--ivfflat``, ``--exact``, ``--good`` and ``--line``.
    """
    measured = [trial for trial in trials if trial.is_measured]
    if not measured:
        return ""
    values = [trial.measures[f"p95_ms{end}"] for trial in measured for end in ("", "_low", "_high")]
    values.append(target.p95_ms)
    scale = _Scale(math.log10(min(values) / 1.5), math.log10(max(values) * 1.5))
    lines = [(name, list(group)) for name, group in groupby(measured, key=index_name)]
    named = list(zip(cycle(ascii_uppercase), lines, strict=False))
    parts = [*_grid(scale, k), _target_area(scale, target)]
    for letter, (_, group) in named:
        parts += _line(letter, group, scale)
    legend = escape(" · ".join(f"{letter} {name}" for letter, (name, _) in named))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Recall at {k} against p95 latency; '
        f'the table below has the figures">{"".join(parts)}</svg><p class="note">{legend}</p>'
    )


def _grid(scale: _Scale, k: int) -> Iterator[str]:
    for tenth in range(0, 11, 2):
        y = scale.y(tenth / 10)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>'
    for tick in scale.ticks():
        yield f'<text x="{scale.x(tick):.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{tick:g}</text>'
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">p95 latency, ms (log scale)</text>'
    yield f'<text transform="translate(14 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">recall@{k}</text>'


def _target_area(scale: _Scale, target: Target) -> str:
    top = scale.y(_HIGHEST)
    return (
        f'<rect x="{_LEFT}" y="{top:.1f}" width="{scale.x(target.p95_ms) - _LEFT:.1f}" '
        f'height="{scale.y(target.recall) - top:.1f}" fill="var(--good)"/>'
    )


def _line(letter: str, trials: Sequence[Trial], scale: _Scale) -> Iterator[str]:
    method = trials[0].method
    places = [(scale.x(t.measures["p95_ms"]), scale.y(t.measures["recall"])) for t in trials]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = _DASHES.get(method, "")
    yield f'<polyline points="{line}" fill="none" stroke="var(--{method})" stroke-width="1.6"{dash}/>'
    for trial, (x, y) in zip(trials, places, strict=True):
        yield from _whiskers(trial, scale, x, y)
        title = f"<title>{escape(f'{index_name(trial)}, {setting_name(trial)}')}</title>"
        yield MARKS[method].format(x=x, y=y, left=x - 4, top=y - 4, above=y - 6, title=title)
    x, y = places[-1]
    yield f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{letter}</text>'


def _whiskers(trial: Trial, scale: _Scale, x: float, y: float) -> Iterator[str]:
    """Draw the 95 % intervals of latency and recall through a point."""
    m = trial.measures
    left, right = scale.x(m["p95_ms_low"]), scale.x(m["p95_ms_high"])
    low, high = scale.y(m["recall_low"]), scale.y(m["recall_high"])
    for x1, x2, y1, y2 in ((left, right, y, y), (x, x, low, high)):
        yield (
            f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="var(--{trial.method})"/>'
        )
