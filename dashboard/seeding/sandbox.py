"""Parsing somebody's file in a process of its own, which may run out of memory or time in our place.

``reader`` starts ``python -m MODULE``, whose ``serve`` limits itself before it opens the file: memory,
processor time, and no file larger than an error message.  It is told nothing but the requests: no
environment, so no password.  It is a limit on what a file may cost, and not a jail: the process may still
read what its user may.
"""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from db.errors import RequestError

ROOT = Path(__file__).resolve().parents[2]
REFUSED, OUT_OF_MEMORY = 3, 4
"""Exit codes of a process that says why; any other but 0 is a crash."""
BATCHES, END = b"batches\n", b"end\n"
"""What stands before and after the batches of an answer."""
PIPE_BYTES = 1 << 20
SAID_BYTES = 1 << 20
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
"""Lets glibc use a batch's memory for the next, instead of fetching it from the kernel each time."""

_logger = logging.getLogger(__name__)

Request = Mapping[str, Any]
Answers = Mapping[str, Callable[[dict[str, Any]], Any]]
Metadata = dict[str, Any]
Packed = tuple[pa.RecordBatch, Metadata]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost.

    ``time_s`` bounds the processor time of the whole, and how long the process may be silent: a minute,
    and a second more for each 2 MB.  CSV full of numbers, the slowest, was read at 20 MB/s when measured.
    """

    memory_bytes: int = 3 << 30
    time_s: int = 60

    @classmethod
    def of(cls, path: Path) -> Limits:
        """Choose the limits for a file."""
        return cls(time_s=60 + (path.stat().st_size >> 21))


def answer(module: str, task: str, request: Request, limits: Limits) -> Any:
    """Ask ``module`` one question; see ``Reader.answer``."""
    with reader(module, limits) as inside:
        return inside.answer(task, request)


def stream(module: str, task: str, request: Request, limits: Limits) -> Generator[Packed]:
    """Read what ``module`` makes of one request; see ``Reader.stream``."""
    with reader(module, limits) as inside:
        yield from inside.stream(task, request)


def received(source: pa.NativeFile | pa.Buffer) -> Generator[Packed]:
    """Read record batches, each with its metadata, as ``put`` wrote it."""
    with pa.ipc.open_stream(source) as reader:
        while True:
            try:
                batch, metadata = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            yield batch, json.loads(metadata[b"batch"])


def put(writer: pa.RecordBatchStreamWriter, batch: pa.RecordBatch, metadata: Metadata) -> None:
    """Write what ``received`` reads."""
    writer.write_batch(batch, custom_metadata={"batch": json.dumps(metadata)})


class _TimedOut(Exception):
    """The process has been silent for too long."""


class _Timed(io.RawIOBase):
    """A pipe that does not wait for ever."""

    def __init__(self, pipe: IO[bytes], seconds: float) -> None:
        self._fd = pipe.fileno()
        self._seconds = seconds
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._poll.poll(self._seconds * 1000):
            raise _TimedOut
        return os.readv(self._fd, [buffer])


@contextmanager
def reader(module: str, limits: Limits) -> Iterator[Reader]:
    """Lend a process to be asked about one file; it does not outlive the block."""
    with tempfile.TemporaryFile() as said, _started(module, said) as process:
        try:
            yield Reader(process, said, limits)
        finally:
            process.kill()


class Reader:
    """A process that has been started, and answers one request after another until one ends it."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes], limits: Limits) -> None:
        assert process.stdout
        self._process, self._said, self._limits = process, said, limits
        self._output = io.BufferedReader(_Timed(process.stdout, limits.time_s), PIPE_BYTES)
        self._tell(asdict(limits))

    def answer(self, task: str, request: Request) -> Any:
        """Ask a question, and hand back its answer as JSON gives it.

        Raises RequestError with what the process refused, or with the limit it hit.
        """
        with self._explained(request):
            self._tell({"task": task, "request": dict(request)})
            return json.loads(self._output.readline())

    def stream(self, task: str, request: Request) -> Generator[Packed]:
        """Read the record batches that the process makes, each with its metadata.

        Raises RequestError as ``answer`` does, when the batches before have been handed over.
        """
        with self._explained(request):
            self._tell({"task": task, "request": dict(request)})
            while (line := self._output.readline()) == BATCHES:
                yield from received(pa.PythonFile(self._output, mode="r"))
            if line != END:
                raise EOFError

    def _tell(self, what: Request) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # how it ended says more
            self._process.stdin.write(json.dumps(what).encode() + b"\n")

    @contextmanager
    def _explained(self, request: Request) -> Iterator[None]:
        """Say why the process did not answer to the end, by how it ended."""
        try:
            yield
        except _TimedOut:
            raise _too_slow(request, self._limits) from None
        except (pa.ArrowInvalid, OSError, EOFError, ValueError):  # cut off in the middle
            try:
                code = self._process.wait(self._limits.time_s)
            except subprocess.TimeoutExpired:
                raise _too_slow(request, self._limits) from None
            _check(code, self._said, request, self._limits)
            raise


