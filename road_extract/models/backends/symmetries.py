"""Test-time augmentation: the model runs on every symmetry of a tile, and the predictions are averaged."""

from __future__ import annotations

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.models.backends.protocol import Backend


class D4Backend:
    """A backend whose predictions do not depend on a tile's orientation: the mean over the symmetries of a square.

    Eight times the work. Tiles must be square.
    """

    def __init__(self, backend: Backend) -> None:
        """Wrap a backend. Closing this backend also closes the wrapped one."""
        self._backend = backend
        self.any_place: bool = getattr(backend, "any_place", True)
        self.batch_size, self.in_flight = backend.batch_size, backend.in_flight
        self.description = f"{backend.description}, mean over 8 symmetries"

    def predict(self, batch: Float32Array) -> Float32Array:
        """Mean probability over the eight symmetries, (batch size, rows, cols)."""
        total = np.zeros(batch.shape[:3], np.float32)
        for flipped in (False, True):
            for turns in range(4):
                turned = np.rot90(batch[:, :, ::-1] if flipped else batch, turns, axes=(1, 2))
                found = np.rot90(self._backend.predict(np.ascontiguousarray(turned)), -turns, axes=(1, 2))
                total += found[:, :, ::-1] if flipped else found
        total /= 8
        return np.minimum(total, 1, out=total)

    def close(self) -> None:
        """Free the resources of the runtime."""
        self._backend.close()
