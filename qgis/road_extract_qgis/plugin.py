"""The plugin: it adds a Processing provider, and nothing else."""

from __future__ import annotations

from qgis.core import QgsApplication

from .provider import RoadExtractProvider


class RoadExtractPlugin:
    """Adds the provider, and takes it away again."""

    def __init__(self) -> None:
        self._provider: RoadExtractProvider | None = None

    def initProcessing(self) -> None:
        """What `qgis_process` calls, which has no window."""
        self._provider = RoadExtractProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """What the desktop calls."""
        self.initProcessing()

    def unload(self) -> None:
        """When the plugin is switched off."""
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
