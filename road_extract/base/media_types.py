"""Media types of the files that are written."""

from __future__ import annotations

from pathlib import PurePath

#: All rasters that are kept are Cloud-Optimized GeoTIFFs.
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
MEDIA_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".geojson": "application/geo+json",
    ".fgb": "application/vnd.flatgeobuf",
    ".parquet": "application/vnd.apache.parquet",
    ".osm": "application/xml",
    ".graphml": "application/xml",
    ".tif": COG,
    ".json": "application/json",
    ".html": "text/html",
    ".pmtiles": "application/vnd.pmtiles",
    ".qml": "application/xml",
    ".sld": "application/vnd.ogc.sld+xml",
}


def media_type(name: str) -> str:
    """The media type of a file, by its suffix."""
    return MEDIA_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
