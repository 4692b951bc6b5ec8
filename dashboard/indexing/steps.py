"""The steps of a concurrent build, as the reader follows them.

Source: PostgreSQL documentation, 27.4.4, "CREATE INDEX Progress Reporting", whose phases these gather.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``phases`` are how the server's phases of it begin."""

    label: str
    about: str
    phases: tuple[str, ...]


STEPS = (
    Step(
        "Wait for writers",
        "Transactions that write the table must end once",
        ("starting", "initializing", "waiting for writers before build"),
    ),
    Step("Load rows", "Every row goes into the index; writes go on", ("building index",)),
    Step(
        "Validate",
        "Rows written meanwhile are added",
        ("waiting for writers before validation", "index validation"),
    ),
    Step(
        "Wait for snapshots",
        "Transactions older than the index must end, or they would miss rows in it",
        ("waiting for old snapshots", "waiting for readers"),
    ),
)


def step_of(phase: str) -> int:
    """Tell which step a phase belongs to, by its place; the first where the phase is not known."""
    return next((place for place, step in enumerate(STEPS) if phase.startswith(step.phases)), 0)
