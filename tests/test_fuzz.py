"""Mutated files of every kind: no traceback, no crash, no hang, no file beside them, no memory beyond a bound.

``ROAD_EXTRACT_FUZZ=20000`` says how many inputs to try; CI tries 1,000.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from road_extract.models.spec import ModelSpec

TRIES = int(os.environ.get("ROAD_EXTRACT_FUZZ", "1000"))
TIMEOUT_S = 60
OUTPUTS = {"out.gpkg", "out.geojson"}
#: Numbers that break size fields and counters.
NASTY = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"9" * 20,
         b"-1", b"nan", b"1e999", b"<", b'"', b"\n")  # fmt: skip


class Worker:
    """A process that opens files, started anew when it crashed or hung."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, kind: str, path: Path) -> dict[str, str]:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"kind": kind, "path": str(path)}) + "\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(TIMEOUT_S) else None
        if line:
            return json.loads(line)
        self.close()
        return {"outcome": "hang" if line is None else f"crash ({process.returncode})", "text": ""}

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.helpers.fuzz_worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    found = Worker()
    yield found
    found.close()


# seeds: small, real files of every driver that the documentation names


def _raster(path: Path, driver: str, bands: int = 3, dtype: str = "uint8", **profile: object) -> bytes:
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 200, (bands, 24, 40)).astype(dtype)
    place = {"crs": "EPSG:32635", "transform": Affine(1, 0, 385_000, 0, -1, 6_672_000)}
    shape = {"width": 40, "height": 24, "count": bands, "dtype": dtype}
    with rasterio.open(path, "w", driver=driver, **(shape | place | profile)) as dataset:
        dataset.write(pixels)
    return path.read_bytes()


def _mask(path: Path) -> bytes:
    mask = np.zeros((1, 24, 40), np.uint8)
    mask[:, 10:14] = 1
    with rasterio.open(path, "w", driver="GTiff", width=40, height=24, count=1, dtype="uint8", nodata=255,
                       crs="EPSG:32635", transform=Affine(1, 0, 385_000, 0, -1, 6_672_000)) as dataset:  # fmt: skip
        dataset.write(mask)
    return path.read_bytes()


def _frame() -> geopandas.GeoDataFrame:
    lines = [shapely.LineString([(25 + n / 1000, 60), (25 + n / 1000, 60.001)]) for n in range(4)]
    return geopandas.GeoDataFrame({"name": list("abcd"), "lanes": [1, 2, 3, 4]}, geometry=lines, crs="EPSG:4326")


def _vector(path: Path, driver: str | None = None) -> bytes:
    _frame().to_parquet(path) if path.suffix == ".parquet" else _frame().to_file(path, driver=driver)
    return path.read_bytes()


def _osm() -> bytes:
    nodes = "".join(f'<node id="{n}" lat="60.00{n}" lon="25.00{n}"/>' for n in range(1, 5))
    way = '<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="road"/></way>'
    return f'<osm version="0.6">{nodes}{way}</osm>'.encode()


def _gpx() -> bytes:
    points = "".join(f'<trkpt lat="60.00{n}" lon="25.00{n}"/>' for n in range(4))
    head = '<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">'
    return f"{head}<trk><trkseg>{points}</trkseg></trk></gpx>".encode()


def _kml() -> bytes:
    line = "<LineString><coordinates>25,60 25.001,60.001</coordinates></LineString>"
    inside = f"<Folder><name>a</name><Placemark>{line}</Placemark></Folder>"
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inside}</Document></kml>'.encode()


def _vrt(name: str) -> bytes:
    place = "<SRS>EPSG:32635</SRS><GeoTransform>385000,1,0,6672000,0,-1</GeoTransform>"
    source = f"<SourceFilename relativeToVRT='1'>{name}</SourceFilename><SourceBand>1</SourceBand>"
    band = f"<VRTRasterBand dataType='Byte' band='1'><SimpleSource>{source}</SimpleSource></VRTRasterBand>"
    return f"<VRTDataset rasterXSize='40' rasterYSize='24'>{place}{band}</VRTDataset>".encode()


