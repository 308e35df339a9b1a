"""Checks shared by the backends: of output values, and of the CPU."""

from __future__ import annotations

from pathlib import Path

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError


def check_probabilities(values: Float32Array) -> Float32Array:
    """Return the values if all of them are probabilities.

    Raises:
        BackendError: If any value is not a probability.
    """
    # written so that NaN also fails
    if not (values.min() >= 0 and values.max() <= 1):
        raise BackendError("the model returned values that are not probabilities; its weights may be damaged")
    return values


def processor_flags() -> str:
    """Instruction sets of the CPU as reported by Linux; empty on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
