"""Every setting, read once from the environment and .env; nothing else reads the environment.

A setting is one field of Settings: its name in the environment stands in the metadata, and
.env.example lists it with the same comment (a test compares the two).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from db.errors import RequestError

ROOT = Path(__file__).resolve().parents[1]


def _setting(variable: str, default: Any, about: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"variable": variable, "about": about}, repr=not secret)


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
        "A login that may only SELECT, used by every page; unset: DATABASE_URL in read-only transactions.",
        secret=True,
    )
    home: Path = _setting(
        "VECTORSCOPE_HOME",
        Path(".vectorscope"),
        "Where everything local lives: embedded data, logs, uploads.",
    )
    host: str = _setting("VECTORSCOPE_HOST", "127.0.0.1", "Address to serve on.")
    port: int = _setting("VECTORSCOPE_PORT", 8501, "Port to serve on.")
    allow_open: bool = _setting(
        "ALLOW_OPEN",
        False,
        "1: serve beyond this machine although no login is configured; everyone who can reach it is admin.",
    )
    read_timeout_s: int = _setting(
        "READ_TIMEOUT_S", 15, "statement_timeout of a page's question, in seconds."
    )
    scratch_budget_mb: int = _setting(
        "SCRATCH_BUDGET_MB", 4096, "Most space a benchmark's scratch copy and its index may take."
    )
    build_memory_mb: int = _setting(
        "BUILD_MEMORY_MB",
        0,
        "maintenance_work_mem of a benchmark's index build; 0: what the server has.",
    )
    job_lease_s: int = _setting(
        "JOB_LEASE_S", 10, "A worker silent for this long has lost its job to the next one."
    )
    job_attempts: int = _setting("JOB_ATTEMPTS", 3, "How many workers a job may kill before it is stopped.")
    startup_wait_s: int = _setting(
        "STARTUP_WAIT_S", 600, "How long to wait for the embedded server to recover after a crash."
    )
    worker: bool = _setting("WORKER", True, "0: serve without starting a worker (compose runs its own).")
    log_level: str = _setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR.")

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
        f.name: _convert(f.metadata["variable"], f.default, text)
        for f in fields(Settings)
        if (text := environment.get(f.metadata["variable"]))
    }
    return Settings(**given)


@cache
def settings() -> Settings:
    """Read the settings of this process: the environment, then .env where the environment is silent."""
    return read_settings({**dotenv_values(ROOT / ".env"), **os.environ})


def _convert(variable: str, default: object, text: str) -> object:
    match default:
        case bool():
            if text.lower() in {"1", "true", "yes", "on"}:
                return True
            if text.lower() in {"0", "false", "no", "off"}:
                return False
            raise RequestError(f"{variable}={text!r} is neither yes nor no.", f"Set {variable} to 1 or 0.")
        case int():
            try:
                return int(text)
            except ValueError:
                raise RequestError(
                    f"{variable}={text!r} is not a whole number.",
                    f"Set {variable} to a number, such as {default}.",
                ) from None
        case Path():
            return Path(text).expanduser()
        case _:
            return text
