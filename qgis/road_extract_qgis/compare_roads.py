"""The algorithm *Compare roads with the map*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterVectorDestination,
)

from .layers import announce
from .parameters import Option, exported, options_of
from .running import RoadExtractAlgorithm
from .styles import paint_differences
from .translating import tr

STATUSES = ("new", "missing", "matched")


class CompareRoads(RoadExtractAlgorithm, QgsProcessingAlgorithm):
    """Compares road lines with a map: new, missing and matched roads."""

    NAME, TITLE, COMMAND = "compareroads", "Compare roads with the map", "diff"
    ABOUT = (
        "<p>Compares road lines with a map such as OpenStreetMap and tells which roads are new, missing or matched. "
        "Lines are split where a match begins or ends. The two layers may have different CRSs.</p>"
    )

    def options(self) -> list[Option]:
        """Return the options of the comparison."""
        return options_of("DiffOptions")

    def add_inputs(self) -> None:
        """Add two line layers."""
        lines = [QgsProcessing.SourceType.TypeVectorLine]
        self.addParameter(QgsProcessingParameterFeatureSource("ROADS", tr("Road lines"), lines))
        self.addParameter(QgsProcessingParameterFeatureSource("MAP", tr("Map: known road lines"), lines))

    def why_not(self, parameters: dict[str, Any], context: Any) -> str:
        """Return an empty string, because anything that QGIS reads can be exported."""
        return ""

    def read_inputs(self, parameters: dict[str, Any], context: Any, feedback: Any) -> tuple[list[str], Any, str]:
        """See the base class."""
        given = (parameters, context, feedback)
        source = self.parameterAsSource(parameters, "ROADS", context)
        return [exported(self, name, given) for name in ("ROADS", "MAP")], source.sourceCrs(), source.sourceName()

    def add_outputs(self) -> None:
        """Add the layer of differences and the total lengths."""
        line = QgsProcessing.SourceType.TypeVectorLine
        self.addParameter(QgsProcessingParameterVectorDestination("OUTPUT", tr("Road differences"), line))
        labels = (
            tr("Length of new roads [km]"),
            tr("Length of missing roads [km]"),
            tr("Length of matched roads [km]"),
        )
        for status, label in zip(STATUSES, labels):
            self.addOutput(QgsProcessingOutputNumber(f"{status.upper()}_KM", label))

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """See the base class."""
        out = self.vector_file(parameters, "OUTPUT", context)
        name = tr("{}, compared with the map").format(scene)
        announce(context, out, tr("Road differences"), name, paint_differences)
        return [], out, {"OUTPUT": out}

    def to_numbers(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the lengths in kilometres."""
        return {f"{status.upper()}_KM": result["length_km"][status] for status in STATUSES}
