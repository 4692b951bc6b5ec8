"""What is installed, shipped and composed, held together without a container engine at hand."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
OWN_SERVICES = ("migrate", "dashboard", "worker")


def read(file: str) -> str:
    return (ROOT / file).read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))["services"]
    return services


def instructions(name: str) -> list[str]:
    """The arguments of every ``name`` in the Dockerfile, continued lines joined."""
    joined = read("Dockerfile").replace("\\\n", " ")
    return [line.removeprefix(name).strip() for line in joined.splitlines() if line.startswith(f"{name} ")]


def pins(file: str) -> set[str]:
    return set(re.findall(r"^[\w-]+==[^\s]+", read(file), flags=re.MULTILINE))


def wanted(file: str) -> set[str]:
    return set(re.findall(r"^[a-z][\w-]*", read(file), flags=re.MULTILINE))


# Requirements


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_every_requirement_is_pinned_and_every_pin_has_a_hash(name: str) -> None:
    pinned = {pin.partition("==")[0] for pin in pins(f"{name}.txt")}
    assert wanted(f"{name}.in") <= pinned, "Run make lock."
    blocks = re.split(r"^(?=[\w-]+==)", read(f"{name}.txt"), flags=re.MULTILINE)[1:]
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_what_is_tested_is_what_is_installed() -> None:
    assert pins("requirements.txt") <= pins("requirements-dev.txt"), "Run make lock."


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_names_no_machine(file: str) -> None:
    assert not re.search(r"^--|file:|index-url|(?<!\w)/(home|tmp|root|opt)/", read(file), flags=re.MULTILINE)


# Make


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "-C", ROOT, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_every_target() -> None:
    told = make().stdout
    phony = re.search(r"^\.PHONY: (.*)$", read("Makefile"), flags=re.MULTILINE)
    assert phony
    for target in set(phony[1].split()) - {"browser"}:
        assert re.search(rf"^make {target} +\w", told, flags=re.MULTILINE), (
            f"Say what make {target} does, after ##."
        )


def test_without_a_python_that_is_new_enough_make_says_so_in_a_sentence(tmp_path: Path) -> None:
    refused = make("setup", f"VENV={tmp_path / 'venv'}", "PYTHONS=no-such-python false")
    assert refused.returncode != 0
    assert refused.stderr.startswith(
        "Vectorscope needs Python 3.11 or newer; found none of: no-such-python false.\n"
    )
    assert not (tmp_path / "venv").exists()


def test_clean_keeps_the_data() -> None:
    commands = make("--dry-run", "clean").stdout
    removals = [line for line in commands.splitlines() if "rm -rf" in line]
    assert removals
    assert not any(".vectorscope" in line for line in removals)
    assert "db erase" in commands


def test_a_missing_browser_fails_under_ci_and_is_told_elsewhere(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    (venv / "bin" / "python").chmod(0o755)
    (venv / ".installed-dev").touch()
    # `id` says we are not root, so that nothing is installed here.
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    in_ci = make("browser", f"VENV={venv}", "BROWSERS=no-such-browser", PATH=path, CI="true")
    at_home = make("browser", f"VENV={venv}", "BROWSERS=no-such-browser", PATH=path, CI="")

    assert in_ci.returncode != 0
    assert at_home.returncode == 0
    assert "There is no Chromium" in in_ci.stderr
    assert "There is no Chromium" in at_home.stderr


def test_ci_runs_the_checks_and_then_the_tests() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert [line for line in read(".ci/run").splitlines() if line.startswith("make ")] == [
        "make check",
        "make test",
    ]


# The image


def test_the_image_is_made_of_files_that_exist_and_reach_its_context() -> None:
    ignored = read(".dockerignore").splitlines()
    sources = [source for copy in instructions("COPY") for source in copy.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), f"The Dockerfile copies {source}, which is not there."
        assert f"!{source}" in ignored, f".dockerignore keeps {source} out of the image."


def test_the_whole_application_is_in_the_image() -> None:
    copied = {source for copy in instructions("COPY") for source in copy.split()[:-1]}
    assert {"dashboard", "db", "migrations", "pages"} <= copied


def test_the_image_runs_as_somebody_else_than_root() -> None:
    assert instructions("USER") == ["10001"]


def test_the_image_has_a_python_that_is_new_enough() -> None:
    version = re.match(r"python:3\.(\d+)-", instructions("FROM")[0])
    assert version
    assert int(version[1]) >= 11


# Compose


def test_the_database_keeps_its_data_where_the_image_puts_it(services: dict[str, Any]) -> None:
    db = services["db"]
    assert re.fullmatch(r"pgvector/pgvector:\d+\.\d+\.\d+-pg18", db["image"])
    assert db["volumes"] == ["pgdata:/var/lib/postgresql"]
    assert "pgdata" in yaml.safe_load(read("docker-compose.yml"))["volumes"]


def test_the_database_is_reached_by_the_services_only(services: dict[str, Any]) -> None:
    assert "ports" not in services["db"]


def test_the_database_can_build_in_parallel_and_says_when_it_is_up(services: dict[str, Any]) -> None:
    assert services["db"]["shm_size"] == "1g"
    assert "pg_isready" in services["db"]["healthcheck"]["test"][1]


def test_the_services_wait_for_what_they_need(services: dict[str, Any]) -> None:
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    for name in ("dashboard", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_the_dashboard_is_published_to_this_machine_only(services: dict[str, Any]) -> None:
    assert services["dashboard"]["ports"] == ["127.0.0.1:8501:8501"]
    assert [name for name, service in services.items() if "ports" in service] == ["dashboard"]


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_a_service_may_do_as_little_as_it_needs(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["init"] is True
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_one_image_serves_all(services: dict[str, Any]) -> None:
    assert {services[name]["image"] for name in OWN_SERVICES} == {f"vectorscope:{_version()}"}


def _version() -> str:
    found = re.search(r'^version = "(.+)"$', read("pyproject.toml"), flags=re.MULTILINE)
    assert found
    return found[1]


def test_the_version_is_the_same_everywhere() -> None:
    from dashboard import __version__

    assert __version__ == _version()
    assert f"## {_version()}" in read("CHANGELOG.md")


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_a_service_starts_a_command_that_exists(services: dict[str, Any], name: str) -> None:
    python, *command = services[name]["command"]
    assert python == "python"
    asked = subprocess.run(
        [sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr


def test_the_environment_of_a_service_names_settings(services: dict[str, Any]) -> None:
    known = set(re.findall(r"^([A-Z_]+)=", read(".env.example"), flags=re.MULTILINE))
    for name in OWN_SERVICES:
        assert set(services[name]["environment"]) <= known


def test_the_health_check_reads_the_body(services: dict[str, Any]) -> None:
    cmd, python, flag, program = services["dashboard"]["healthcheck"]["test"]
    assert (cmd, python, flag) == ("CMD", "python", "-c")
    ast.parse(program)
    assert "/healthz" in program
    assert '["status"]' in program
