"""How probabilities are stored in bytes: in 254 steps, with one more value for no data."""

from __future__ import annotations

#: Probability 1 as a byte.
PROBABILITY_MAX = 254
#: A byte that holds no probability.
NODATA = 255
#: The threshold of a probability raster that records none.
DEFAULT_THRESHOLD = 0.5
