from dataclasses import fields
from pathlib import Path

import pytest
from dotenv import dotenv_values

from dashboard import settings as module
from dashboard.settings import ROOT, Settings, read_settings
from db.errors import RequestError


def as_text(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def test_the_example_lists_every_setting_with_its_comment_and_default() -> None:
    _, _, listed = (ROOT / ".env.example").read_text().partition("\n\n")
    assert listed == "\n".join(
        f"# {f.metadata['about']}\n{f.metadata['variable']}={as_text(f.default)}\n" for f in fields(Settings)
    )


def test_the_example_copied_as_it_is_changes_nothing() -> None:
    assert read_settings(dotenv_values(ROOT / ".env.example")) == Settings()


def test_an_empty_value_counts_as_unset() -> None:
    assert read_settings({"VECTORSCOPE_PORT": "", "DATABASE_URL": ""}) == Settings()


@pytest.mark.parametrize("text", ["1", "true", "Yes", "ON"])
def test_yes_is_understood(text: str) -> None:
    assert read_settings({"ALLOW_OPEN": text}).allow_open


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF"])
def test_no_is_understood(text: str) -> None:
    assert not read_settings({"WORKER": text}).worker


def test_a_home_may_begin_with_a_tilde() -> None:
    assert read_settings({"VECTORSCOPE_HOME": "~/scope"}).home == Path.home() / "scope"


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("VECTORSCOPE_PORT", "http", "VECTORSCOPE_PORT='http' is not a whole number."),
        ("ALLOW_OPEN", "maybe", "ALLOW_OPEN='maybe' is neither yes nor no."),
    ],
)
def test_a_value_that_cannot_be_used_is_named(variable: str, text: str, sentence: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_settings({variable: text})
    assert refused.value.message == sentence
    assert f"Set {variable} to" in refused.value.remedy


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("VECTORSCOPE_PORT=9001\nREAD_TIMEOUT_S=3\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("VECTORSCOPE_PORT", "9002")
    monkeypatch.delenv("READ_TIMEOUT_S", raising=False)
    chosen = module.settings.__wrapped__()
    assert (chosen.port, chosen.read_timeout_s) == (9002, 3)


def test_a_password_is_not_shown() -> None:
    secret = read_settings(
        {"DATABASE_URL": "postgresql://u:hush@h/d", "DATABASE_READ_URL": "postgresql://r:hush@h/d"}
    )
    assert "hush" not in repr(secret)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.5", False),
        ("127.example.com", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert Settings(host=host).is_loopback is loopback
