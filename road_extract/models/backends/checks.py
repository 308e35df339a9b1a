"""What backends look at: the values that come out, and the processor."""

from __future__ import annotations

from pathlib import Path

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError


def check_probabilities(values: Float32Array) -> Float32Array:
    """The values themselves.

    Raises:
        BackendError: If one is no probability.
    """
    # written so that NaN fails too
    if not (values.min() >= 0 and values.max() <= 1):
        raise BackendError("the model gave values that are no probabilities; its weights may be damaged")
    return values


def processor_flags() -> str:
    """The instruction sets of the processor, as Linux tells them; elsewhere empty."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
