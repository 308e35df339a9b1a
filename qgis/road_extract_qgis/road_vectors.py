"""What the algorithms that end in roads share: one file with polygons, lines, or both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterVectorDestination,
)

from .layers import announce, announce_beside
from .running import RoadExtractAlgorithm
from .styles import paint_roads


class RoadVectors(RoadExtractAlgorithm):
    """Road polygons go to OUTPUT; lines, too, where they are asked for alone, else to LINES."""

    def add_vectors(self) -> None:
        """Add the destination and the further results."""
        anything = QgsProcessing.SourceType.TypeVectorAnyGeometry
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", "Roads", anything))
        self.addOutput(QgsProcessingOutputVectorLayer("LINES", "Road lines", QgsProcessing.SourceType.TypeVectorLine))
        self.addOutput(QgsProcessingOutputNumber("COUNT", "Number of roads"))

    def to_vectors(self, parameters: dict[str, Any], context: Any, scene: str) -> dict[str, str]:
        """The results, as `RoadExtractAlgorithm.to_outputs`."""
        roads = self.vector_file(parameters, "OUTPUT", context)
        geometry = self.parameterAsEnumString(parameters, "GEOMETRY", context)
        results = {"OUTPUT": roads}
        if geometry != "polygons":
            results["LINES"] = lines_file(roads) if geometry == "both" else roads
        name = "Road lines of {}" if geometry == "lines" else "Roads of {}"
        if geometry == "both":
            announce_beside(context, roads, results["LINES"], "Road lines of " + scene, paint_roads)
        announce(context, roads, "Roads", name.format(scene), paint_roads)
        return results

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """How many roads."""
        return {"COUNT": result.get("features", 0)}


def lines_file(path: str) -> str:
    """Where road_extract puts lines that come with polygons: into a layer of a GeoPackage, else into a second file."""
    if Path(path).suffix.lower() == ".gpkg":
        return path + "|layername=road_lines"
    return str(Path(path).with_name(Path(path).stem + "_lines" + Path(path).suffix))
