"""A column's report: its grade, what each check found, and what is drawn; stored as JSON and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.inspection.checks import CHECKS
from dashboard.inspection.curves import Curve, Curves, Histogram, Ribbon
from dashboard.inspection.evidence import Evidence
from dashboard.inspection.finding import Finding, Named, Verdict
from dashboard.inspection.grade import Grade, grade
from dashboard.inspection.statistics import Interval
from db.nearest import UNDEFINED_FOR_ZERO
from db.sampling import METHODS, Sample
from db.words import counted


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the rows that were looked at were drawn: see ``db.sampling.Sample``."""

    n: int
    nulls: int
    of_rows: int | None
    of_rows_exact: bool
    method: str
    seed: int

    def in_words(self) -> str:
        """Say what was looked at: ``sample of 20,000 of ~2,003,418 rows, seed 42``."""
        if self.of_rows is None:
            return f"sample of {counted(self.n)}, seed {self.seed}"
        if self.of_rows_exact and self.n + self.nulls >= self.of_rows:
            return f"all {counted(self.of_rows)}" if self.of_rows != 1 else "the only row"
        rows = f"{'' if self.of_rows_exact else '~'}{counted(self.of_rows)}"
        return f"sample of {self.n + self.nulls:,} of {rows}, seed {self.seed}"

    @property
    def method_in_words(self) -> str:
        """Say how the rows were drawn."""
        return METHODS.get(self.method, self.method)


def drawn(sample: Sample) -> Drawn:
    """Keep of a sample how it was drawn."""
    return Drawn(sample.n, sample.nulls, sample.of_rows, sample.of_rows_exact, sample.method, sample.seed)


@dataclass(frozen=True, slots=True)
class Report:
    """What an inspection found.

    ``findings`` and ``sql``, which shows a finding's rows, go by check; that of rows beside by their label.
    """

    type: str
    dimensions: int
    distance: str
    sample: Drawn
    distinct: int
    grade: Grade
    findings: Mapping[str, Finding]
    sql: Mapping[str, str]
    curves: Curves

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form; "summary" is what trends are drawn from."""
        document = asdict(self)
        for key, finding in self.findings.items():
            document["findings"][key]["verdict"] = finding.verdict.value
        values = {key: finding.value for key, finding in self.findings.items()}
        return document | {"summary": {"grade": self.grade.letter, "values": values}}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Report:
        """Read what ``to_document`` made; checks that are no more are left out."""
        found = document["findings"]  # jsonb keeps no order
        grades = document["grade"] | {"worst": tuple(document["grade"]["worst"])}
        return cls(
            type=document["type"],
            dimensions=document["dimensions"],
            distance=document["distance"],
            sample=Drawn(**document["sample"]),
            distinct=document["distinct"],
            grade=Grade(**grades),
            findings={c.key: _finding(found[c.key]) for c in CHECKS if c.key in found},
            sql=document["sql"],
            curves=_curves(document["curves"]),
        )


def report(
    evidence: Evidence, findings: Mapping[str, Finding], sql: Mapping[str, str], drawing: Curves
) -> Report:
    """Put a report together."""
    return Report(
        type=evidence.column.type,
        dimensions=evidence.dimensions,
        distance=evidence.distance.stem,
        sample=drawn(evidence.sample),
        distinct=len(evidence.points),
        grade=grade(
            findings,
            vectors=evidence.sample.n,
            distinct=len(evidence.points),
            zeros_are_lost=evidence.distance in UNDEFINED_FOR_ZERO,
        ),
        findings=findings,
        sql=sql,
        curves=drawing,
    )


def _finding(document: Mapping[str, Any]) -> Finding:
    bounds = document["interval"]
    return Finding(
        **{
            **document,
            "verdict": Verdict(document["verdict"]),
            "interval": Interval(**bounds) if bounds else None,
            "rows": tuple(document["rows"]),
            "beside": tuple(
                Named(**{**named, "rows": tuple(named["rows"])}) for named in document.get("beside", ())
            ),
        }
    )


def _curves(document: Mapping[str, Any]) -> Curves:
    kinds = {"norms": Histogram, "occurrences": Curve, "nearest": Curve, "dimensions": Ribbon}
    made = {
        name: kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in document[name].items()})
        if document.get(name)
        else None
        for name, kind in kinds.items()
    }
    return Curves(**made)
