"""Every kind of file that people bring, with what becomes of it: the tests run this, and docs/inputs.md shows it.

`python -m tests.helpers.input_kinds` prints the tables of that page.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC

from tests.helpers.scenes import UTM

TAKEN, NOTED, REFUSED = "taken", "taken with a note", "refused"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: In the table.
        build: Writes one into a folder.
        outcome: `TAKEN`, `NOTED` or `REFUSED`.
        words: A part of the note, or of the sentence that refuses it.
        advice: What the table says to do, or what is done.
    """

    name: str
    build: Callable[[Path], Path]
    outcome: str
    words: str = ""
    advice: str = ""


def raster(folder: Path, name: str = "a.tif", pixels: Any = None, driver: str = "GTiff", **profile: Any) -> Path:
    """Write a raster in UTM, random unless pixels are given."""
    if pixels is None:
        pixels = np.random.default_rng(5).integers(1, 255, (3, 90, 100), dtype=np.uint8)
    settings: dict[str, Any] = {"crs": "EPSG:32611", "transform": UTM} | profile
    bands, rows, cols = pixels.shape
    with rasterio.open(folder / name, "w", driver=driver, count=bands, height=rows, width=cols, dtype=pixels.dtype,
                       **settings) as dataset:  # fmt: skip
        dataset.write(pixels)
    return folder / name


def of_type(dtype: str, low: float, high: float) -> Callable[[Path], Path]:
    """A scene of numbers of a type."""
    values = np.random.default_rng(5).uniform(low, high, (3, 90, 100)).astype(dtype)
    return lambda folder: raster(folder, pixels=values)


def described(*names: str) -> Callable[[Path], Path]:
    """A scene whose bands have descriptions."""

    def build(folder: Path) -> Path:
        pixels = np.random.default_rng(5).integers(1, 255, (len(names), 90, 100), dtype=np.uint8)
        path = raster(folder, pixels=pixels, photometric="MINISBLACK")
        with rasterio.open(path, "r+") as dataset:
            dataset.descriptions = names
        return path

    return build


def grey(low: int, high: int, dtype: str = "uint8") -> Any:
    """One band of random numbers."""
    return np.random.default_rng(5).integers(low, high, (1, 90, 100)).astype(dtype)


def palette(folder: Path) -> Path:
    path = raster(folder, pixels=grey(0, 3), photometric="PALETTE")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {n: (50 * n, 20, 200, 255) for n in range(3)})
    return path


def control_points(folder: Path) -> Path:
    path = raster(folder, crs=None, transform=None)
    corners = ((0, 0), (0, 100), (90, 0), (90, 100))
    with rasterio.open(path, "r+") as dataset:
        points = [GroundControlPoint(row, col, *(UTM * (col, row))) for row, col in corners]
        dataset.gcps = (points, CRS.from_epsg(32611))
    return path


def rational_polynomials(folder: Path) -> Path:
    path = raster(folder, crs=None, transform=None)
    one, nothing = [1.0] + [0.0] * 19, [0.0] * 17
    with rasterio.open(path, "r+") as dataset:
        dataset.rpcs = RPC(
            height_off=100, height_scale=500, lat_off=36.0, lat_scale=4e-4, line_off=45, line_scale=45, long_off=-116,
            long_scale=5e-4, samp_off=50, samp_scale=50, line_num_coeff=[0, 0, -1, *nothing], line_den_coeff=one,
            samp_num_coeff=[0, 1, 0, *nothing], samp_den_coeff=one,
        )  # fmt: skip
    return path


def with_world_file(folder: Path) -> Path:
    path = raster(folder, "a.png", driver="PNG", crs=None, transform=None)
    for leftover in folder.glob("*.aux.xml"):
        leftover.unlink()
    path.with_suffix(".wld").write_text("1\n0\n0\n-1\n665000.75\n4010000.25\n")
    (folder / "a.png.aux.xml").write_text("<PAMDataset><SRS>EPSG:32611</SRS></PAMDataset>")
    return path


def archive(folder: Path) -> Path:
    path = raster(folder)
    with zipfile.ZipFile(folder / "a.zip", "w") as target:
        target.write(path, "inside/a.tif")
    return folder / "a.zip"


