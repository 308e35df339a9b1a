"""Runs a Dask cluster of two workers with the fast model until stdin closes, and prints its address.

python tests/helpers/dask_cluster.py SECONDS_A_BATCH
"""

from __future__ import annotations

import sys

from road_extract.pipeline import setup
from tests.helpers.backends import PositionBackend, fake_opener

if __name__ in ("__main__", "__mp_main__"):
    setup.open_backend = fake_opener(lambda: PositionBackend(float(sys.argv[1])))

if __name__ == "__main__":
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
