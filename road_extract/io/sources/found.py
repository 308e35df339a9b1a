"""Scenes that have been found but not yet named."""

from __future__ import annotations

import os
from dataclasses import dataclass

from road_extract.base.urls import is_remote, is_url, to_gdal_path, unsigned


@dataclass(frozen=True, slots=True)
class Found:
    """A scene that has not been given its final name.

    Attributes:
        location: Path, URL or GDAL name.
        name: The name it gets if no other scene has the same one.
        bands: Names of its bands, if a catalogue gives them.
    """

    location: str
    name: str
    bands: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """A normalized location: identical for the same scene in every run, however its path is written."""
        url = self.location.removeprefix("/vsicurl/")
        if is_url(url):
            return to_gdal_path(unsigned(url))
        return url if is_remote(url) or url.startswith("/vsi") else os.path.abspath(url)
