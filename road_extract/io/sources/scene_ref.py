"""A scene before it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from road_extract.io.sources.identities import read_identity


@dataclass(frozen=True, slots=True)
class SceneRef:
    """A scene, by name and place.

    Attributes:
        name: Of its outputs: no other scene of the same inputs has it, upper and lower case aside, and any file system
            takes it. It may hold dots, so a suffix is put behind it, not in the place of one.
        path: What GDAL opens. It may hold a password or a signature: never show or record it.
        shown: The place for people, without secrets.
        bands: Names of its bands, where a catalogue tells them.
    """

    name: str
    path: str
    shown: str
    bands: tuple[str, ...] = ()

    def identity(self) -> dict[str, Any]:
        """What changes when the content does; JSON takes it.

        For files their size and time of change, with the files that they refer to (VRT, overviews, masks); for remote
        objects size, ETag and date as far as the server tells them.

        Raises:
            InputError: If it is not there or cannot be reached.
        """
        return read_identity(self.path)
