"""Reports the output of a child process in a Processing dialog. Standard library only."""

from __future__ import annotations

import json
import signal
from collections import deque
from collections.abc import Mapping
from typing import Any, Callable

#: Maximum number of lines shown; too many would make the dialog unresponsive.
SHOWN_LINES = 200

STAGE_TEXTS = {"predict": "Finding roads", "vectorize": "Drawing outlines", "lines": "Drawing lines"}

_OUT_OF_MEMORY = (
    "road_extract was killed by the system, most likely because memory ran out: close other programs, restrict the "
    "extent, or reduce the number of windows per batch"
)
_SIGNALS = {
    "SIGKILL": _OUT_OF_MEMORY,
    "SIGILL": "this computer's CPU lacks instructions that the program needs: use another computer",
}
_WINDOWS_CODES = {0xC0000017: _OUT_OF_MEMORY, 0xC000001D: _SIGNALS["SIGILL"]}


class Monitor:
    """Turns the child's output into progress, messages, a result or an error."""

    def __init__(
        self, feedback: Any, shares: Mapping[str, tuple[float, float]], translate: Callable[[str], str] = str
    ) -> None:
        """Create a monitor.

        Args:
            feedback: Has the methods of QgsProcessingFeedback.
            shares: For each stage, the start and end of its part of the progress bar, in percent.
            translate: Translates text into the user's language.
        """
        self.result: dict[str, Any] = {}
        self._feedback, self._shares, self._translate = feedback, shares, translate
        self._error, self._stage, self._percent, self._lines = "", "", 0.0, 0
        self._tail: deque[str] = deque(maxlen=20)

    def take(self, source: str, line: str) -> None:
        """Process a line of ``stdout`` (JSON) or ``stderr``."""
        event = _parse(line) if source == "stdout" else None
        if event is None:
            self._on_line(line)
        elif event["event"] == "progress":
            self._on_progress(event)
        elif event["event"] == "log":
            self._on_log(str(event.get("level")), str(event.get("message")))
        elif event["event"] == "error":
            self._error = str(event.get("message"))
        elif event["event"] == "result":
            self.result = event
            self._feedback.setProgress(100.0)

    def explain(self, code: int) -> str:
        """Explain why the child failed, in one sentence.

        Args:
            code: Exit code; negative for a signal.
        """
        last = self._tail[-1] if self._tail else "no output"
        return self._error or _explain_crash(code) or f"road_extract ended with code {code}: {last}"

    def _on_progress(self, event: Mapping[str, Any]) -> None:
        stage = str(event.get("stage"))
        if stage != self._stage:
            self._stage = stage
            self._feedback.setProgressText(self._translate(STAGE_TEXTS.get(stage, stage.capitalize())))
        low, high = self._shares.get(stage, (self._percent, self._percent))
        done, total = float(event.get("done", 0)), float(event.get("total", 0))
        self._percent = max(self._percent, low + (high - low) * min(done / total if total > 0 else 0.0, 1.0))
        self._feedback.setProgress(self._percent)

    def _on_log(self, level: str, message: str) -> None:
        (self._feedback.pushWarning if level == "warning" else self._feedback.pushInfo)(message)

    def _on_line(self, line: str) -> None:
        if not line:
            return
        self._lines += 1
        # error messages also arrive as events, and are shown as such
        if line.startswith("Error: "):
            self._error = self._error or line[len("Error: ") :]
        elif self._lines <= SHOWN_LINES:
            self._feedback.pushConsoleInfo(line)
        self._tail.append(line)


def _parse(line: str) -> dict[str, Any] | None:
    """Parse an event; None for any other output."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _explain_crash(code: int) -> str:
    """Explain a crash; empty if the exit code does not indicate one."""
    if code > 0xFFFF:
        return _WINDOWS_CODES.get(code, f"road_extract crashed (code {code:#x})")
    number = -code if code < 0 else code - 128  # an intermediate shell adds 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return _SIGNALS.get(name, f"road_extract crashed ({name})")
