"""Chooses and reads the layers of vector files; the only place that calls the libraries for this."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from road_extract.base.errors import InputError, RoadExtractError
from road_extract.base.osm import OSM_ROADS
from road_extract.base.urls import redact
from road_extract.io.allowed import check_allowed, check_content
from road_extract.io.archives import VECTORS, is_archive, name_inside, unpacked

log = logging.getLogger("road_extract")

_OSM_WHERE = f"highway IN ({', '.join(repr(value) for value in OSM_ROADS)})"
#: The layers that GDAL creates for every OpenStreetMap file.
_OSM_LAYERS = {"points", "lines", "multilinestrings", "multipolygons", "other_relations"}
#: GDAL's messages if nodes or ways are not in the order, or do not have the sign, that its fast index requires.
_OSM_ORDER = ("OSM_USE_CUSTOM_INDEXING", "Non increasing", "Unsupported node id")

LINES, AREAS, ANY = "lines", "polygons", "geometries"
_KINDS = {LINES: ("LineString", "Curve"), AREAS: ("Polygon", "Surface")}
_UNKNOWN = ("Unknown", "GeometryCollection")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read from a vector file.

    Attributes:
        layer: Name of the only layer to read; None for all suitable layers.
        where: SQL condition that features must meet. None means all features, or the roads of an OpenStreetMap file.
        assume_crs: CRS of a file that has none, as WKT or a code.
        can_choose: Whether the user has options for layer and condition, so that messages may name them.
    """

    layer: str | None = None
    where: str | None = None
    assume_crs: str | None = None
    can_choose: bool = False


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a file.

    Attributes:
        name: None for the only layer of a GeoParquet file.
        kind: GDAL's name of its geometry type; None for a table without geometries.
    """

    name: str | None
    kind: str | None

    def holds(self, wanted: str) -> bool:
        """Whether it contains the wanted geometries, judging by its type."""
        return self.kind is not None and any(part in self.kind for part in _KINDS[wanted])

    @property
    def is_unknown(self) -> bool:
        """Whether it can contain any geometries, so that the features have to be checked."""
        return self.kind is not None and any(self.kind.startswith(part) for part in _UNKNOWN)


@contextmanager
def vector_errors(path: Path) -> Iterator[None]:
    """Convert any error that GDAL, GEOS, Arrow or pandas raise inside this block to an InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL warns about features that become missing or empty
            yield
    except RoadExtractError:
        raise
    except Exception as error:  # pyogrio, shapely, pyarrow and pandas have no common base class
        reason = " ".join((str(error) or type(error).__name__).split())
        raise InputError(f"{path}: cannot be read as vector data ({redact(reason)[:300]})") from error


def source_name(path: Path) -> str:
    """Return the name that GDAL opens: the path, or the only map in an archive.

    Raises:
        InputError: If the archive contains none or several, or the location may not be read.
    """
    check_allowed(str(path))
    name = str(path)
    if is_archive(name) and not name.lower().endswith(".kmz"):
        return name_inside(name, VECTORS)
    check_content(name)
    return unpacked(name)


def list_layers(path: Path, name: str) -> list[Layer]:
    """List the layers of a file, in order.

    Raises:
        InputError: If it cannot be opened.
    """
    import pyogrio

    if is_parquet(name):
        return [Layer(None, "Unknown")]
    with vector_errors(path):
        found = pyogrio.list_layers(name)
    return [Layer(str(layer), None if kind is None else str(kind)) for layer, kind in found]


def is_parquet(name: str) -> bool:
    """Check whether Arrow reads the file instead of GDAL."""
    return name.lower().endswith((".parquet", ".geoparquet"))


def is_osm(layers: Sequence[Layer]) -> bool:
    """Check whether these are the layers of an OpenStreetMap file."""
    return {str(layer.name) for layer in layers} == _OSM_LAYERS


def choose_layers(path: Path, layers: Sequence[Layer], wanted: str, chosen: str | None) -> list[Layer]:
    """Choose the layers to read.

    Args:
        path: For messages.
        layers: All layers.
        wanted: `LINES`, `AREAS` or `ANY`.
        chosen: The layer name that the user specified, if any.

    Raises:
        InputError: If there is no layer of that name.
    """
    if chosen is not None:
        found = [layer for layer in layers if layer.name == chosen]
        if not found:
            raise InputError(f"{path}: has no layer {chosen!r}; its layers: {_names(layers)}")
        return found
    if is_osm(layers):
        name = {LINES: "lines", AREAS: "multipolygons"}.get(wanted, "lines")
        return [layer for layer in layers if layer.name == name]
    if wanted == ANY:
        return [layer for layer in layers if layer.kind is not None] or list(layers)
    fitting = [layer for layer in layers if layer.holds(wanted) or layer.is_unknown]
    others = [layer for layer in layers if layer.kind is not None and layer not in fitting]
    return fitting or others or list(layers)


def say_layers(path: Path, read: Sequence[Layer], layers: Sequence[Layer], *, can_choose: bool) -> None:
    """Log which of several layers were read, which were left out, and the options that change it if there are some."""
    if is_osm(layers) and [layer.name for layer in read] == ["lines"]:
        more = "; use --where to choose other features" if can_choose else ""
        log.info("%s: only the roads are read from OpenStreetMap data%s", path, more)
        return
    left = [layer for layer in layers if layer not in read and layer.kind is not None]
    if len(read) > 1 or left:
        text = f"; left out: {_names(left)}" if left else ""
        text += " (use --layer to choose one)" if left and can_choose else ""
        log.info("%s: read from %s%s", path, _names(read), text)


def _names(layers: Sequence[Layer]) -> str:
    names = ", ".join(str(layer.name) for layer in layers[:_SHOWN])
    return names + (f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else "") or "none"


def read_frame(path: Path, name: str, layer: Layer, where: str | None) -> Any:
    """Read a layer as a GeoDataFrame, or as a DataFrame if it has no geometries.

    Raises:
        InputError: If it cannot be read, or the condition does not apply to it.
    """
    if is_parquet(name):
        if where is not None:
            raise InputError(f"{path}: conditions are not supported for GeoParquet; use another format")
        with vector_errors(path):
            return _read_parquet(name)
    try:
        with vector_errors(path):
            return _read_gdal(name, layer.name, where)
    except InputError as error:
        if not any(text in str(error) for text in _OSM_ORDER):
            raise
        with vector_errors(path), _slow_osm_index():
            return _read_gdal(name, layer.name, where)


def _read_parquet(name: str) -> Any:
    import geopandas

    return geopandas.read_parquet(name)


def _read_gdal(name: str, layer: str | None, where: str | None) -> Any:
    import pyogrio

    # a ring of two points would raise an error: this way, it becomes None and is counted as unusable
    return pyogrio.read_dataframe(name, layer=layer, where=where, on_invalid="ignore")


@contextmanager
def _slow_osm_index() -> Iterator[None]:
    """Use GDAL's slower index, which accepts any node ids in any order."""
    import pyogrio

    before = pyogrio.get_gdal_config_option("OSM_USE_CUSTOM_INDEXING")
    pyogrio.set_gdal_config_options({"OSM_USE_CUSTOM_INDEXING": "NO"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OSM_USE_CUSTOM_INDEXING": before})


def osm_condition(layers: Sequence[Layer], layer: Layer, selection: Selection) -> str | None:
    """Return the condition for a layer: the user's, or the one that selects roads in OpenStreetMap files."""
    if selection.where is not None or not is_osm(layers):
        return selection.where
    return _OSM_WHERE if layer.name == "lines" else None
