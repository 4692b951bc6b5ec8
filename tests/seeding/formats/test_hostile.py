"""Every hostile file gets its sentence, and costs no more than the sandbox allows."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.seeding.formats import Wanted, contents, read_batches
from dashboard.seeding.formats.recognise import FORMATS, recognised
from db.errors import RequestError
from tests.seeding.formats.makers import WRITTEN
from tests.seeding.hostile import HOSTILE, Hostile


def read_through(path: Path) -> None:
    """What the sandbox does with a file, in this process: a sentence of ours must come first."""
    form = recognised(path)
    found = form.survey(path, None)
    for _ in form.batches(path, tuple(column.name for column in found.columns), 0, None):
        pass


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_file_gets_its_sentence(hostile: Hostile, tmp_path: Path) -> None:
    path = tmp_path / hostile.name
    hostile.make(path)
    with pytest.raises(RequestError, match=hostile.sentence) as refused:
        read_through(path)
    assert refused.value.remedy
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("name", ["cut.json", "object.npy", "uneven.npz", "cut.parquet", "away.hdf5"])
def test_the_sandbox_hands_the_sentence_on(name: str, tmp_path: Path) -> None:
    hostile = next(hostile for hostile in HOSTILE if hostile.name == name)
    hostile.make(tmp_path / name)
    for ask in (
        lambda: contents(tmp_path / name),
        lambda: list(read_batches(tmp_path / name, {"a": Wanted()})),
    ):
        with pytest.raises(RequestError) as refused:
            ask()
        assert re.search(hostile.sentence, refused.value.message)
        assert refused.value.remedy


def test_every_format_has_a_hostile_file() -> None:
    suffixes = {Path(hostile.name).suffix for hostile in HOSTILE}
    assert all(suffixes & set(form.suffixes) for form in FORMATS.values())


@st.composite
def damage(draw: st.DrawFn, whole: bytes) -> bytes:
    """Change, insert and cut off a few bytes."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["change", "insert", "cut"])):
            case "change":
                data[start : start + 1] = draw(st.binary(min_size=1, max_size=1))
            case "insert":
                data[start:start] = draw(st.binary(max_size=6))
            case "cut":
                del data[start:]
    return bytes(data)


@pytest.mark.parametrize("name", [name for name in WRITTEN if "parquet" not in name])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_file_is_read_or_gets_a_sentence(name: str, data: st.DataObject, tmp_path: Path) -> None:
    """Parquet's reader may end its process instead, which the sandbox is for."""
    path = tmp_path / name
    WRITTEN[name](path)
    path.write_bytes(data.draw(damage(path.read_bytes())))
    with suppress(RequestError):
        read_through(path)


def test_a_parquet_file_that_ends_its_reader_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "typed.parquet"
    WRITTEN["spelled.parquet"](path)
    whole = bytearray(path.read_bytes())
    # In the footer a column says: type BYTE_ARRAY, and a list of encodings.  Make it INT64.
    whole[whole.rindex(b"\x15\x0c\x19") + 1] = 4
    path.write_bytes(whole)
    with pytest.raises(RequestError, match=r"typed\.parquet (cannot be read|is not a readable Parquet file)"):
        contents(path)
