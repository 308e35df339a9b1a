"""Iterators that run concurrently as the stages of a pipeline."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.1


def run_ahead(items: Iterable[T], depth: int, stopped: threading.Event | None = None) -> Generator[T, None, None]:
    """Consume an iterable in its own thread, at most ``depth`` items ahead of the consumer.

    An error of the iterable is raised here, where its item would come. When the consumer stops early (``close()``, an
    exception, Ctrl-C), the thread stops after the current item and the iterable is closed.

    Args:
        items: Consumed in the other thread only.
        depth: Size of the queue between the two threads.
        stopped: Set when the consumer stops. An iterable whose items take long should check it in between.
    """
    ready: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(depth)
    stopped = stopped or threading.Event()
    # a name helps when one looks at a running process; a generator has the name of its function
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
    # on Windows, the main thread cannot be interrupted while it waits without a timeout
    while True:
        try:
            return ready.get(timeout=_POLL_S)
        except queue.Empty:
            continue
