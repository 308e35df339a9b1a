"""Describes how to read a scene file: what the model needs and what the user asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Beyond this factor between the two GSDs, the model sees objects at sizes it was never trained on.
GSD_EXTREME = 4.0


@dataclass(frozen=True, slots=True)
class SceneView:
    """How to read a scene file.

    Attributes:
        gsd_m: The model's GSD.
        model_bands: How many bands the model takes.
        bands: Bands to use, counted from 1.
        native_gsd: Keep the scene's grid.
        bounds: Rectangle to read, (xmin, ymin, xmax, ymax) in the scene's coordinates.
        assume_crs: CRS to use if the file has none.
        subdataset: Raster to read from a file that contains several.
        nodata: Nodata value, or ``auto`` to detect collars; None uses what the file declares.
        band_names: Names of the model's bands.
        known_bands: Names of the scene's bands from a catalogue.
        aoi: Function of the scene's CRS (WKT) and its footprint in that CRS. It returns a geometry in that CRS; pixels
            outside it are invalid.
    """

    gsd_m: float
    model_bands: int = 3
    bands: tuple[int, ...] | None = None
    native_gsd: bool = False
    bounds: tuple[float, float, float, float] | None = None
    assume_crs: str | None = None
    aoi: Callable[[str, Any], Any] | None = None
    subdataset: str | None = None
    nodata: str | None = None
    band_names: tuple[str, ...] = ("red", "green", "blue")
    known_bands: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the model's bands, one for each."""
        if len(self.band_names) == self.model_bands:
            return self.band_names
        return tuple(f"band {number}" for number in range(1, self.model_bands + 1))
