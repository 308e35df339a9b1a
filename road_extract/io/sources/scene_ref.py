"""References to scenes that have not been opened yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from road_extract.io.sources.identities import read_identity


@dataclass(frozen=True, slots=True)
class SceneRef:
    """A scene, by name and location.

    Attributes:
        name: Name of its outputs. It is unique among the scenes of the same inputs, ignoring case, and valid on any
            file system. It may contain dots, so append suffixes instead of replacing one.
        path: The name that GDAL opens. It may contain a password or a signature: never show or record it.
        shown: The location without credentials, for messages.
        bands: Names of its bands, if a catalogue gives them.
    """

    name: str
    path: str
    shown: str
    bands: tuple[str, ...] = ()

    def identity(self) -> dict[str, Any]:
        """Return JSON values that change when the content of the scene changes.

        For files, these are the size and modification time, including those of the files they refer to (VRT, overviews,
        masks). For remote objects, they are the size, ETag and date, if the server provides them.

        Raises:
            InputError: If the scene does not exist or cannot be reached.
        """
        return read_identity(self.path)
