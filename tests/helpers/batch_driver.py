"""The command line with a fast model whose output depends on the position in the window, for tests that kill processes.

A script, so that processes that it starts import it too, and have that model as well:

    python tests/helpers/batch_driver.py SECONDS_A_BATCH ARGUMENT...

The environment may shorten leases (TEST_LEASE_S).
"""

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__":  # a shell that starts the tests in the background has them and their children ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)

if __name__ in ("__main__", "__mp_main__"):
    # rasterio imports it where it is installed, as it is for these tests, which takes a quarter of the whole start
    sys.modules["boto3"] = None

    from road_extract.io.objects import lease
    from road_extract.pipeline import setup
    from tests.helpers.backends import PositionBackend, fake_opener

    setup.open_backend = fake_opener(lambda: PositionBackend(float(sys.argv[1])))
    lease.LEASE_S = float(os.environ.get("TEST_LEASE_S", lease.LEASE_S))
    lease.BEAT_S = lease.LEASE_S / 4

if __name__ == "__main__":
    from road_extract.cli import main

    main(sys.argv[2:])
