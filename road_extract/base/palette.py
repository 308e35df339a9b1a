"""The colours of results on the review page, in the styles for QGIS, and in colour tables.

The QGIS plugin has a copy of this module, written by ``qgis/generate.py``.
"""

from __future__ import annotations

#: Probability, red, green, blue, opacity. Below a tenth, it is nearly transparent.
RAMP = (
    (0.0, 72, 12, 104, 0),
    (0.1, 72, 12, 104, 40),
    (0.3, 150, 35, 110, 150),
    (0.5, 222, 73, 74, 200),
    (0.75, 252, 155, 30, 225),
    (1.0, 252, 250, 120, 240),
)
#: Roads stand out from soil, roofs, trees and water: translucent yellow with an orange outline, and blue lines.
POLYGON_COLOUR = (255, 214, 0)
OUTLINE_COLOUR = (255, 94, 0)
LINE_COLOUR = (30, 60, 230)
#: Pieces of a comparison with a map, by status.
STATUS_COLOURS = {
    "new": (0, 140, 60), "doubtful": (224, 123, 0), "missing": (220, 20, 40), "matched": (120, 120, 120),
}  # fmt: skip


def ramp_colour(probability: float) -> tuple[int, int, int, int]:
    """Red, green, blue and opacity of a probability, each 0 to 255."""
    above = next((n for n, step in enumerate(RAMP) if probability <= step[0]), len(RAMP) - 1)
    low, high = RAMP[max(0, above - 1)], RAMP[above]
    share = min(1.0, max(0.0, (probability - low[0]) / (high[0] - low[0] or 1.0)))
    red, green, blue, opacity = (round(low[n] + share * (high[n] - low[n])) for n in range(1, 5))
    return red, green, blue, opacity
