"""Scenes that were found, before they have names."""

from __future__ import annotations

import os
from dataclasses import dataclass

from road_extract.base.urls import is_remote, is_url, to_gdal_path, unsigned


@dataclass(frozen=True, slots=True)
class Found:
    """A scene, without a name of its own yet.

    Attributes:
        location: Path, URL or GDAL's name.
        name: It would have if it were alone.
        bands: Names of its bands, where a catalogue tells them.
    """

    location: str
    name: str
    bands: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The same for the same scene in every run, however it is written."""
        url = self.location.removeprefix("/vsicurl/")
        if is_url(url):
            return to_gdal_path(unsigned(url))
        return url if is_remote(url) or url.startswith("/vsi") else os.path.abspath(url)
