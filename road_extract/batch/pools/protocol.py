"""What a pool is: it takes pieces of work, each a plain function and one argument, and gives their outcomes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from road_extract.base.errors import BackendError, OutputError, RoadExtractError
from road_extract.base.progress import Report, no_report

#: A piece of work whose process ended so often is given up: it would end the next one too.
MAX_DEATHS = 3

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


def ended_too_often(detail: str) -> BackendError:
    """What is said of work that takes its process along."""
    return BackendError(
        f"the process that worked on it ended {MAX_DEATHS} times ({detail}); it may have run out of memory: try fewer "
        "processes, and look into the system's log"
    )
