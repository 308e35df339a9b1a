"""Runs a child process that prints JSON lines and can be stopped at any time. Standard library only."""

from __future__ import annotations

import contextlib
import glob
import os
import queue
import signal
import subprocess  # nosec B404
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Callable

from .interpreter import WINDOWS, ChildError, no_window
from .monitor import Monitor

POLL_S = 0.1
#: Time that a child gets to clean up before it is killed.
GRACE_S = 3.0
#: Maximum length of a line, so that an endless line cannot exhaust the memory.
LINE_BYTES = 65536


def run_child(
    command: Sequence[str],
    environ: dict[str, str],
    outputs: Iterable[str],
    monitor: Monitor,
    is_cancelled: Callable[[], bool],
) -> bool:
    """Run a child process, and remove its leftovers if it does not finish.

    Args:
        command: Command line.
        environ: Environment variables.
        outputs: Files that it writes.
        monitor: Gets every line of its output.
        is_cancelled: Called ten times a second.

    Returns:
        False if it was cancelled.

    Raises:
        ChildError: If it fails.
    """
    child = Child(command, environ)
    done = False
    try:
        for source, line in child.iter_lines(is_cancelled):
            monitor.take(source, line)
        done = child.poll() == 0 and bool(monitor.result)
    finally:
        child.stop()
        if not done:
            remove_leftovers(outputs)
    if is_cancelled() and not done:
        return False
    if not done:
        raise ChildError(monitor.explain(child.poll() or 0))
    return True


class Child:
    """A running child in its own process group. Its stdin stays open as long as QGIS runs, and it exits afterwards."""

    def __init__(self, command: Sequence[str], environ: dict[str, str]) -> None:
        """Start it.

        Raises:
            ChildError: If it cannot be started.
        """
        try:
            # no shell: a list of arguments, for the program that the user chose
            self._process = subprocess.Popen(  # nosec B603
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environ, start_new_session=not WINDOWS, creationflags=no_window(),
            )  # fmt: skip
        except OSError as error:
            raise ChildError(f"{command[0]} cannot be started ({error.strerror})") from error
        self._said: queue.Queue[tuple[str, str | None]] = queue.Queue()
        self._pumps = [self._pump("stdout", self._process.stdout), self._pump("stderr", self._process.stderr)]

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.poll()

    def iter_lines(self, is_cancelled: Callable[[], bool]) -> Iterator[tuple[str, str]]:
        """Yield ("stdout" or "stderr", line) until it ends or is cancelled. It may be silent for a long time."""
        open_streams, ended_s = 2, 0.0
        while (open_streams or self.poll() is None) and not is_cancelled():
            try:
                source, line = self._said.get(timeout=POLL_S)
            except queue.Empty:
                # a grandchild may keep the streams open forever
                ended_s += POLL_S if self.poll() is not None else 0.0
                if ended_s > 1.0:
                    return
                continue
            if line is None:
                open_streams -= 1
            else:
                yield source, line

    def stop(self) -> None:
        """Stop it if it is running: ask it first, and kill it after `GRACE_S`."""
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.close()  # the only graceful way on Windows; elsewhere, there are signals
        except OSError:
            pass
        if self.poll() is None:
            self._end()
        for pump in self._pumps:
            pump.join(1.0)

    def _end(self) -> None:
        if not WINDOWS:
            self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        self._kill()
        self._process.wait()

    def _pump(self, source: str, stream: IO[bytes] | None) -> threading.Thread:
        def pump() -> None:
            if stream is not None:
                with stream:
                    for raw in iter(lambda: stream.readline(LINE_BYTES), b""):
                        self._said.put((source, raw.decode("utf-8", "replace").rstrip()))
            self._said.put((source, None))

        thread = threading.Thread(target=pump, name="road_extract " + source, daemon=True)
        thread.start()
        return thread

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _kill(self) -> None:
        if WINDOWS:
            taskkill = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
            # the system's program, by its full path; the process is our own child
            subprocess.run(  # nosec B603
                [taskkill, "/F", "/T", "/PID", str(self._process.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                creationflags=no_window(), check=False,
            )  # fmt: skip
        else:
            self._signal(signal.SIGKILL)


def remove_leftovers(outputs: Iterable[str]) -> None:
    """Remove temporary files that a killed child left: ``.NAME.tmp-...`` next to ``NAME.gpkg``."""
    for output in map(Path, outputs):
        for leftover in output.parent.glob(f".{glob.escape(output.stem)}.tmp-*"):
            _remove(leftover)


def _remove(path: Path) -> None:
    for _ in range(10):  # Windows releases a file some time after its process has ended
        try:
            path.unlink()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(POLL_S)
        else:
            return
