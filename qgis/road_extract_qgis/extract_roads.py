"""The algorithm *Extract roads*."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
)

from .layers import announce, group_of
from .parameters import Option, options_of
from .road_vectors import RoadVectors
from .styles import paint_probability
from .translating import tr


class ExtractRoads(RoadVectors, QgsProcessingAlgorithm):
    """Extracts the roads of a scene."""

    NAME, TITLE, COMMAND = "extractroads", "Extract roads", "extract"
    INPUT_LABEL = "Scene: aerial or satellite imagery, as a file or a web layer"
    RENDERS = True
    SHARES = MappingProxyType({"predict": (2.0, 90.0), "vectorize": (90.0, 95.0), "lines": (95.0, 100.0)})
    ABOUT = (
        "<p>Finds the roads in an aerial or satellite image and draws them as polygons, a network of lines, or both. "
        "The image may have any size and CRS, and it may be a web layer (XYZ, WMS, WMTS); pixels of 0.5 to 2 m work "
        "best.</p><p>To compare thresholds, keep the probability raster and open <i>Plugins > Road extraction > Road "
        "threshold</i>, or run <i>Roads from a probability raster</i>, which takes seconds.</p>"
    )

    def options(self) -> list[Option]:
        """Return all options of prediction and vectorization."""
        return options_of("PredictOptions", "VectorizeOptions", "LineOptions")

    def add_outputs(self) -> None:
        """Add the roads, and optionally the raster."""
        self.add_vectors()
        raster = QgsProcessingParameterRasterDestination("PROBABILITY", tr("Road probability"), None, True, False)
        self.addParameter(raster)
        pages = "HTML (*.html)"
        page = QgsProcessingParameterFileDestination("REPORT", tr("Review page"), pages, None, True, False)
        page.setHelp(tr("Page for reviewing the roads over their scene, in any browser and offline") + ".")
        self.addParameter(page)

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """See the base class."""
        results, options = self.to_vectors(parameters, context, scene), []
        raster = self.parameterAsOutputLayer(parameters, "PROBABILITY", context)
        if raster:
            name = tr("Road probability of {}").format(scene)
            announce(context, raster, tr("Road probability"), name, paint_probability, group_of(scene))
            options += ["--probability", raster]
            results["PROBABILITY"] = raster
        page = self.parameterAsFileOutput(parameters, "REPORT", context)
        if page:
            options += ["--report", page]
            results["REPORT"] = page
        return options, results["OUTPUT"], results
