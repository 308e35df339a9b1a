"""What runs the model, behind one method. Each module is the only importer of its runtime, and imports it lazily."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from road_extract.errors import InputError

NAMES = ("auto", "tensorflow")


class Backend(Protocol):
    """Tiles in, probabilities out; safe to call from several threads."""

    @property
    def description(self) -> str:
        """Runtime, device and precision, for people and records."""
        ...

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the model.

        Args:
            batch: (batch size, rows, cols, bands), always the size the backend was opened with.

        Returns:
            (batch size, rows, cols): probabilities 0..1, the sigmoid applied.

        Raises:
            BackendError: If the model fails or gives anything that is no probability.
        """
        ...

    def close(self) -> None:
        """Free what the runtime holds."""
        ...


def open_backend(name: str, model: Path, batch_size: int) -> Backend:
    """Load a model into a backend.

    Raises:
        InputError: If there is no such backend, or the model folder cannot be used.
    """
    if name not in NAMES:
        raise InputError(f"backend {name!r} is unknown; expected one of {', '.join(NAMES)}")
    from road_extract.backends.tensorflow import TensorFlowBackend

    return TensorFlowBackend(model, batch_size)
