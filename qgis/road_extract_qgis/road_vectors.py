"""The outputs of algorithms that produce roads: one file with polygons, lines, or both."""

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

from .layers import announce, announce_beside, group_of
from .running import RoadExtractAlgorithm
from .styles import paint_roads
from .translating import tr


class RoadVectors(RoadExtractAlgorithm):
    """Writes road polygons to OUTPUT. Lines go to OUTPUT if they are requested alone, otherwise to LINES."""

    def add_vectors(self) -> None:
        """Add the destination and the further results."""
        anything = QgsProcessing.SourceType.TypeVectorAnyGeometry
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", tr("Roads"), anything))
        self.addOutput(
            QgsProcessingOutputVectorLayer("LINES", tr("Road lines"), QgsProcessing.SourceType.TypeVectorLine)
        )
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of roads")))

    def to_vectors(self, parameters: dict[str, Any], context: Any, scene: str) -> dict[str, str]:
        """Return the results; see `RoadExtractAlgorithm.to_outputs`."""
        roads = self.vector_file(parameters, "OUTPUT", context)
        geometry = self.parameterAsEnumString(parameters, "GEOMETRY", context)
        results = {"OUTPUT": roads}
        if geometry != "polygons":
            results["LINES"] = lines_file(roads) if geometry == "both" else roads
        lines, polygons = tr("Road lines of {}").format(scene), tr("Roads of {}").format(scene)
        if geometry == "both":
            announce_beside(context, roads, results["LINES"], lines, group_of(scene))
        name = lines if geometry == "lines" else polygons
        announce(context, roads, tr("Roads"), name, paint_roads, group_of(scene))
        return results

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the number of roads."""
        return {"COUNT": result.get("features", 0)}


def lines_file(path: str) -> str:
    """Return where road_extract writes lines next to polygons: in the same GeoPackage, or in a second file."""
    if Path(path).suffix.lower() == ".gpkg":
        return path + "|layername=road_lines"
    return str(Path(path).with_name(Path(path).stem + "_lines" + Path(path).suffix))
