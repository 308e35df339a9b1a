"""Runs a Dask cluster of two workers with the fast model until stdin closes, and prints its address.

python tests/dask_cluster.py SECONDS_A_BATCH
"""

from __future__ import annotations

import sys

import tests.batch_driver as driver
from road_extract.batch import shards

if __name__ in ("__main__", "__mp_main__"):
    shards.open_backend = lambda *args: driver.PositionBackend(float(sys.argv[1]))  # type: ignore[assignment]

if __name__ == "__main__":
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
