"""The algorithm *Extract roads*."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingOutputNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterVectorDestination,
)

from .layers import announce
from .parameters import Option, options_of
from .running import RoadExtractAlgorithm
from .styles import POLYGONS, PROBABILITY


class ExtractRoads(RoadExtractAlgorithm, QgsProcessingAlgorithm):
    """A scene becomes road polygons."""

    NAME, TITLE, COMMAND = "extractroads", "Extract roads", "extract"
    INPUT_LABEL = "Scene: aerial or satellite imagery"
    SHARES = MappingProxyType({"predict": (2.0, 92.0), "vectorize": (92.0, 100.0)})
    ABOUT = (
        "<p>Finds the roads of an aerial or satellite image and draws them as polygons. Any size and any CRS will do; "
        "pixels of half a metre to two metres work best. To try several thresholds, keep the probability raster and "
        "use <i>Roads from a probability raster</i>: that takes seconds.</p>"
    )

    def options(self) -> list[Option]:
        """All of both halves."""
        return options_of("VectorizeOptions", "PredictOptions")

    def add_outputs(self) -> None:
        """Polygons, and the raster if wanted."""
        polygon = QgsProcessing.SourceType.TypeVectorPolygon
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", "Roads", polygon))
        raster = QgsProcessingParameterRasterDestination("PROBABILITY", "Road probability", None, True, False)
        self.addParameter(raster)
        self.addOutput(QgsProcessingOutputNumber("COUNT", "Number of roads"))

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], dict[str, str]]:
        """See the base."""
        results = {"OUTPUT": self.vector_file(parameters, "OUTPUT", context)}
        announce(context, results["OUTPUT"], "Roads", "Roads of " + scene, POLYGONS)
        raster = self.parameterAsOutputLayer(parameters, "PROBABILITY", context)
        keep = ["--probability", raster] if raster else []
        if raster:
            results["PROBABILITY"] = raster
            announce(context, raster, "Road probability", "Road probability of " + scene, PROBABILITY)
        return [*keep, "--", self._source, results["OUTPUT"]], results

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """How many roads."""
        return {"COUNT": result.get("features", 0)}
