"""A verdict in words: what a decision maker reads first, and what to know before believing it."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.benchmark.ties import doubt
from dashboard.benchmark.verdict import Verdict, full_name, index_name, setting_name
from dashboard.ui.charts import figure_of
from dashboard.ui.messages import escaped
from dashboard.ui.units import counted, duration, gain, size
from db.runs import Trial


@dataclass(frozen=True, slots=True)
class Words:
    """A verdict to show: badge with icon and colour, the sentence, and one remark (Markdown)."""

    badge: str
    icon: str
    color: str
    caption: str
    sentence: str
    remark: str | None = None


def words(verdict: Verdict, trials: int, k: int) -> Words:
    """Put a verdict into words; ``trials`` is how many were carried out."""
    target = f"recall@{k} ≥ {verdict.target.recall:g} and p95 ≤ {verdict.target.p95_ms:g} ms"
    if verdict.cheapest is None:
        return Words(
            "Misses the target",
            ":material/error:",
            "orange",
            f"none of {counted(trials, 'trial')} has {target}",
            _nearest_miss(verdict),
            "Try higher settings, an index built with higher options, or another target.",
        )
    if verdict.cheapest is verdict.exact:
        return Words(
            "No index needed",
            ":material/check_circle:",
            "green",
            f"exact search has {target}",
            f"Exact search answers in {_ms(verdict.cheapest)} at p95, and misses nothing",
            _what_an_index_gains(verdict),
        )
    return Words(
        "Meets the target",
        ":material/check_circle:",
        "green",
        f"{_place(verdict)} {counted(trials, 'trial')} with {target}",
        praise(verdict.cheapest),
        _joined(_doubt(verdict), _surer(verdict)),
    )


def _place(verdict: Verdict) -> str:
    """Say whether the cheapest is that for sure."""
    if not verdict.ties:
        return "cheapest of"
    return f"tied with {counted(len(verdict.ties), 'other')} of"


def _doubt(verdict: Verdict) -> str | None:
    told = doubt(verdict)
    return escaped(told) if told else None


def _joined(*remarks: str | None) -> str | None:
    return " ".join(filter(None, remarks)) or None


def praise(trial: Trial) -> str:
    """Say what an index gains and costs: recall with its interval, gain over exact, size, build time."""
    measures = trial.measures
    parts = [
        f"recall {measures['recall']:.2f} [{measures['recall_low']:.2f}, {measures['recall_high']:.2f}]",
        f"{gain(measures['speedup'])} than exact",
    ]
    if trial.size_bytes is not None:
        parts.append(f"+{size(trial.size_bytes)}")
    if trial.build_s is not None:
        parts.append(f"built in {duration(trial.build_s)}")
    return f"{index_name(trial)}, {setting_name(trial)}: {', '.join(parts)}"


def _what_an_index_gains(verdict: Verdict) -> str | None:
    if verdict.index is None or verdict.exact is None:
        return None
    if told := _doubt(verdict):
        return f"An index would gain nothing that shows. {told}"
    if verdict.index.measures["p95_ms"] >= verdict.exact.measures["p95_ms"]:
        return "No index that was tried is quicker."
    return f"An index would be quicker, at a price. {praise(verdict.index)}."


def _surer(verdict: Verdict) -> str | None:
    if verdict.cheapest is None or verdict.cheapest.measures["recall_low"] >= verdict.target.recall:
        return None
    doubt = f"The interval reaches below {verdict.target.recall:g}."
    if (surer := verdict.surer) is None:
        return f"{doubt} Ask more queries, or try a higher setting, to be sure."
    low, high = surer.measures["recall_low"], surer.measures["recall_high"]
    alike = index_name(surer) == index_name(verdict.cheapest)
    return (
        f"{doubt} To be 95 % sure of the target take **{(setting_name if alike else full_name)(surer)}**: "
        f"recall {surer.measures['recall']:.2f} [{low:.2f}, {high:.2f}], p95 {_ms(surer)}."
    )


def _nearest_miss(verdict: Verdict) -> str:
    """Name the trial that fails by the least: recall first, as a wrong answer is no answer."""
    trial = verdict.nearest or verdict.exact
    if trial is None:
        return "No trial could be measured"
    return (
        f"Nearest: {index_name(trial)}, {setting_name(trial)} with recall {trial.measures['recall']:.2f} "
        f"and p95 {_ms(trial)}"
    )


def _ms(trial: Trial) -> str:
    return f"{figure_of(trial.measures['p95_ms'])} ms"
