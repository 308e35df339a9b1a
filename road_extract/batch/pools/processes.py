"""A pool of processes on this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from road_extract.batch.pools.protocol import MAX_DEATHS, Function, Outcome, attempt, ended_too_often

_POLL_S = 0.5


@dataclass(slots=True)
class _Job:
    key: str
    function: Function
    task: Any
    deaths: int = 0


class ProcessPool:
    """A `Pool` of processes that exit with this process, however it ends. A process that dies is replaced."""

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
                    return Outcome(job.key, error=ended_too_often(f"most recently with exit code {code}"))
                self._idle.append(worker)
                return Outcome(job.key, value, error)

    def _start(self, job: _Job) -> None:
        worker = self._idle.pop() if self._idle else _Worker()
        try:
            worker.connection.send((job.function, job.task))
        except OSError:  # the process died while idle
            worker.stop()
            worker = _Worker()
            worker.connection.send((job.function, job.task))
        self._busy[worker.connection] = worker, job

    def close(self) -> None:
        """See `Pool`."""
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.stop()
        self._idle, self._busy = [], {}


class _Worker:
    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True, name="road-extract worker")
        self._process.start()
        theirs.close()  # so that this side notices when the process dies

    def stop(self, grace_s: float = 0) -> int | None:
        """Wait for the process to exit, kill it after the grace period, and return its exit code."""
        self.connection.close()
        self._process.join(grace_s)
        self._process.kill()
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        return code


def _serve(pipe: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent stops the others
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
