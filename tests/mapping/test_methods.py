"""Every way to draw a map: groups stay together, the seed decides, and a stop is heard."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.mapping import tsne
from dashboard.mapping.methods import PROJECTIONS, Method, method_named
from dashboard.mapping.plan import MapPlan
from dashboard.mapping.quality import quality
from db.errors import Cancelled, RequestError

Vectors = NDArray[np.float32]
GLOSSARY = Path(__file__).resolve().parents[2] / "docs" / "glossary.md"


def three_groups(rows: int = 150, dimensions: int = 20) -> Vectors:
    random = np.random.default_rng(5)
    centres = random.normal(0, 6, (3, dimensions))
    vectors: Vectors = (centres[np.arange(rows) % 3] + random.normal(size=(rows, dimensions))).astype("f4")
    return vectors


def silent(_: int) -> None:
    pass


@pytest.fixture(params=list(PROJECTIONS.values()), ids=list(PROJECTIONS))
def method(request: pytest.FixtureRequest) -> Method:
    entry: Method = request.param
    return entry


def test_groups_stay_together(method: Method) -> None:
    vectors = three_groups()
    points = method.arrange(vectors, 1, 20.0, silent).points
    assert points.shape == (150, 2)
    assert quality(vectors, points, seed=0).trustworthiness > 0.75


def test_the_same_seed_draws_the_same_map(method: Method) -> None:
    first, second = (method.arrange(three_groups(), 1, 20.0, silent).points for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("shape", [(10, 20), (60, 1), (60, 2)])
def test_few_rows_and_few_dimensions_are_drawn(method: Method, shape: tuple[int, int]) -> None:
    layout = method.arrange(three_groups(*shape), 1, 30.0, silent)
    assert np.isfinite(layout.points).all()
    assert len(layout.axes) == 2


def test_too_few_rows_are_refused(method: Method) -> None:
    with pytest.raises(RequestError, match="at least 10 rows"):
        method.arrange(three_groups(5), 1, 30.0, silent)


def test_every_method_says_what_it_is_and_how_to_read_it(method: Method) -> None:
    assert method.about.endswith(".")
    assert "no units" in method.reading
    assert f"**{method.label}**" in GLOSSARY.read_text()
    assert bool(method.steps) != bool(method.at_once_numbers)


def test_t_sne_tells_how_far_it_is() -> None:
    told: list[int] = []
    PROJECTIONS["tsne"].arrange(three_groups(), 1, 20.0, told.append)
    assert told[0] == 50
    assert told == sorted(told)
    assert told[-1] <= tsne.ITERATIONS


def test_t_sne_stops_when_it_is_told_to() -> None:
    def stop(done: int) -> None:
        if done >= 100:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        PROJECTIONS["tsne"].arrange(three_groups(), 1, 20.0, stop)


def test_t_sne_says_nothing_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    PROJECTIONS["tsne"].arrange(three_groups(60), 1, 10.0, silent)
    assert capsys.readouterr().out == ""


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(RequestError, match="no way 'umap'"):
        method_named("umap")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"rows": 5}, "rows = 5 is outside 10 to 20,000"),
        ({"rows": 10**6}, "rows = 1e\\+06 is outside|rows = 1,000,000 is outside"),
        ({"seed": -1}, "seed = -1 is outside"),
        ({"perplexity": 1.0}, "perplexity = 1 is outside 5 to 100"),
    ],
)
def test_a_plan_out_of_bounds_is_refused(values: dict[str, float], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        MapPlan("public.t.e", "tsne", **values)  # type: ignore[arg-type]


def test_a_plan_travels_with_its_job() -> None:
    plan = MapPlan("public.t.e", "tsne", 2_000, 7, 15.0)
    assert MapPlan.from_params(plan.to_params()) == plan
