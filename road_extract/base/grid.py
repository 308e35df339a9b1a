"""The grid of a raster: number, place and size of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from affine import Affine

from road_extract.base.windows import Window


@dataclass(frozen=True, slots=True)
class RasterGrid:
    """Hashable and picklable.

    Attributes:
        height: Rows.
        width: Columns.
        transform: Pixel (col, row) to map (x, y); (0, 0) is the upper left corner of the upper left pixel.
        crs: Coordinate reference system as WKT.
        nodata: Value of pixels without data, if there is one.
    """

    height: int
    width: int
    transform: Affine
    crs: str
    nodata: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    def window_transform(self, window: Window) -> Affine:
        """The transform of a window: exact, rotation kept."""
        return self.transform * Affine.translation(window.col_off, window.row_off)

    def crop(self, window: Window) -> RasterGrid:
        """The grid of a part of the raster."""
        return replace(self, height=window.height, width=window.width, transform=self.window_transform(window))

    def resize(self, height: int, width: int) -> RasterGrid:
        """The same area with another number of rows and columns."""
        scale = Affine.scale(self.width / width, self.height / height)
        return replace(self, height=height, width=width, transform=self.transform * scale)


@dataclass(frozen=True, slots=True)
class PixelFrame:
    """The size of a scene in pixels and in metres on the ground, which is all that tracing roads needs to know.

    Coordinates in metres start at the upper left corner, with x to the right and y down.

    Attributes:
        height: Rows.
        width: Columns.
        pixel_size_m: A pixel's size (x, y).
    """

    height: int
    width: int
    pixel_size_m: tuple[float, float] = (1.0, 1.0)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def extent_m(self) -> tuple[float, float]:
        """Width and height."""
        return self.width * self.pixel_size_m[0], self.height * self.pixel_size_m[1]

    @property
    def pixel_area_m2(self) -> float:
        """Area of a pixel."""
        return self.pixel_size_m[0] * self.pixel_size_m[1]
