"""The command line with a fast model whose output depends on the position in the window, for tests that kill processes.

A script, so that processes that it starts import it too, and have that model as well:

    python tests/batch_driver.py SECONDS_A_BATCH ARGUMENT...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from road_extract.batch import shards
from road_extract.models.spec import ModelSpec


class PositionBackend:
    """Returns the first band, weighted by the position in the window, so that wrong windows and weights show."""

    batch_size = 4
    in_flight = 2
    description = "position"

    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(self._delay_s)
        size = batch.shape[1]
        ramp = np.linspace(0.9, 1.0, size * size, dtype=np.float32).reshape(size, size)
        return batch[..., 0] * ramp

    def close(self) -> None:
        pass


def write_position_model(folder: Path) -> Path:
    """Create a model folder for it."""
    folder.mkdir()
    spec = ModelSpec("position", mean=(0.0,) * 3, std=(1.0,) * 3, threshold=0.5)
    (folder / "spec.json").write_text(spec.to_json())
    (folder / "weights.npz").write_bytes(b"")
    return folder


if __name__ in ("__main__", "__mp_main__"):
    shards.open_backend = lambda *args: PositionBackend(float(sys.argv[1]))  # type: ignore[assignment]

if __name__ == "__main__":
    from road_extract.cli import main

    main(sys.argv[2:])
