"""One node of a Dask cluster: the scheduler, or a worker with one thread and the fast model. It prints its address.

python tests/helpers/dask_node.py scheduler HOST
python tests/helpers/dask_node.py worker HOST SCHEDULER SECONDS_A_BATCH
"""

from __future__ import annotations

import asyncio
import sys

from distributed import Scheduler, Worker

from road_extract.pipeline import setup
from tests.helpers.backends import PositionBackend, fake_opener


async def serve() -> None:
    host = sys.argv[2]
    if sys.argv[1] == "scheduler":
        node: Scheduler | Worker = Scheduler(host=host, port=0, dashboard_address=":0")
    else:
        setup.open_backend = fake_opener(lambda: PositionBackend(float(sys.argv[4])))
        node = Worker(sys.argv[3], host=host, nthreads=1, dashboard_address=":0", memory_limit=0)
    async with node:
        print(node.address, flush=True)
        await node.finished()


if __name__ == "__main__":
    asyncio.run(serve())
