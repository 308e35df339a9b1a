"""The Processing provider: the algorithms, and the setting for the Python to use."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .about import About
from .compare_roads import CompareRoads
from .extract_roads import ExtractRoads
from .layers import VECTOR_EXTENSIONS
from .road_probability import RoadProbability
from .running import SETTING
from .set_up import SetUp
from .vectorize_probability import VectorizeProbability

ALGORITHMS = (ExtractRoads, RoadProbability, VectorizeProbability, CompareRoads, SetUp, About)


class RoadExtractProvider(QgsProcessingProvider):
    """All algorithms of road_extract."""

    def id(self) -> str:
        """First part of `road_extract:extractroads`."""
        return "road_extract"

    def name(self) -> str:
        """Name in the toolbox."""
        return "Road extraction"

    def longName(self) -> str:
        """Name in the settings."""
        return "Road extraction (road_extract)"

    def icon(self) -> QIcon:
        """Icon in the toolbox."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def load(self) -> bool:
        """Add the setting and the algorithms."""
        # Only the desktop and the Python part of Processing have settings pages; the algorithms work without them.
        from processing.core.ProcessingConfig import ProcessingConfig, Setting

        ProcessingConfig.settingIcons[self.name()] = self.icon()
        description = "Python that has road_extract, or its road-extract program"
        setting = Setting(self.name(), SETTING, description, "", valuetype=Setting.FILE)
        setting.read()
        ProcessingConfig.addSetting(setting)
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Remove the setting."""
        from processing.core.ProcessingConfig import ProcessingConfig

        ProcessingConfig.removeSetting(SETTING)

    def loadAlgorithms(self) -> None:
        """Add one instance of each algorithm."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def supportsNonFileBasedOutput(self) -> bool:
        """Return False: a result is a complete file, or does not exist."""
        return False

    def supportedOutputVectorLayerExtensions(self) -> list[str]:
        """Formats that road_extract writes."""
        return list(VECTOR_EXTENSIONS)

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """Formats that road_extract writes."""
        return ["tif"]
