"""The machine, as a run's record names it: what figures of another machine do not compare with."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

CPUINFO = Path("/proc/cpuinfo")

SERVER_HERE, SERVER_ELSEWHERE = "on the client's machine", "not known to be on the client's machine"
"""Where the server is, in a run's record."""


def machine() -> dict[str, Any]:
    """Describe the processor, the memory, the system and the software that this process runs on."""
    return {
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "memory_bytes": memory_bytes(),
        "load_average": os.getloadavg(),
        "system": _system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def memory_bytes() -> int:
    """Size of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def cpu_model() -> str | None:
    """Name the processor's model, as the kernel knows it; None where it does not tell."""
    try:
        if platform.system() == "Darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=5)
            return done.stdout.strip() or None
        return model_in(CPUINFO.read_text(errors="replace"))
    except (OSError, subprocess.SubprocessError):
        return None


def model_in(cpuinfo: str) -> str | None:
    """Read the model in /proc/cpuinfo: x86 has its name, ARM the numbers of maker and part.

    >>> model_in("processor : 0" + chr(10) + "model name : AMD EPYC  9354")
    'AMD EPYC 9354'
    >>> model_in("CPU implementer : 0x41" + chr(10) + "CPU part : 0xd0c")
    'implementer 0x41, part 0xd0c'
    """
    pairs = (line.partition(":") for line in cpuinfo.splitlines())
    known = {name.strip(): " ".join(value.split()) for name, _, value in reversed(list(pairs))}
    if name := known.get("model name"):
        return name
    maker, part = known.get("CPU implementer"), known.get("CPU part")
    return f"implementer {maker}, part {part}" if maker and part else None


def whose(environment: Mapping[str, Any]) -> str:
    """Say whose machine a run's record describes."""
    here = environment.get("server") == SERVER_HERE
    return "server and client" if here else "the client's; the server's is not known"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)