def _started(module: str, said: IO[bytes]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        cwd=ROOT,
        env={
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONUTF8": "1",
            "OPENBLAS_NUM_THREADS": "1",  # each thread would take its share of the address space
            "OMP_NUM_THREADS": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve address space ahead
            **KEPT_MEMORY,
        },
        bufsize=0,
    )
    assert process.stdout
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # the user's pipes together have a limit
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return process


def _check(code: int, said: IO[bytes], request: Request, limits: Limits) -> None:
    """Raise RequestError where the process did not end well."""
    if code == 0:
        return
    said.seek(0)
    last = said.read(SAID_BYTES).decode(errors="replace")
    if code == REFUSED:
        refusal = json.loads(last.splitlines()[-1])
        raise RequestError(refusal["message"], refusal["remedy"])
    if code == -signal.SIGXCPU:
        raise _too_slow(request, limits)
    _logger.error("The reader of %s ended with %s: %s", request.get("path"), code, last)
    name = Path(str(request.get("path"))).name
    if code == OUT_OF_MEMORY:
        raise RequestError(
            f"Reading the file {name} takes more than {limits.memory_bytes >> 20:,} MB of memory.",
            "Split it into smaller files, or save it in smaller row groups or chunks.",
        )
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    raise RequestError(
        f"The file {name} cannot be read: its reader broke off ({how}).",
        "Check that the file is whole; if it is, the log has what is needed to report this.",
    )


def _too_slow(request: Request, limits: Limits) -> RequestError:
    return RequestError(
        f"Reading the file {Path(str(request.get('path'))).name} takes more than {limits.time_s:,} s.",
        "Split it into smaller files, or save it in another format.",
    )


def serve(answers: Answers, streams: Answers) -> None:
    """Be the process: take the limits from standard input, keep to them, and answer one request a line."""
    _limit(Limits(**json.loads(sys.stdin.readline())))
    try:
        for line in sys.stdin:
            given = json.loads(line)
            if given["task"] in answers:
                sys.stdout.write(json.dumps(answers[given["task"]](given["request"])) + "\n")
            else:
                _send(streams[given["task"]](given["request"]))
            sys.stdout.flush()
    except RequestError as refused:
        sys.stderr.write("\n" + json.dumps({"message": refused.message, "remedy": refused.remedy}) + "\n")
        sys.exit(REFUSED)
    except MemoryError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(OUT_OF_MEMORY)


def _limit(limits: Limits) -> None:
    for what, bound in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.time_s),
        (resource.RLIMIT_FSIZE, SAID_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)  # noqa: PLW2901
        resource.setrlimit(what, (bound, hard))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever asked has gone: so do we


def _send(batches: Iterator[Packed]) -> None:
    """Write batches of one schema to standard output, and that they have come to an end."""
    if first := next(batches, None):
        sys.stdout.buffer.write(BATCHES)
        with pa.ipc.new_stream(sys.stdout.buffer, first[0].schema) as writer:
            for batch, metadata in chain([first], batches):
                put(writer, batch, metadata)
    sys.stdout.buffer.write(END)
