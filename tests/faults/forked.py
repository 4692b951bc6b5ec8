"""Workers forked from a process that has imported all of it once: how they start is not tested here.

``tests/commands/test_serve.py`` starts them as ``python -m dashboard`` does.
"""

import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess

WORKER = """
from dashboard.__main__ import cli
cli(["worker"])
"""

_nursery = multiprocessing.get_context("forkserver")
_nursery.set_forkserver_preload(["dashboard.__main__", "dashboard.jobs.worker"])


@dataclass(frozen=True)
class Forked:
    """A process to be killed, with the words of ``subprocess.Popen``."""

    process: ForkServerProcess

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        self.process.join(timeout_s)
        assert self.process.exitcode is not None, "it is still there"
        return self.process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.process.kill()

    def terminate(self) -> None:
        self.process.terminate()


def start(program: str, environment: Mapping[str, str]) -> Forked:
    """Run ``program`` in a process of its own, its errors unheard."""
    process = _nursery.Process(target=_run, args=(program, dict(environment)))
    process.start()
    return Forked(process)


def _run(program: str, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    exec(compile(program, "<worker>", "exec"), {"__name__": "__main__"})