def tar(folder: Path) -> Path:
    path = raster(folder)
    with tarfile.open(folder / "a.tar.gz", "w:gz") as target:
        target.add(path, "a.tif")
    return folder / "a.tar.gz"


def two_in_an_archive(folder: Path) -> Path:
    path = raster(folder)
    with zipfile.ZipFile(folder / "a.zip", "w") as target:
        target.write(path, "a.tif")
        target.write(path, "b.tif")
    return folder / "a.zip"


def subdatasets(folder: Path) -> Path:
    for table, more in (("first", {}), ("second", {"APPEND_SUBDATASET": "YES"})):
        raster(folder, "a.gpkg", driver="GPKG", RASTER_TABLE=table, **more)
    return folder / "a.gpkg"


def cut_short(folder: Path) -> Path:
    path = raster(folder)
    path.write_bytes(path.read_bytes()[:9000])
    return path


def missing_tiles(folder: Path) -> Path:
    place = "<SRS>EPSG:32611</SRS><GeoTransform>665000,1,0,4010000,0,-1</GeoTransform>"
    source = "<SimpleSource><SourceFilename relativeToVRT='1'>gone.tif</SourceFilename></SimpleSource>"
    band = f"<VRTRasterBand dataType='Byte' band='1'>{source}</VRTRasterBand>"
    (folder / "a.vrt").write_text(f"<VRTDataset rasterXSize='90' rasterYSize='90'>{place}{band}</VRTDataset>")
    return folder / "a.vrt"


