"""A pool of Dask workers, on this machine or on an existing cluster. This is the only module that imports Dask."""

from __future__ import annotations

import itertools
import logging
import queue
from contextlib import suppress
from typing import Any

from road_extract.base.errors import BackendError, InputError, RoadExtractError
from road_extract.batch.pools.protocol import MAX_DEATHS, Function, Outcome, attempt, ended_too_often

log = logging.getLogger("road_extract")

_POLL_S = 0.5
_CONNECT_S = 30
#: These loggers print a page of tracebacks when a scheduler disappears.
_LOGGERS = ("distributed.client", "distributed.utils")
_GONE = "the Dask scheduler is gone; start it again, then run the same command again to resume"


class DaskPool:
    """A `Pool` on Dask, which reassigns the tasks of lost workers. Whoever started the workers has to replace them."""

    def __init__(self, address: str | None, count: int) -> None:
        """Connect to a scheduler, or start a local cluster.

        Args:
            address: Address of a scheduler, or None to start processes on this machine that end with this pool.
            count: Number of processes to start.

        Raises:
            InputError: If Dask is not installed, or no scheduler answers at the address.
        """
        dask = _import_dask()
        self._cluster: Any = None
        if address is None:
            # Dask counts the losses that it tolerates; MAX_DEATHS is the number at which a task fails
            with dask.config.set({"distributed.scheduler.allowed-failures": MAX_DEATHS - 1}):
                self._cluster = _start_cluster(count)
        for name in _LOGGERS:  # this pool reports the same in one sentence
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = _connect(self._cluster or address, address)
        except BaseException:
            self._close_cluster()
            raise
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._futures: dict[str, Any] = {}
        self._numbers = itertools.count()
        self._wait_for_workers()

    def _wait_for_workers(self) -> None:
        if not self._client.nthreads():
            log.info("waiting for the first worker")

    @property
    def width(self) -> int:
        """See `Pool`. It changes as workers come and go."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def submit(self, key: str, function: Function, task: Any) -> None:
        """See `Pool`."""
        # not pure: the same key in another run is different work
        future = self._client.submit(attempt, function, task, pure=False)
        self._futures[key] = future
        future.add_done_callback(lambda _: self._done.put(key))

    def next_outcome(self) -> Outcome:
        """See `Pool`.

        Raises:
            BackendError: If the scheduler is gone.
        """
        while True:
            with suppress(queue.Empty):
                key = self._done.get(timeout=_POLL_S)
                return self._outcome(key, self._futures.pop(key))
            if self._client.status not in ("running", "connecting"):
                raise BackendError(_GONE)

    def _outcome(self, key: str, future: Any) -> Outcome:
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        try:
            value, error = future.result()
        except KilledWorker:
            return Outcome(key, error=ended_too_often("Dask's KilledWorker"))
        except CancelledError as failure:  # not cancelled by this pool
            raise BackendError(_GONE) from failure
        except Exception as failure:
            name = type(failure).__name__
            return Outcome(key, error=RoadExtractError(f"Dask could not run the task ({name}: {failure})"))
        return Outcome(key, value, error)

    def close(self) -> None:
        """See `Pool`."""
        with suppress(Exception):  # the client may be in any state
            self._client.cancel(list(self._futures.values()), force=True)
        self._futures.clear()
        with suppress(Exception):
            self._client.close()
        self._close_cluster()

    def _close_cluster(self) -> None:
        if self._cluster is not None:
            with suppress(Exception):
                self._cluster.close()
            self._cluster = None


def _import_dask() -> Any:
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Dask cannot be imported ({error}); install it (pip install 'road-extract[dask]') or use --jobs"
        ) from error
    return dask


def _start_cluster(count: int) -> Any:
    import distributed

    # one thread each, because the model itself uses several; no memory limit, the system enforces its own
    cluster: Any = distributed.LocalCluster
    return cluster(
        n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0,
        silence_logs=logging.CRITICAL,
    )  # fmt: skip


def _connect(target: Any, address: str | None) -> Any:
    import distributed

    try:
        client: Any = distributed.Client
        return client(target, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        where = address or "this machine"
        raise InputError(f"no Dask scheduler answers at {where} ({error}); check the address") from error
