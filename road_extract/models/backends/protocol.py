"""The one interface of everything that runs a model."""

from __future__ import annotations

from typing import Protocol

from road_extract.base.arrays import Float32Array


class Backend(Protocol):
    """Tiles in, probabilities out; safe to call from several threads.

    Attributes:
        batch_size: First dimension of every batch.
        in_flight: Calls at once that use the device fully.
        description: Runtime, device and precision, for people and records.

    A tile's answer may not depend on the others of its batch, nor on its place. A backend that cannot promise it says
    so by an attribute ``any_place`` that is False: then it is not taken for shards.
    """

    batch_size: int
    in_flight: int
    description: str

    def predict(self, batch: Float32Array) -> Float32Array:
        """Run the model.

        Args:
            batch: (batch size, rows, cols, bands).

        Returns:
            (batch size, rows, cols): probabilities 0..1, the sigmoid applied.

        Raises:
            BackendError: If the model fails or gives anything that is no probability.
        """
        ...

    def close(self) -> None:
        """Free what the runtime holds."""
        ...
