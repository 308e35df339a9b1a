"""Who does the work: this process, or several of them. A piece of work is a plain function and one argument."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import connection
from typing import Any, Protocol

from road_extract.errors import BackendError, OutputError, RoadExtractError
from road_extract.progress import Report, no_report

#: A piece of work whose process ended so often is given up: it would end the next one too.
MAX_DEATHS = 3

_POLL_S = 0.5
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)})

Function = Callable[[Any, Report], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a piece of work.

    Attributes:
        key: Its name: the scene's, a slash, the part's.
        value: What the function returned.
        error: Why it did not; its sentence holds no secrets.
    """

    key: str
    value: Any = None
    error: RoadExtractError | None = None


class Pool(Protocol):
    """Takes pieces of work and gives their outcomes, in any order."""

    @property
    def width(self) -> int:
        """Pieces of work to hand over before the first outcome is asked for, so that nobody idles."""
        ...

    def submit(self, key: str, function: Function, task: Any) -> None:
        """Hand a piece of work over. Function and task may travel to another process: both can be pickled."""
        ...

    def next_outcome(self) -> Outcome:
        """Wait for a piece of work that is done."""
        ...

    def close(self) -> None:
        """Give up what is not done."""
        ...


def attempt(function: Function, task: Any, report: Report = no_report) -> tuple[Any, RoadExtractError | None]:
    """What the function gives, or why it gives nothing, in a sentence without secrets."""
    try:
        return function(task, report), None
    except Exception as error:
        return None, to_sentence(error)


def to_sentence(error: Exception) -> RoadExtractError:
    """An error as one of this package's own, that can travel, without secrets."""
    if isinstance(error, RoadExtractError):
        return type(error)(str(error))
    if isinstance(error, MemoryError):
        return BackendError("out of memory; use fewer processes or a smaller --batch-size")
    if isinstance(error, OSError):
        kind = OutputError if error.errno in _DISK_ERRORS else RoadExtractError
        return kind(str(error))
    return RoadExtractError(f"failed unexpectedly, which is a fault here ({type(error).__name__}: {error})")


class SerialPool:
    """This process, one piece of work after the other."""

    width = 1

    def __init__(self, report: Report = no_report) -> None:
        self._waiting: deque[tuple[str, Function, Any]] = deque()
        self._report = report

    def submit(self, key: str, function: Function, task: Any) -> None:
        """See `Pool`."""
        self._waiting.append((key, function, task))

    def next_outcome(self) -> Outcome:
        """See `Pool`."""
        key, function, task = self._waiting.popleft()
        scene = key.rpartition("/")[0]
        return Outcome(key, *attempt(function, task, lambda progress: self._report(replace(progress, scene=scene))))

    def close(self) -> None:
        """See `Pool`."""
        self._waiting.clear()


@dataclass(slots=True)
class _Job:
    key: str
    function: Function
    task: Any
    deaths: int = 0


class ProcessPool:
    """Processes of this machine. They end with this one, however it ends; one that ends before is replaced."""

    def __init__(self, count: int) -> None:
        self.width = count
        self._idle: list[_Worker] = []
        self._busy: dict[Any, tuple[_Worker, _Job]] = {}

    def submit(self, key: str, function: Function, task: Any) -> None:
        """See `Pool`."""
        self._start(_Job(key, function, task))

    def next_outcome(self) -> Outcome:
        """See `Pool`."""
        while True:
            for ready in connection.wait(list(self._busy), _POLL_S):
                worker, job = self._busy.pop(ready)
                try:
                    value, error = worker.connection.recv()
                except (EOFError, OSError):
                    job.deaths += 1
                    code = worker.stop(grace_s=5)
                    if job.deaths < MAX_DEATHS:
                        self._start(job)
                        continue
                    return Outcome(job.key, error=ended_too_often(f"the last time with exit code {code}"))
                self._idle.append(worker)
                return Outcome(job.key, value, error)

    def _start(self, job: _Job) -> None:
        worker = self._idle.pop() if self._idle else _Worker()
        try:
            worker.connection.send((job.function, job.task))
        except OSError:  # it ended while it idled
            worker.stop()
            worker = _Worker()
            worker.connection.send((job.function, job.task))
        self._busy[worker.connection] = worker, job

    def close(self) -> None:
        """See `Pool`."""
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.stop()
        self._idle, self._busy = [], {}


def ended_too_often(detail: str) -> BackendError:
    """What is said of work that takes its process along."""
    return BackendError(
        f"the process that worked on it ended {MAX_DEATHS} times ({detail}); it may have run out of memory: try fewer "
        "processes, and look into the system's log"
    )


class _Worker:
    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True, name="road-extract worker")
        self._process.start()
        theirs.close()  # so that its end is noticed here

    def stop(self, grace_s: float = 0) -> int | None:
        """End it, if it has not ended by itself after a while; returns its exit code."""
        self.connection.close()
        self._process.join(grace_s)
        self._process.kill()
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        return code


def _serve(pipe: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; the first one ends the others
    logging.getLogger("road_extract").addHandler(logging.NullHandler())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            function, task = pipe.recv()
            pipe.send(attempt(function, task))
        except (EOFError, OSError):
            return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
