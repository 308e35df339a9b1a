"""The algorithm *Road probability*."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsProcessingParameterRasterDestination

from .layers import announce, group_of
from .parameters import Option, options_of
from .running import RoadExtractAlgorithm
from .styles import paint_probability
from .translating import tr


class RoadProbability(RoadExtractAlgorithm, QgsProcessingAlgorithm):
    """Computes the road probability of a scene."""

    NAME, TITLE, COMMAND = "roadprobability", "Road probability", "predict"
    INPUT_LABEL = "Scene: aerial or satellite imagery, as a file or a web layer"
    RENDERS = True
    SHARES = MappingProxyType({"predict": (2.0, 100.0)})
    ABOUT = (
        "<p>Computes for every pixel of an aerial or satellite image the probability that it is road, from 0 to 1. "
        "<i>Roads from a probability raster</i> turns that into roads, at any threshold, in seconds.</p>"
    )

    def options(self) -> list[Option]:
        """Return the options of prediction."""
        return options_of("PredictOptions")

    def add_outputs(self) -> None:
        """Add the raster."""
        self.addParameter(QgsProcessingParameterRasterDestination("OUTPUT", tr("Road probability")))

    def to_outputs(self, parameters: dict[str, Any], context: Any, scene: str) -> tuple[list[str], str, dict[str, str]]:
        """See the base class."""
        raster = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        name = tr("Road probability of {}").format(scene)
        announce(context, raster, tr("Road probability"), name, paint_probability, group_of(scene))
        return [], raster, {"OUTPUT": raster}
