"""Run every ``bench_*`` module's ``measure``, each on a server of its own; a new benchmark is a new file."""

from importlib import import_module
from pathlib import Path

from tests.speed.report import show
from tests.speed.server import fresh_database

for path in sorted(Path(__file__).parent.glob("bench_*.py")):
    with fresh_database() as database:
        show(import_module(f"tests.speed.{path.stem}").measure(database))
