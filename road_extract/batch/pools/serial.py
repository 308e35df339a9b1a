"""A pool that runs tasks in this process."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from road_extract.base.progress import Report, no_report
from road_extract.batch.pools.protocol import Function, Outcome, attempt


class SerialPool:
    """A `Pool` that runs one task after another in this process."""

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
