"""Where the real, messy rows are, for the tests that read them."""

from pathlib import Path

import pytest

MOVIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "movies.json"

needs_movies = pytest.mark.skipif(
    not MOVIES.exists(), reason="../shared/data/movies.json is not on this machine"
)