def _stac() -> bytes:
    assets = {"image": {"href": "a.tif", "type": "image/tiff", "roles": ["data"], "bands": [{"name": "red"}]}}
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "one", "assets": assets, "links": []}
    return json.dumps(
        {"type": "FeatureCollection", "features": [item], "links": [{"rel": "self", "href": "x"}]}
    ).encode()


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, bytes]]:
    """Kind, file name and content."""
    folder = tmp_path_factory.mktemp("seeds")
    made: dict[str, Callable[[Path], bytes]] = {
        "a.tif": lambda p: _raster(p, "GTiff"),
        "tiled.tif": lambda p: _raster(p, "GTiff", tiled=True, blockxsize=16, blockysize=16, compress="deflate",
                                       nodata=0),
        "lzw.tif": lambda p: _raster(p, "GTiff", dtype="uint16", compress="lzw", predictor=2),
        "jpeg.tif": lambda p: _raster(p, "GTiff", compress="jpeg", photometric="YCBCR", tiled=True, blockxsize=16,
                                      blockysize=16),
        "float.tif": lambda p: _raster(p, "GTiff", 1, "float32"),
        "big.tif": lambda p: _raster(p, "GTiff", bigtiff="YES"),
        "a.png": lambda p: _raster(p, "PNG"),
        "a.jpg": lambda p: _raster(p, "JPEG"),
        "a.jp2": lambda p: _raster(p, "JP2OpenJPEG"),
        "a.img": lambda p: _raster(p, "HFA"),
        "a.gpkg": lambda p: _raster(p, "GPKG"),
        "a.webp": lambda p: _raster(p, "WEBP"),
        "a.bmp": lambda p: _raster(p, "BMP", 1),
        "a.ntf": lambda p: _raster(p, "NITF", 1, ICORDS="N"),
    }  # fmt: skip
    found = [("raster", name, make(folder / name)) for name, make in made.items()]
    found.append(("raster", "a.vrt", _vrt("other.tif")))
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "a.tif", "a.tif")
    found.append(("raster", "a.zip", (folder / "a.zip").read_bytes()))
    found += [(kind, "m.tif", _mask(folder / "m.tif")) for kind in ("mask", "roads", "batch")]
    np.savez(folder / "weights.npz", a=np.ones(9, np.float32))
    found.append(("model", "weights.npz", (folder / "weights.npz").read_bytes()))
    found.append(("batch", "r.json", b'{"format": 1, "made": {"outputs": {"a.gpkg": {"bytes": 1}}}}'))
    for name in ("v.geojson", "v.gpkg", "v.fgb", "v.parquet", "v.shp"):
        content = _vector(folder / name)
        found += [("vector", name, content), ("diff", name, content)]
    # mutated beside a file that is whole
    found += [("side", name, (folder / name).read_bytes()) for name in ("v.dbf",)]
    found += [("side", "a.png.aux.xml", _side_file())]
    found += [("beside", name, (folder / name).read_bytes()) for name in ("v.shx", "v.prj")]
    found += [("vector", "v.osm", _osm()), ("vector", "v.gpx", _gpx()), ("vector", "v.kml", _kml())]
    found += [
        ("sources", "s.json", _stac()),
        ("sources", "l.txt", b"a.tif\nb.tif\n"),
        ("sources", "l.csv", b"path\na.tif\n"),
    ]
    found.append(("model", "spec.json", ModelSpec("m").to_json().encode()))
    return found


Steps = list[tuple[str, int, bytes]]
#: Mutations say where they are in millionths of the length.
WHOLE = 10**6
#: First bytes that tell the format: most mutations leave them, or nothing but the first check would be tried.
MAGIC = 8


