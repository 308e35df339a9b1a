from __future__ import annotations

import threading
import time

import pytest

from road_extract.base.concurrency import run_ahead


def test_items_come_in_order():
    assert list(run_ahead(range(1000), 3)) == list(range(1000))


def test_the_other_thread_runs_ahead_but_no_farther_than_the_bound():
    drawn: list[int] = []
    reached = threading.Event()

    def items():
        for i in range(100):
            drawn.append(i)
            if i == 3:
                reached.set()
            yield i

    stream = run_ahead(items(), 2)
    assert next(stream) == 0
    assert reached.wait(10)  # although no more items were requested
    time.sleep(0.3)
    assert len(drawn) <= 1 + 2 + 1  # consumed, queued, being put
    stream.close()


def test_an_error_is_raised_in_its_place():
    def items():
        yield 1
        raise ZeroDivisionError("here")

    stream = run_ahead(items(), 5)
    assert next(stream) == 1
    with pytest.raises(ZeroDivisionError, match="here"):
        next(stream)


def test_when_the_consumer_stops_the_thread_ends_and_the_source_is_closed():
    closed = threading.Event()

    def items():
        try:
            yield from range(10**9)
        finally:
            closed.set()

    before = threading.active_count()
    stream = run_ahead(items(), 2)
    next(stream)
    stream.close()
    assert closed.is_set()
    assert threading.active_count() == before


def test_stages_chain_and_an_error_at_the_end_stops_them_all():
    before = threading.active_count()

    def fail_at(items, number):
        for item in items:
            if item == number:
                raise OSError("full")
            yield item

    inner = run_ahead(range(10**9), 2)
    with pytest.raises(OSError, match="full"):
        list(run_ahead(fail_at(inner, 50), 2))
    inner.close()
    assert threading.active_count() == before
