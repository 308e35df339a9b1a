"""Console output: a live progress bar for people, or JSON lines for programs."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import click

from road_extract.base.files import to_json, write_json
from road_extract.base.progress import Progress
from road_extract.base.urls import redact

#: The file name that stands for stdout.
STDOUT = Path("-")

#: Set when a command runs with `--progress json`; errors then go there too.
_json_out: TextIO | None = None


class Console:
    """Shows the progress, log messages and result of one command.

    In JSON mode, stdout carries one object per line. Each has an ``event``: ``progress`` (stage, done, total, unit),
    ``log`` (level, message), ``result`` or ``error`` (message). Anything that a library prints goes to stderr.
    """

    def __init__(self, mode: str) -> None:
        """Take over logging and, in JSON mode, stdout.

        Args:
            mode: ``auto`` (a progress bar if stderr is a terminal), ``json`` or ``none``.
        """
        self._mode = mode
        self._bar = mode == "auto" and sys.stderr.isatty()
        self._stage, self._started, self._shown = ("", ""), 0.0, 0.0
        self._scenes: Progress | None = None
        self._scenes_started = 0.0
        logger = logging.getLogger("road_extract")
        logger.handlers = [_Handler(self)]
        logger.setLevel(logging.WARNING if mode == "none" else logging.INFO)
        if mode == "json":
            _guard_stdout()

    def report(self, progress: Progress) -> None:
        """Show progress, at most ten times a second."""
        now = time.monotonic()
        if (progress.stage, progress.scene) != self._stage:
            self._stage, self._started, self._shown = (progress.stage, progress.scene), now, 0.0
        if now - self._shown < 0.1 and progress.done < progress.total:
            return
        self._shown = now
        if self._mode == "json":
            named = {"scene": progress.scene} if progress.scene else {}
            emit(
                "progress", stage=progress.stage, done=progress.done, total=progress.total, unit=progress.unit, **named
            )
        elif self._bar:
            self._draw(progress, now)

    def _draw(self, progress: Progress, now: float) -> None:
        if progress.stage == "scenes":
            self._scenes, self._scenes_started = progress, self._scenes_started or now
        if self._scenes is not None:
            self._draw_two(self._scenes, None if progress is self._scenes else progress, now)
            return
        end = "\n" if progress.done == progress.total else ""
        _Bar.open = not end
        click.echo(f"\r{bar_line(progress, now - self._started)}\x1b[K{end}", err=True, nl=False)

    def _draw_two(self, scenes: Progress, current: Progress | None, now: float) -> None:
        """Draw a bar for all scenes and, below it, one for the current scene; then move the cursor back up."""
        _Bar.open = _Bar.double = True
        below = "" if current is None else f"{bar_line(current, now - self._started)}  {current.scene}"
        upper = bar_line(scenes, now - self._scenes_started)
        click.echo(f"\r{upper}\x1b[K\n{below}\x1b[K\x1b[1A\r", err=True, nl=False)

    def say(self, level: str, message: str) -> None:
        """Show a log message."""
        if self._mode == "json":
            emit("log", level=level, message=message)
        else:
            _end_bar()
            click.echo(message if level == "info" else f"{level}: {message}", err=True)

    def result(self, text: str, **values: Any) -> None:
        """Show the result: text for people, values for programs."""
        _end_bar()
        if self._mode == "json":
            emit("result", **values)
        elif self._mode != "none":
            click.echo(text)


class _Bar:
    """Whether an unfinished bar occupies the last line of the terminal, or two bars occupy the last two lines."""

    open = False
    double = False


def _end_bar() -> None:
    if _Bar.open:
        # with two bars the cursor is on the upper one; clear both, as they are redrawn below the message
        click.echo("\r\x1b[J" if _Bar.double else "\n", err=True, nl=False)
        _Bar.open = _Bar.double = False


class _Handler(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.say(record.levelname.lower(), redact(record.getMessage()))


def bar_line(progress: Progress, elapsed_s: float) -> str:
    """Format one line: stage, percentage, bar, units per second, time left."""
    share = progress.done / progress.total
    filled = int(share * 24)
    rate = progress.done / elapsed_s if elapsed_s > 0 else 0.0
    left = (progress.total - progress.done) / rate if rate else 0.0
    return (
        f"{progress.stage:<9} {share:4.0%} [{'#' * filled}{'.' * (24 - filled)}] "
        f"{progress.done:,}/{progress.total:,} {progress.unit}, {rate:,.1f}/s, {format_seconds(left)} left"
    )


def format_seconds(seconds: float) -> str:
    """Format seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, secs = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def emit(event: str, **values: Any) -> None:
    """Write one JSON line for the calling program."""
    out = _json_out or sys.stdout
    out.write(json.dumps({"event": event, **values}) + "\n")
    out.flush()


def json_outputs(path: Path | None) -> list[Path]:
    """List the file that `show_values` will write, if any."""
    return [] if path is None or path == STDOUT else [path]


def show_values(console: Console, json_file: Path | None, text: str, values: dict[str, Any]) -> None:
    """Show a result as text, and also write it as JSON to a file; if the file is ``-``, print JSON instead of text.

    Raises:
        OutputError: If the file cannot be written.
    """
    if json_file == STDOUT:
        click.echo(to_json(values), nl=False)
        return
    if json_file is not None:
        write_json(json_file, values)
    console.result(text, **values)


def show_error(message: str) -> None:
    """Show why a command failed."""
    message = redact(message)  # system errors contain paths too
    if _json_out is not None:
        emit("error", message=message)
    _end_bar()
    click.echo(f"Error: {message}", err=True)


def _guard_stdout() -> None:
    """Reserve stdout for JSON: anything that native libraries print to file descriptor 1 goes to stderr instead."""
    global _json_out
    try:
        stdout = sys.stdout.fileno()
        sys.stdout.flush()
        _json_out = os.fdopen(os.dup(stdout), "w", encoding="utf-8")
        os.dup2(sys.stderr.fileno(), stdout)
    except (OSError, ValueError):  # stdout has no file descriptor, as under some test runners
        _json_out = sys.stdout
