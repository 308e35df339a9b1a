"""The pool protocol: a pool takes tasks, each a plain function with one argument, and returns their outcomes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from road_extract.base.errors import BackendError, OutputError, RoadExtractError
from road_extract.base.progress import Report, no_report

#: A task is abandoned after its process has died this many times, because it would kill the next one too.
MAX_DEATHS = 3

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)})

Function = Callable[[Any, Report], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a task.

    Attributes:
        key: Name of the task: the scene, a slash and the part.
        value: The return value of the function.
        error: The error, if the function failed. Its message contains no credentials.
    """

    key: str
    value: Any = None
    error: RoadExtractError | None = None


class Pool(Protocol):
    """Takes tasks and returns their outcomes, in any order."""

    @property
    def width(self) -> int:
        """The number of tasks to submit before waiting for the first outcome, so that no worker is idle."""
        ...

    def submit(self, key: str, function: Function, task: Any) -> None:
        """Submit a task. Function and task must be picklable, because they may be sent to another process."""
        ...

    def next_outcome(self) -> Outcome:
        """Wait for the next finished task."""
        ...

    def close(self) -> None:
        """Abandon all unfinished tasks."""
        ...


def attempt(function: Function, task: Any, report: Report = no_report) -> tuple[Any, RoadExtractError | None]:
    """Call the function and return its value, or else an error whose message contains no credentials."""
    try:
        return function(task, report), None
    except Exception as error:
        return None, to_sentence(error)


def to_sentence(error: Exception) -> RoadExtractError:
    """Convert any exception to a picklable error of this package, without credentials in its message."""
    if isinstance(error, RoadExtractError):
        return type(error)(str(error))
    if isinstance(error, MemoryError):
        return BackendError("out of memory; use fewer processes or a smaller --batch-size")
    if isinstance(error, OSError):
        kind = OutputError if error.errno in _DISK_ERRORS else RoadExtractError
        return kind(str(error))
    return RoadExtractError(f"failed unexpectedly; this is a bug in road_extract ({type(error).__name__}: {error})")


def ended_too_often(detail: str) -> BackendError:
    """Create the error for a task whose process keeps dying."""
    return BackendError(
        f"the process working on it died {MAX_DEATHS} times ({detail}); it may have run out of memory: try fewer "
        "processes, and check the system log"
    )
