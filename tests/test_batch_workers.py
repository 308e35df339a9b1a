"""Process and Dask workers: their results, and what happens when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from road_extract.base.errors import InputError, OutputError, RoadExtractError
from road_extract.base.progress import Report
from road_extract.batch.pools.processes import ProcessPool
from road_extract.batch.pools.protocol import to_sentence
from road_extract.batch.pools.serial import SerialPool
from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import is_alive, whoami

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals differ")


def double(task: int, report: Report) -> int:
    return 2 * task


def refuse(task: str, report: Report) -> None:
    raise InputError(f"{task}: refused at https://me:secret@example.com/a?sig=hidden")


def die(task: str, report: Report) -> None:
    """Leave a mark, then kill the process."""
    with open(task, "a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def dask_pool():
    pytest.importorskip("distributed")
    from road_extract.batch.pools.dask import DaskPool

    return DaskPool(None, 2)


POOLS = [
    SerialPool,
    pytest.param(lambda: ProcessPool(2), id="processes", marks=pytest.mark.slow),
    pytest.param(dask_pool, id="dask", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("open_pool", POOLS)
def test_every_task_returns(open_pool):
    pool = open_pool()
    try:
        for number in range(pool.width):
            pool.submit(f"a/{number}", double, number)
        pool.submit("a/r", refuse, "x")
        found = {outcome.key: outcome for outcome in (pool.next_outcome() for _ in range(pool.width + 1))}
        assert all(found[f"a/{number}"].value == 2 * number for number in range(pool.width))
        error = found["a/r"].error
        assert isinstance(error, InputError)
        assert "secret" not in str(error)
        assert "hidden" not in str(error)
        assert str(error).startswith("x: refused at https://")
    finally:
        pool.close()


@pytest.mark.slow
@pytest.mark.parametrize("open_pool", POOLS[1:])
def test_a_task_that_kills_its_process_three_times_is_abandoned_and_the_rest_continues(open_pool, tmp_path):
    pool = open_pool()
    try:
        pool.submit("a/0", die, str(tmp_path / "deaths"))
        bad = pool.next_outcome()
        assert bad.key == "a/0"
        assert "died 3 times" in str(bad.error)
        assert (tmp_path / "deaths").read_text() == "xxx"
        pool.submit("b/0", double, 4)
        assert pool.next_outcome().value == 8
    finally:
        pool.close()


@pytest.mark.slow
def test_processes_are_reused_for_the_next_task():
    pool = ProcessPool(1)
    try:
        found = set()
        for _ in range(3):
            pool.submit("a/0", whoami, 0.0)
            found.add(pool.next_outcome().value)
        assert len(found) == 1
        assert os.getpid() not in found
    finally:
        pool.close()
    assert not is_alive(found.pop())


PARENT = """
import os, sys, time
from road_extract.batch.pools.processes import ProcessPool
from tests.helpers.processes import whoami
if __name__ == "__main__":
    pool = ProcessPool(1)
    pool.submit("a/0", whoami, 0.0)
    print(pool.next_outcome().value, flush=True)
    pool.submit("a/1", whoami, 60.0)
    pool.next_outcome()
"""


@pytest.mark.slow
def test_processes_exit_with_their_parent_even_while_working(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.5)
        parent.kill()
    deadline = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)


def test_errors_are_sent_as_messages():
    assert type(to_sentence(OutputError("x"))) is OutputError
    assert isinstance(to_sentence(OSError(28, "No space left on device")), OutputError)
    assert not isinstance(to_sentence(PermissionError(13, "Permission denied")), OutputError)
    assert "out of memory" in str(to_sentence(MemoryError()))
    assert isinstance(to_sentence(KeyError("x")), RoadExtractError)


def test_without_dask_the_message_names_the_extra(monkeypatch):
    from road_extract.batch.pools.dask import DaskPool

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'road-extract\[dask\]'"):
        DaskPool(None, 1)


@pytest.mark.slow
def test_a_missing_scheduler_is_reported(monkeypatch):
    pytest.importorskip("distributed")
    from road_extract.batch.pools import dask as dask_pool

    monkeypatch.setattr(dask_pool, "_CONNECT_S", 1)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        dask_pool.DaskPool("tcp://127.0.0.1:9", 1)
