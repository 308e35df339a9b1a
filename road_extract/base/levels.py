"""How probabilities are stored in bytes: as 0 to 254, and 255 for no data."""

from __future__ import annotations

#: Probability 1 as a byte.
PROBABILITY_MAX = 254
#: The byte for no data.
NODATA = 255
#: The threshold where a probability raster records none.
DEFAULT_THRESHOLD = 0.5
