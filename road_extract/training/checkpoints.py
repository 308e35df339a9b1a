"""Checkpoints: everything a run needs to resume as if it had never stopped. Batches follow from seed and step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from road_extract.base.errors import InputError
from road_extract.training.averaging import WeightAverage

if TYPE_CHECKING:
    import keras

CHECKPOINT_FILE = "checkpoint.npz"


@dataclass(frozen=True, slots=True)
class RunState:
    """The state that changes from step to step.

    Attributes:
        model: Compiled model: its weights and the variables of its optimizer.
        average: Average of its weights.
    """

    model: keras.Model
    average: WeightAverage

    def _variables(self) -> dict[str, Any]:
        groups = {"w": self.model.weights, "o": self.model.optimizer.variables, "a": self.average.variables}
        return {f"{key}{i}": variable for key, group in groups.items() for i, variable in enumerate(group)}

    def save(self, folder: Path, step: int, best: float, fingerprint: str) -> None:
        """Write a checkpoint, without pickle. It is replaced atomically, so that the old one survives a kill."""
        values: dict[str, NDArray[Any]] = {key: np.asarray(v.numpy()) for key, v in self._variables().items()}
        temp = folder / f"{CHECKPOINT_FILE}.part"
        with temp.open("wb") as file:
            np.savez(file, step=step, best=best, fingerprint=fingerprint, **values)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temp, folder / CHECKPOINT_FILE)

    def restore(self, folder: Path, fingerprint: str) -> tuple[int, float]:
        """Load the checkpoint, if there is one.

        Returns:
            The number of finished steps, and the best validation score so far (below 0 if there is none).

        Raises:
            InputError: If the checkpoint belongs to a run with other options.
        """
        if not (folder / CHECKPOINT_FILE).exists():
            return 0, -1.0
        with np.load(folder / CHECKPOINT_FILE, allow_pickle=False) as arrays:
            if str(arrays["fingerprint"]) != fingerprint:
                raise InputError(f"{folder}: contains a run with other options; use the same options or another folder")
            for key, variable in self._variables().items():
                variable.assign(arrays[key])
            return int(arrays["step"]), float(arrays["best"])
