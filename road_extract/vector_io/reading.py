"""Geometries out of vector files in any format and CRS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from road_extract.errors import InputError

if TYPE_CHECKING:
    import shapely


def read_geometries(path: Path, crs: str) -> list[shapely.Geometry]:
    """The geometries of a vector file, brought to a CRS; empty ones are left out.

    Args:
        path: Any file that GDAL opens, or GeoParquet; of several layers the first.
        crs: The CRS wanted, as WKT.

    Raises:
        InputError: The file cannot be read, or has no CRS.
    """
    import geopandas

    read = geopandas.read_parquet if path.suffix.lower() == ".parquet" else geopandas.read_file
    try:
        layer = read(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as vector data ({error})") from error
    if getattr(layer, "crs", None) is None:
        raise InputError(f"{path}: has no CRS; give a vector file with one")
    return [part for part in layer.geometry.to_crs(crs) if part is not None and not part.is_empty]


def read_area(path: Path, crs: str) -> shapely.Geometry:
    """The union of all polygons of a vector file, brought to a CRS.

    Args:
        path: Any file that GDAL opens, or GeoParquet.
        crs: The CRS wanted, as WKT.

    Raises:
        InputError: The file cannot be read, or has no CRS or no polygon.
    """
    import shapely

    polygons = [part for part in read_geometries(path, crs) if part.geom_type in ("Polygon", "MultiPolygon")]
    if not polygons:
        raise InputError(f"{path}: holds no polygon; an area of interest needs at least one")
    return shapely.union_all(shapely.make_valid(polygons))