def file(name: str, content: bytes) -> Callable[[Path], Path]:
    """A file of some bytes."""

    def build(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return build


def collar(folder: Path) -> Path:
    pixels = np.random.default_rng(5).integers(1, 255, (3, 200, 200), dtype=np.uint8)
    pixels[:, :70, :70] = 0
    return raster(folder, pixels=pixels)


DEGREES: dict[str, Any] = {"crs": "EPSG:4326", "transform": Affine(1e-5, 0, 244, 0, -1e-5, 36)}

SCENES = [
    Kind("GeoTIFF of 8 bits, red, green, blue", raster, TAKEN),
    Kind("one band", lambda f: raster(f, pixels=grey(0, 255)), TAKEN, "", "used for every band of the model"),
    Kind("bands with descriptions: Blue, Green, Red, NIR; B2, B3, B4, B8; R, G, B; other languages",
         described("Blue", "Green", "Red", "NIR"), NOTED, "by their descriptions", "taken by name"),
    Kind("bands whose descriptions and colours contradict each other",
         lambda f: _contradiction(f), NOTED, "disagrees", "descriptions win; `--bands` chooses"),
    Kind("three or four bands without names", described("", "", "", ""), NOTED, "does not name its bands",
         "taken in their order; `--bands` chooses"),
    Kind("more than four bands without names", described(*[""] * 7), REFUSED, "does not say which are red, green, blue",
         "`--bands 3,2,1`"),
    Kind("10 to 16 bits", of_type("uint16", 0, 2000), TAKEN, "", "stretched once for the whole scene"),
    Kind("float32, float64, int16, int32, uint32", of_type("float32", 0, 0.4), TAKEN, "",
         "stretched; NaN and infinity count as nodata"),
    Kind("complex numbers", of_type("complex64", 0, 1), REFUSED, "complex numbers"),
    Kind("fewer bits than the type (NBITS)", lambda f: raster(f, pixels=grey(0, 16), nbits=4), TAKEN, "",
         "the tag is the range"),
    Kind("8 bits that reach less than a quarter of their range", lambda f: raster(f, pixels=grey(0, 20)), NOTED,
         "taken as white", "their largest value is white"),
    Kind("0 is white (MINISWHITE)", lambda f: raster(f, pixels=grey(0, 255), photometric="MINISWHITE"), NOTED,
         "inverted", "inverted"),
    Kind("colour table", palette, NOTED, "colour table", "looked up"),
    Kind("YCbCr, CMYK", lambda f: raster(f, photometric="YCBCR", compress="JPEG"), TAKEN, "", "as red, green, blue"),
    Kind("nodata value, alpha, mask", lambda f: raster(f, nodata=0), TAKEN),
    Kind("black or white collars that are not marked", collar, NOTED, "--nodata auto", "`--nodata auto`, `--nodata 0`"),
    Kind("CRS, geotransform and nodata in sidecar files", with_world_file, TAKEN, "", "read, but never written"),
    Kind("ground control points", control_points, NOTED, "ground control points", "warped to a north-up grid"),
    Kind("RPCs", rational_polynomials, NOTED, "without a terrain model", "warped; tens of metres off on hills"),
    Kind("no CRS", lambda f: raster(f, crs=None), REFUSED, "has no CRS", "`--assume-crs EPSG:...`"),
    Kind("no geotransform", lambda f: raster(f, transform=None), REFUSED, "has no geotransform", "a world file"),
    Kind("CRS with a height", lambda f: raster(f, crs="EPSG:32611+5773"), TAKEN, "", "horizontal part is used"),
    Kind("longitudes from 0 to 360", lambda f: raster(f, **DEGREES), TAKEN, "", "outputs lie between -180 and 180"),
    Kind("`.zip`, `.tar`, `.tar.gz` of one raster", archive, TAKEN, "", "opened"),
    Kind("an archive of several rasters", two_in_an_archive, REFUSED, "name one: /vsizip/", "name one: `/vsizip/...`"),
    Kind("several subdatasets (NetCDF, HDF, GeoPackage)", subdatasets, REFUSED, "--subdataset: 1 first, 2 second",
         "`--subdataset 2`"),
    Kind("ECW and MrSID where GDAL has no driver", file("a.ecw", b"ecw"), REFUSED, "no driver for ECW",
         "a GeoTIFF made of it"),
    Kind("cut short or damaged", cut_short, REFUSED, "damaged, cut short"),
    Kind("a VRT whose tiles are missing", missing_tiles, REFUSED, "are missing, such as"),
    Kind("no raster at all", file("a.tif", b"no raster"), REFUSED, "cannot be opened as a raster"),
]  # fmt: skip


def _contradiction(folder: Path) -> Path:
    path = raster(folder, photometric="RGB")
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("Blue", "Green", "Red")
    return path


def mask(*values: float, dtype: str = "uint8", **profile: Any) -> Callable[[Path], Path]:
    """A mask or probability raster that holds some values."""
    pixels = np.resize(np.array(values, dtype), (1, 30, 40))
    return lambda folder: raster(folder, pixels=pixels, **profile)


MASKS = [
    Kind("0 and 1", mask(0, 1), TAKEN),
    Kind("0 and 255", mask(0, 255), NOTED, "255 is taken as road"),
    Kind("percentages, 0 to 100", mask(0, 30, 100), NOTED, "percentages"),
    Kind("0 to 255", mask(0, 130, 255), NOTED, "values from 0 to 255 are taken as probabilities"),
    Kind("fractions, 0 to 1", mask(0, 0.3, 1, dtype="float32"), TAKEN),
    Kind("the same as floating point numbers", mask(0, 37.5, 100, dtype="float32"), NOTED, "percentages"),
    Kind("a mask whose nodata value is its background, 0", mask(0, 1, nodata=0), NOTED, "background of a mask"),
    Kind("three equal bands of 0 and 255", lambda f: raster(f, pixels=np.resize(np.array([0, 255], np.uint8),
                                                                                  (3, 30, 40))), NOTED, "255 is taken"),
    Kind("classes, such as 0 to 9", mask(0, 5, 9), REFUSED, "neither a mask of 0 and 1 nor percentages"),
    Kind("values below 0 or above 255", mask(0, -1, dtype="int16"), REFUSED, "contains the value -1"),
    Kind("several bands that differ", raster, REFUSED, "has 3 bands"),
]  # fmt: skip


def vector(name: str, driver: str | None = None, **columns: Any) -> Callable[[Path], Path]:
    """Two lines in a file."""
    lines = [shapely.LineString([(25 + n / 1000, 60), (25 + n / 1000, 60.001)]) for n in range(2)]

    def build(folder: Path) -> Path:
        frame = geopandas.GeoDataFrame(columns, geometry=lines, crs="EPSG:4326")
        frame.to_parquet(folder / name) if name.endswith("parquet") else frame.to_file(folder / name, driver=driver)
        return folder / name

    return build


def layers(folder: Path) -> Path:
    path = vector("a.gpkg")(folder)
    geopandas.GeoDataFrame(geometry=[shapely.LineString([(25, 60), (25.1, 60)])], crs=4326).to_file(path, layer="more")
    return path


def without_crs(folder: Path) -> Path:
    path = vector("a.shp")(folder)
    path.with_suffix(".prj").unlink()
    return path


def zipped(folder: Path) -> Path:
    vector("a.shp")(folder)
    with zipfile.ZipFile(folder / "a.zip", "w") as target:
        for part in ("a.shp", "a.shx", "a.dbf", "a.prj"):
            target.write(folder / part, part)
    return folder / "a.zip"


def geojson_in_metres(folder: Path) -> Path:
    line = {"type": "LineString", "coordinates": [[385_000, 6_672_000], [385_300, 6_672_000]]}
    feature = {"type": "Feature", "properties": {}, "geometry": line}
    (folder / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return folder / "a.geojson"


_OSM = (
    b'<osm version="0.6"><node id="-1" lat="60" lon="25"/><node id="-2" lat="60.1" lon="25"/>'
    b'<way id="-1"><nd ref="-1"/><nd ref="-2"/><tag k="highway" v="road"/></way></osm>'
)
_KML = (
    b'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>a</name><Placemark><LineString><coordinates>'
    b"25,60 25,60.1</coordinates></LineString></Placemark></Folder></Document></kml>"
)
_GPX = (
    b'<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg><trkpt lat="60" lon="25"/>'
    b'<trkpt lat="60.1" lon="25"/></trkseg></trk></gpx>'
)
MAPS = [
    Kind("GeoJSON, GeoPackage, FlatGeobuf, GeoParquet, Shapefile", vector("a.gpkg"), TAKEN),
    Kind("several layers of lines", layers, NOTED, "read from a, more", "all are read; `--layer` names one"),
    Kind("OpenStreetMap (`.osm`, `.osm.pbf`), ids of any sign in any order", file("a.osm", _OSM), NOTED,
         "only the roads are read", "the roads (see below); `--where` chooses others"),
    Kind("KML with folders", file("a.kml", _KML), TAKEN, "", "all folders"),
    Kind("GPX", file("a.gpx", _GPX), NOTED, "read from tracks", "tracks and routes"),
    Kind("file geodatabase (`.gdb`)", vector("a.gdb", "OpenFileGDB"), TAKEN),
    Kind("zipped shapefile", zipped, TAKEN, "", "opened"),
    Kind("attributes whose names collide (`Id`, `id`)", vector("a.geojson", Id=["a", "b"]), TAKEN, "",
         "the second gets a number: `Id_2`"),
    Kind("no CRS", without_crs, REFUSED, "has no CRS", "`--assume-crs EPSG:...`"),
    Kind("GeoJSON in metres", geojson_in_metres, REFUSED, "are not degrees", "`--assume-crs EPSG:...`"),
    Kind("a table without geometries", file("a.csv", b"a,b\n1,2\n"), REFUSED, "holds no geometries"),
    Kind("the description of a service or of other files", file("a.vrt", b"<OGRVRTDataSource/>"), REFUSED,
         "leads to data elsewhere", "see [security](security.md)"),
    Kind("no map at all", file("a.gpkg", b"no map"), REFUSED, "cannot be read as vector data"),
]  # fmt: skip


def to_table(kinds: list[Kind]) -> str:
    """The table of some kinds, as docs/inputs.md has it."""
    rows = ["| file | | |", "|---|---|---|"]
    for kind in kinds:
        said = f"{kind.outcome}: “{kind.words}”" if kind.outcome == REFUSED else kind.outcome
        rows.append(f"| {kind.name} | {said} | {kind.advice} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print("\n".join(map(to_table, (SCENES, MASKS, MAPS))))