def mutations() -> st.SearchStrategy[Steps]:
    """What happens to a file: what, where, and with which bytes. Its beginning and end are hit more often."""
    place = st.one_of(st.integers(0, WHOLE), st.integers(0, WHOLE // 20), st.integers(WHOLE * 19 // 20, WHOLE))
    piece = st.one_of(st.sampled_from(NASTY), st.binary(min_size=1, max_size=8))
    what = st.sampled_from(("set", "set", "set", "flip", "insert", "cut", "drop", "copy"))
    return st.lists(st.tuples(what, place, piece), min_size=1, max_size=4)


def mutate(content: bytes, steps: Steps, keep: int) -> bytes:
    for what, millionths, piece in steps:
        place = keep + millionths * max(0, len(content) - keep) // WHOLE
        if what == "set":
            content = content[:place] + piece + content[place + len(piece) :]
        elif what == "flip":
            content = (
                content[:place]
                + bytes(b ^ (1 << (piece[0] % 8)) for b in content[place : place + 1])
                + content[place + 1 :]
            )
        elif what == "insert":
            content = content[:place] + piece + content[place:]
        elif what == "cut":
            content = content[: max(place, 1)]
        elif what == "drop":
            content = content[:place] + content[place + 16 * len(piece) :]
        else:
            content = content[:place] + content[max(0, place - 64) : place] + content[place:]
    return content


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_mutated_files_are_taken_or_refused_with_a_sentence(part, seeds, worker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    outcomes: Counter[str] = Counter()
    tried = [number for number, (kind, _, _) in enumerate(seeds) if kind != "beside"]

    @seed(part + 4 * int(os.environ.get("ROAD_EXTRACT_FUZZ_SEED", "0")))
    @settings(max_examples=max(1, TRIES // 4), deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.sampled_from(tried), mutations(), st.integers(0, 9))
    def run(index: int, steps: Steps, luck: int) -> None:
        kind, name, content = seeds[index]
        place = folder / "input"
        place.mkdir(exist_ok=True)
        _prepare(place, kind, name, seeds)
        path = place / name
        path.write_bytes(mutate(content, steps, MAGIC if luck else 0))
        before = {*folder.rglob("*")}
        found = worker.ask(kind, path)
        after = {left.name for left in {*folder.rglob("*")} - before}
        outcomes[found["outcome"].partition(" ")[0]] += 1
        case = f"{kind} {name} {steps} {luck}"
        assert found["outcome"] in ("taken", "refused"), f"{case}: {found['outcome']}\n{found['text']}"
        assert "\n" not in found["text"], f"{case}: {found['text']}"
        assert after <= OUTPUTS, f"{case}: left {after}"
        for left in place.iterdir():
            left.unlink()

    run()
    print(part, dict(outcomes))
    assert (outcomes["refused"] > 0 and outcomes["taken"] > 0) or TRIES < 400


def _prepare(place: Path, kind: str, name: str, seeds: list[tuple[str, str, bytes]]) -> None:
    """What a file needs beside it."""
    contents = {name: content for _, name, content in seeds}
    if kind == "raster":
        (place / "other.tif").write_bytes(contents["a.tif"])
    if name in ("a.png", "a.jpg", "a.webp", "a.bmp"):
        (place / f"{name}.aux.xml").write_bytes(_side_file())
    if name == "v.shp":
        for part in ("v.shx", "v.dbf", "v.prj"):
            (place / part).write_bytes(contents[part])
    if kind == "diff":
        (place / "roads.gpkg").write_bytes(contents["v.gpkg"])
    if kind == "side":
        for part in {"a.png.aux.xml": ["a.png"], "v.dbf": ["v.shp", "v.shx", "v.prj"]}[name]:
            (place / part).write_bytes(contents[part])


def _side_file() -> bytes:
    place = "<SRS>EPSG:32635</SRS><GeoTransform>385000,1,0,6672000,0,-1</GeoTransform>"
    return (
        f"<PAMDataset>{place}<PAMRasterBand band='1'><NoDataValue>0</NoDataValue></PAMRasterBand></PAMDataset>".encode()
    )
