"""What a child says, told to a Processing dialog. Standard library only."""

from __future__ import annotations

import json
import signal
from collections import deque
from collections.abc import Mapping
from typing import Any, Callable

#: Lines of a talkative child that are shown; the dialog would choke on all of them.
SHOWN_LINES = 200

STAGE_TEXTS = {"predict": "Finding roads", "vectorize": "Drawing outlines", "lines": "Drawing lines"}

_OUT_OF_MEMORY = (
    "road_extract was killed by the system, most likely because the memory ran out: close other programs, restrict the "
    "extent, or lower the number of windows at once"
)
_SIGNALS = {
    "SIGKILL": _OUT_OF_MEMORY,
    "SIGILL": "this computer's processor lacks instructions that TensorFlow needs: use another computer",
}
_WINDOWS_CODES = {0xC0000017: _OUT_OF_MEMORY, 0xC000001D: _SIGNALS["SIGILL"]}


class Monitor:
    """Turns the child's lines into progress, remarks, a result or an error."""

    def __init__(
        self, feedback: Any, shares: Mapping[str, tuple[float, float]], translate: Callable[[str], str] = str
    ) -> None:
        """Start.

        Args:
            feedback: Has the methods of QgsProcessingFeedback.
            shares: Stage to the percentages between which it moves the bar.
            translate: Into the user's language.
        """
        self.result: dict[str, Any] = {}
        self._feedback, self._shares, self._translate = feedback, shares, translate
        self._error, self._stage, self._percent, self._lines = "", "", 0.0, 0
        self._tail: deque[str] = deque(maxlen=20)

    def take(self, source: str, line: str) -> None:
        """One line of ``stdout`` (JSON) or ``stderr``."""
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
        """Why it failed, in one sentence.

        Args:
            code: Its exit code; negative for a signal.
        """
        last = self._tail[-1] if self._tail else "it said nothing"
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
        # the sentence of an error comes as an event too, and is shown as such
        if line.startswith("Error: "):
            self._error = self._error or line[len("Error: ") :]
        elif self._lines <= SHOWN_LINES:
            self._feedback.pushConsoleInfo(line)
        self._tail.append(line)


def _parse(line: str) -> dict[str, Any] | None:
    """The event, or None for anything else that came out."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _explain_crash(code: int) -> str:
    """Empty if it was no crash."""
    if code > 0xFFFF:
        return _WINDOWS_CODES.get(code, f"road_extract crashed (code {code:#x})")
    number = -code if code < 0 else code - 128  # a shell between adds 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return _SIGNALS.get(name, f"road_extract crashed ({name})")
