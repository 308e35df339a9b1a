"""Stages that run beside one another, in a chain of iterators."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.1


def run_ahead(items: Iterable[T], depth: int, stopped: threading.Event | None = None) -> Generator[T, None, None]:
    """Draw from an iterable in a thread of its own, at most ``depth`` items ahead of the consumer.

    An error of the iterable is raised here, in its place. When the consumer stops early (``close()``, an exception,
    Ctrl-C), the thread stops after the item in work and the iterable is closed.

    Args:
        items: Drawn from in the other thread only.
        depth: Bound of the queue between the two.
        stopped: Set when the consumer stops. An iterable whose items take long looks at it in between.
    """
    ready: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(depth)
    stopped = stopped or threading.Event()
    # named for who looks at a running process: a generator has its function's name
    name = getattr(items, "__name__", "run_ahead")
    thread = threading.Thread(target=_draw, name=name, args=(items, ready, stopped), daemon=True)
    thread.start()
    try:
        while True:
            kind, value = _get(ready)
            if kind == "error":
                assert isinstance(value, BaseException)
                raise value
            if kind == "end":
                return
            yield value  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


def _draw(
    items: Iterable[T], ready: queue.Queue[tuple[str, T | BaseException | None]], stopped: threading.Event
) -> None:
    try:
        iterator = iter(items)
        try:
            for item in iterator:
                if not _put(ready, ("item", item), stopped):
                    return
        finally:
            if hasattr(iterator, "close"):
                iterator.close()
        _put(ready, ("end", None), stopped)
    except BaseException as error:
        _put(ready, ("error", error), stopped)


def _put(ready: queue.Queue[T], item: T, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            ready.put(item, timeout=_POLL_S)
            return True
        except queue.Full:
            continue
    return False


def _get(ready: queue.Queue[T]) -> T:
    # without a timeout a main thread cannot be interrupted on Windows
    while True:
        try:
            return ready.get(timeout=_POLL_S)
        except queue.Empty:
            continue
