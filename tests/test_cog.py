"""Cloud-Optimized GeoTIFFs, checked by rio-cogeo and by GDAL's own validator, and their creation options."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo import cog_validate

from road_extract.base.errors import InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.levels import NODATA
from road_extract.cli import run
from road_extract.io.raster import ProbabilityRaster, check_creation_options, open_mask_sink, open_probability_sink
from road_extract.io.raster.sink import open_class_sink
from tests.helpers.gdal import needs_gdal, validate
from tests.helpers.paths import REPOSITORY
from tests.helpers.scenes import UTM

CRS = rasterio.crs.CRS.from_epsg(32611).to_wkt()
SHAPES = [(1, 1), (200, 300), (700, 513), (2300, 1700)]


def write(path: Path, kind: str, rows: np.ndarray, *options: str) -> None:
    grid = RasterGrid(rows.shape[0], rows.shape[1], UTM, CRS)
    opened = {
        "probability": lambda: open_probability_sink(path, grid, {"MAKER": "x"}, creation_options=options),
        "mask": lambda: open_mask_sink(path, grid, {"MAKER": "x"}, creation_options=options),
        "classes": lambda: open_class_sink(path, grid, {1: (255, 0, 0, 255)}),
    }[kind]()
    with opened as sink:
        sink.write(rows)


def assert_is_cog(path: Path) -> None:
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])


@pytest.mark.parametrize("kind", ["probability", "mask", "classes"])
@pytest.mark.parametrize("shape", SHAPES)
def test_rasters_are_cloud_optimized(tmp_path, rng, kind, shape):
    rows = rng.integers(0, 256, shape, dtype=np.uint8)
    write(tmp_path / "r.tif", kind, rows)
    assert_is_cog(tmp_path / "r.tif")
    with rasterio.open(tmp_path / "r.tif") as dataset:
        assert np.array_equal(dataset.read(1), rows)
        assert dataset.nodata == NODATA
    assert [path.name for path in tmp_path.iterdir()] == ["r.tif"]


@needs_gdal
@pytest.mark.parametrize("kind", ["probability", "mask"])
def test_the_validator_of_gdal_agrees(tmp_path, rng, kind):
    for shape in SHAPES:
        write(tmp_path / "r.tif", kind, rng.integers(0, 256, shape, dtype=np.uint8))
        said = validate("validate_cloud_optimized_geotiff", "--full-check=yes", tmp_path / "r.tif")
        assert "is a valid cloud optimized GeoTIFF" in said
        assert not re.search("(?i)warning|error", said)


@pytest.mark.parametrize(
    "options", [["COMPRESS=ZSTD"], ["compress=lzw", "PREDICTOR=YES"], ["BLOCKSIZE=512", "LEVEL=9"]]
)
def test_creation_options_change_the_storage_but_no_pixel(tmp_path, rng, options):
    rows = rng.integers(0, 256, (1300, 1100), dtype=np.uint8)
    check_creation_options(options)
    write(tmp_path / "r.tif", "probability", rows, *options)
    assert_is_cog(tmp_path / "r.tif")
    with rasterio.open(tmp_path / "r.tif") as dataset:
        assert np.array_equal(dataset.read(1), rows)
        for option in options:
            name, value = option.lower().split("=")
            found = {"compress": dataset.profile["compress"], "blocksize": str(dataset.block_shapes[0][0])}
            assert found.get(name, value) == value


def test_another_compression_has_its_own_level(tmp_path, rng):
    """GDAL's default for ZSTD is 9; the level for DEFLATE is not used."""
    rows = np.cumsum(rng.integers(0, 3, (600, 600)), axis=1).astype(np.uint8)
    made = {}
    for options in (("COMPRESS=ZSTD",), ("COMPRESS=ZSTD", "LEVEL=9"), ("COMPRESS=ZSTD", "LEVEL=6")):
        write(tmp_path / "r.tif", "probability", rows, *options)
        made[options[1:]] = (tmp_path / "r.tif").read_bytes()
    assert made[()] == made[("LEVEL=9",)] != made[("LEVEL=6",)]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("COMPRESS", "not NAME=VALUE"),
        ("=ZSTD", "not NAME=VALUE"),
        ("COMPRESS=NONE_SUCH", "NONE_SUCH"),
        ("TILED=YES", "TILED"),
        ("BLOCKSIZE=7", "BLOCKSIZE"),
        ("LEVEL=99", "99"),
        ("COMPRESS=WEBP", "1 bands"),
        ("COMPRESS=JPEG", "change pixels"),
        ("TARGET_SRS=EPSG:3857", "change pixels"),
        ("TILING_SCHEME=GoogleMapsCompatible", "change pixels"),
        ("OVERVIEWS=NONE", "change pixels"),
    ],
)
def test_a_wrong_creation_option_is_refused_in_one_sentence(option, words, capfd):
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        check_creation_options([option])
    assert len(str(caught.value).splitlines()) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("command", ["extract", "predict", "vectorize", "batch"])
