"""Every setting, read once from the environment and .env; nothing else reads the environment.

A setting is one field of Settings: its name in the environment stands in the metadata, and
.env.example lists it with the same comment (a test compares the two).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from db.errors import RequestError

ROOT = Path(__file__).resolve().parents[1]


def _setting(
    variable: str,
    default: Any,
    about: str,
    *,
    secret: bool = False,
    low: int = 0,
    high: int = 1_000_000,
    choices: tuple[str, ...] = (),
) -> Any:
    metadata = {"variable": variable, "about": about, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation may choose.  Sizes in MB are 2**20 bytes."""

    database_url: str | None = _setting(
        "DATABASE_URL",
        None,
        "PostgreSQL to look at; unset: the embedded server in VECTORSCOPE_HOME.",
        secret=True,
    )
    database_read_url: str | None = _setting(
        "DATABASE_READ_URL",
        None,
        "A login for the pages that may only SELECT; migrate lets it read our schema. Unset: DATABASE_URL.",
        secret=True,
    )
    database_replica_urls: str | None = _setting(
        "DATABASE_REPLICA_URLS",
        None,
        "The cluster's other nodes, with a space between two: each is asked for its scans, nothing else.",
        secret=True,
    )
    home: Path = _setting(
        "VECTORSCOPE_HOME",
        Path(".vectorscope"),
        "Where everything local lives: embedded data, logs, uploads.",
    )
    host: str = _setting("VECTORSCOPE_HOST", "127.0.0.1", "Address to serve on.")
    port: int = _setting("VECTORSCOPE_PORT", 8501, "Port to serve on.", low=1, high=65_535)
    allow_open: bool = _setting(
        "ALLOW_OPEN",
        False,
        "1: serve beyond this machine although no login is configured; everyone who can reach it is admin.",
    )
    read_timeout_s: int = _setting(
        "READ_TIMEOUT_S", 15, "statement_timeout of a page's question, in seconds.", low=1, high=86_400
    )
    scratch_budget_mb: int = _setting(
        "SCRATCH_BUDGET_MB",
        4096,
        "Most space a benchmark's scratch copy and its index may take.",
        low=1,
        high=100_000_000,
    )
    benchmark_budget_minutes: int = _setting(
        "BENCHMARK_BUDGET_MINUTES",
        1440,
        "A benchmark forecast to take longer is refused before it starts.",
        low=1,
        high=1_000_000,
    )
    build_memory_mb: int = _setting(
        "BUILD_MEMORY_MB",
        0,
        "maintenance_work_mem of a benchmark's index build; 0: what the server has.",
        high=2_097_151,
    )
    job_lease_s: int = _setting(
        "JOB_LEASE_S",
        10,
        "A worker silent for this long has lost its job to the next one.",
        low=1,
        high=86_400,
    )
    job_attempts: int = _setting(
        "JOB_ATTEMPTS", 3, "How often a job may break off without getting further.", low=1, high=1_000
    )
    startup_wait_s: int = _setting(
        "STARTUP_WAIT_S",
        600,
        "How long to wait for the embedded server to recover after a crash.",
        low=1,
        high=86_400,
    )
    export_keep_days: int = _setting(
        "EXPORT_KEEP_DAYS",
        7,
        "How long the file of an export job stays in VECTORSCOPE_HOME.",
        low=1,
        high=3_650,
    )
    embedding_url: str | None = _setting(
        "VECTORSCOPE_EMBEDDING_URL",
        None,
        "Base URL of an OpenAI-compatible service that embeds text, such as http://127.0.0.1:11434/v1.",
    )
    embedding_model: str | None = _setting(
        "VECTORSCOPE_EMBEDDING_MODEL", None, "The model that service is asked for."
    )
    embedding_key: str | None = _setting(
        "VECTORSCOPE_EMBEDDING_KEY", None, "The key it wants, if it wants one.", secret=True
    )
    embedding_batch: int = _setting(
        "VECTORSCOPE_EMBEDDING_BATCH", 64, "Texts sent to it in one request.", low=1, high=2_048
    )
    watch_webhook_url: str | None = _setting(
        "WATCH_WEBHOOK_URL",
        None,
        "Where alerts of watched columns are posted as JSON, when raised and when resolved.",
        secret=True,
    )
    worker: bool = _setting("WORKER", True, "0: serve without starting a worker (compose runs its own).")
    log_level: str = _setting(
        "LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the served address."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_settings(environment: Mapping[str, str | None]) -> Settings:
    """Make Settings of ``environment``; an empty value counts as unset.

    Raises RequestError naming the variable and the value it cannot use.
    """
    given: dict[str, Any] = {
        f.name: _convert(f, text)
        for f in fields(Settings)
        if (text := environment.get(f.metadata["variable"]))
    }
    return Settings(**given)


@cache
def settings() -> Settings:
    """Read the settings of this process: the environment, then .env where the environment is silent."""
    return read_settings({**dotenv_values(ROOT / ".env"), **os.environ})


def _convert(setting: Field[Any], text: str) -> object:
    variable, choices = setting.metadata["variable"], setting.metadata["choices"]
    match setting.default:
        case bool():
            return _yes_or_no(variable, text)
        case int():
            return _whole_number(setting, text)
        case Path():
            return Path(text).expanduser()
    if choices and text.upper() not in choices:
        raise RequestError(
            f"{variable}={text!r} is unknown.", f"Set {variable} to one of {', '.join(choices)}."
        )
    return text


def _yes_or_no(variable: str, text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise RequestError(f"{variable}={text!r} is neither yes nor no.", f"Set {variable} to 1 or 0.")


def _whole_number(setting: Field[Any], text: str) -> int:
    variable, low, high = (setting.metadata[name] for name in ("variable", "low", "high"))
    remedy = f"Set {variable} to a number from {low:,} to {high:,}, such as {setting.default}."
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise RequestError(f"{variable}={text!r} is not a whole number.", remedy)
    if not low <= int(text) <= high:
        raise RequestError(f"{variable}={text} is outside {low:,} to {high:,}.", remedy)
    return int(text)
