"""What every backend looks at before it gives a result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from road_extract.errors import BackendError


def check_probabilities(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values themselves.

    Raises:
        BackendError: If one is no probability.
    """
    # written so that NaN fails too
    if not (values.min() >= 0 and values.max() <= 1):
        raise BackendError("the model gave values that are no probabilities; its weights may be damaged")
    return values
