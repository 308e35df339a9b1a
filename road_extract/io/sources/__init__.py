"""What users name as input, as scenes: files, folders, globs, lists, STAC, remote objects.

Scenes are found and named here; their pixels are read in `io.raster`.
"""

from road_extract.base.urls import redact
from road_extract.io.sources.expanding import expand_inputs
from road_extract.io.sources.scene_ref import SceneRef

__all__ = ["SceneRef", "expand_inputs", "redact"]
