"""What users name as input, as scenes: files, folders, globs, lists, STAC, remote objects."""

from road_extract.locations import redact
from road_extract.sources.expanding import expand_inputs
from road_extract.sources.scene_ref import SceneRef

__all__ = ["SceneRef", "expand_inputs", "redact"]