def test_every_command_checks_creation_options_before_any_work(tmp_path, write_scene, rng, capsys, command):
    scene = write_scene(rng.integers(0, 256, (3, 230, 230), dtype=np.uint8))
    out = {"batch": ["--out", tmp_path / "out", "--keep-mask"], "predict": [tmp_path / "p.tif"]}
    files = out.get(command, [tmp_path / "r.gpkg", "--mask", tmp_path / "m.tif"])
    before = sorted(tmp_path.iterdir())
    assert run([command, str(scene), *map(str, files), "--co", "COMPRESS=NONE_SUCH"]) == 1
    assert "creation options COMPRESS=NONE_SUCH" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_mask_says_how_it_was_made_and_is_read_back(tmp_path):
    rows = np.zeros((300, 200), np.uint8)
    rows[100:140] = 254
    grid = RasterGrid(300, 200, UTM, CRS)
    tags = {"ROAD_EXTRACT_VERSION": "1", "ROAD_EXTRACT_MODEL": "m sha256:0", "ROAD_EXTRACT_THRESHOLD": "0.3"}
    with open_probability_sink(tmp_path / "p.tif", grid, tags | {"ROAD_EXTRACT_TRUE_WIDTH": "yes"}) as sink:
        sink.write(rows)
    assert run(["vectorize", str(tmp_path / "p.tif"), str(tmp_path / "r.gpkg"), "--mask", str(tmp_path / "m.tif"),
                "--threshold", "0.4", "--co", "COMPRESS=ZSTD"]) == 0  # fmt: skip
    assert_is_cog(tmp_path / "m.tif")
    with ProbabilityRaster(str(tmp_path / "m.tif")) as mask:
        assert (mask.threshold, mask.model, mask.true_width, mask.is_mask) == (0.4, "m sha256:0", True, True)
    with rasterio.open(tmp_path / "m.tif") as dataset:
        assert dataset.profile["compress"] == "zstd"
        assert np.array_equal(dataset.read(1), rows // 254)


SCRIPT = """
import resource
from pathlib import Path
import numpy as np
from road_extract.io.raster import gdal_session
from tests.test_cog import write_tall
with gdal_session():
    write_tall(Path("a.tif"), 512)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_tall(Path("b.tif"), {rows})
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def write_tall(path: Path, rows: int) -> None:
    strip = np.random.default_rng(0).integers(0, 256, (256, 4000), dtype=np.uint8)
    with open_probability_sink(path, RasterGrid(rows, 4000, UTM, CRS), {}) as sink:
        for _ in range(0, rows, 256):
            sink.write(strip)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_memory_does_not_grow_with_the_raster(tmp_path):
    """The raster has 150 MB; GDAL's block cache holds 32 MB."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(rows=37_632)], cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "", "GDAL_CACHEMAX": "32"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert int(done.stdout) < 100_000
    assert_is_cog(tmp_path / "b.tif")
