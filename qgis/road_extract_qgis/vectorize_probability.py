"""The algorithm *Roads from a probability raster*."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from qgis.core import QgsProcessingAlgorithm

from .parameters import Option, options_of
from .road_vectors import RoadVectors


class VectorizeProbability(RoadVectors, QgsProcessingAlgorithm):
    """Turns a probability raster from any source into roads."""

    NAME, TITLE, COMMAND = "vectorizeprobability", "Roads from a probability raster", "vectorize"
    INPUT_LABEL = "Road probability (0 to 1) or road mask (0 and 1)"
    SHARES = MappingProxyType({"vectorize": (2.0, 50.0), "lines": (50.0, 98.0)})
    ABOUT = (
        "<p>Turns a raster of road probability, from <i>Road probability</i> or any other tool, into road polygons, a "
        "network of road lines, or both. It takes seconds, so you can try several thresholds.</p>"
    )

    def options(self) -> list[Option]:
        """Return the options of vectorization, and the CRS for a raster that has none."""
        return options_of("VectorizeOptions", "LineOptions", "PredictOptions.assume_crs")

    def add_outputs(self) -> None:
        """Add the roads."""
        self.add_vectors()

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """See the base class."""
        results = self.to_vectors(parameters, context, scene)
        return [], results["OUTPUT"], results
