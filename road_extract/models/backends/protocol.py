"""The interface of all backends."""

from __future__ import annotations

from typing import Protocol

from road_extract.base.arrays import Float32Array


class Backend(Protocol):
    """Tiles in, probabilities out; safe to call from several threads.

    Attributes:
        batch_size: First dimension of every batch.
        in_flight: Number of concurrent calls that use the device fully.
        description: Runtime, device and precision, for logs and records.

    The prediction for a tile must not depend on the other tiles of the batch, nor on its place among them. A backend
    that cannot guarantee this has an attribute ``any_place`` that is False, and is not used for shards.
    """

    batch_size: int
    in_flight: int
    description: str

    def predict(self, batch: Float32Array) -> Float32Array:
        """Run the model.

        Args:
            batch: (batch size, rows, cols, bands).

        Returns:
            (batch size, rows, cols): probabilities 0..1, after the sigmoid.

        Raises:
            BackendError: If the model fails or returns anything that is not a probability.
        """
        ...

    def close(self) -> None:
        """Free the resources of the runtime."""
        ...
