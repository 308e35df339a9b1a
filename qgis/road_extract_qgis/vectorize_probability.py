"""The algorithm *Roads from a probability raster*."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingOutputNumber,
    QgsProcessingParameterVectorDestination,
)

from .layers import announce
from .parameters import Option, options_of
from .running import RoadExtractAlgorithm
from .styles import POLYGONS


class VectorizeProbability(RoadExtractAlgorithm, QgsProcessingAlgorithm):
    """A probability raster, whoever made it, becomes road polygons."""

    NAME, TITLE, COMMAND = "vectorizeprobability", "Roads from a probability raster", "vectorize"
    INPUT_LABEL = "Road probability (0 to 1) or road mask (0 and 1)"
    SHARES = MappingProxyType({"vectorize": (2.0, 100.0)})
    ABOUT = (
        "<p>Turns a raster of road probability, of <i>Road probability</i> or any other tool, into road polygons. It "
        "takes seconds, so thresholds can be tried.</p>"
    )

    def options(self) -> list[Option]:
        """Of the second half, and what a raster without CRS needs."""
        return options_of("VectorizeOptions", "PredictOptions.assume_crs")

    def add_outputs(self) -> None:
        """Polygons."""
        polygon = QgsProcessing.SourceType.TypeVectorPolygon
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", "Roads", polygon))
        self.addOutput(QgsProcessingOutputNumber("COUNT", "Number of roads"))

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], dict[str, str]]:
        """See the base."""
        roads = self.vector_file(parameters, "OUTPUT", context)
        announce(context, roads, "Roads", "Roads of " + scene, POLYGONS)
        return ["--", self._source, roads], {"OUTPUT": roads}

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """How many roads."""
        return {"COUNT": result.get("features", 0)}
