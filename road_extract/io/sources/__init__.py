"""Turns the inputs that a user specifies into scenes: files, folders, globs, lists, STAC and remote objects.

This package finds and names scenes; reading their pixels belongs in `io.raster`.
"""

from road_extract.base.urls import redact
from road_extract.io.sources.expanding import expand_inputs
from road_extract.io.sources.scene_ref import SceneRef

__all__ = ["SceneRef", "expand_inputs", "redact"]
