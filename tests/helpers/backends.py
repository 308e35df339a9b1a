"""Fast models with known output."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from road_extract.base.options import BACKENDS, PRECISIONS
from road_extract.models import read_spec
from road_extract.models.backends import Backend
from road_extract.models.spec import ModelSpec
from road_extract.pipeline import setup

if TYPE_CHECKING:
    import pytest  # processes that tests start and kill do without


class IdentityBackend:
    """Returns the first band of its input, so that any shift or scaling between input and output shows."""

    batch_size = 4
    in_flight = 2
    description = "identity"

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return batch[..., 0].copy()

    def close(self) -> None:
        pass


class PositionBackend(IdentityBackend):
    """Returns the first band, weighted by the position in the window, so that wrong windows and weights show."""

    description = "position"

    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(self._delay_s)
        size = batch.shape[1]
        ramp = np.linspace(0.9, 1.0, size * size, dtype=np.float32).reshape(size, size)
        weighted: NDArray[np.float32] = batch[..., 0] * ramp
        return weighted


def write_model(folder: Path) -> Path:
    """Create a model folder for these backends, with weights that are never read."""
    folder.mkdir()
    spec = ModelSpec(folder.name, mean=(0.0,) * 3, std=(1.0,) * 3, threshold=0.5)
    (folder / "spec.json").write_text(spec.to_json())
    (folder / "weights.npz").write_bytes(b"")
    return folder


def fake_opener(make: Callable[[], Backend]) -> Callable[..., Backend]:
    """Replaces `road_extract.models.backends.open_backend`; all arguments must be passed by keyword and be valid."""

    def open_fake(
        *, name: str, model: Path, batch_size: int | None, precision: str, threads: int | None, tta: str
    ) -> Backend:
        assert name in BACKENDS
        assert precision in PRECISIONS
        assert tta in ("none", "d4")
        assert all(count is None or count >= 1 for count in (batch_size, threads))
        read_spec(model)
        return make()

    return open_fake


def use_backend(patch: pytest.MonkeyPatch, make: Callable[[], Backend]) -> None:
    """Make all code in this process that loads a model load this one."""
    patch.setattr(setup, "open_backend", fake_opener(make))
