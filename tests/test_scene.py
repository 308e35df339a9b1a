from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from road_extract.base.errors import InputError
from road_extract.base.geodesy import pixel_size_m
from road_extract.base.windows import Window
from road_extract.io.raster import Scene, SceneView, gdal_session
from tests.helpers.scenes import UTM

VIEW = SceneView(gsd_m=1.0)


def coordinates(bands: int, rows: int, cols: int, dtype: str = "uint16") -> np.ndarray:
    """Every pixel encodes its position: row * 100 + col + band."""
    row, col = np.indices((rows, cols))
    return np.stack([row * 100 + col + band for band in range(bands)]).astype(dtype)


@pytest.mark.parametrize("storage", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 32}, {"blockysize": 7}])
def test_a_window_reads_the_pixels_at_its_position(write_scene, storage):
    pixels = coordinates(3, 70, 45)
    with Scene(str(write_scene(pixels, **storage)), VIEW) as scene:
        assert (scene.grid.height, scene.grid.width) == (70, 45)
        assert not scene.resampled
        read, valid = scene.read(Window(col_off=5, row_off=40, width=30, height=20))
    assert np.array_equal(read, pixels[:, 40:60, 5:35].transpose(1, 2, 0))
    assert valid.all()


@pytest.mark.parametrize("angle", [0, 30, -100])
def test_the_transform_is_kept_exactly_also_rotated(write_scene, angle):
    transform = UTM * Affine.rotation(angle)
    with Scene(str(write_scene(coordinates(1, 30, 20), transform=transform)), VIEW) as scene:
        assert scene.grid.transform == transform
        assert scene.grid.window_transform(Window(3, 7, 5, 5)) * (0, 0) == pytest.approx(transform * (3, 7))


@pytest.mark.parametrize("kind", ["nodata", "mask", "alpha"])
def test_invalid_pixels_are_recognized_however_the_file_marks_them(write_scene, rng, kind):
    pixels = rng.integers(1, 255, (3, 40, 30), dtype=np.uint8)
    hole = np.zeros((40, 30), bool)
    hole[10:20, 5:9] = True
    if kind == "nodata":
        pixels[:, hole] = 0
        path = write_scene(pixels, nodata=0)
    elif kind == "mask":
        path = write_scene(pixels, mask=~hole)
    else:
        alpha = np.where(hole, 0, 255).astype(np.uint8)
        path = write_scene(np.concatenate([pixels, alpha[None]]), photometric="RGB", alpha="yes")
    with Scene(str(path), VIEW) as scene:
        assert scene.bands == (1, 2, 3)
        _, valid = scene.read(Window(0, 0, 30, 40))
    assert np.array_equal(valid, ~hole)


@pytest.mark.parametrize(
    ("bands", "wanted", "expected"),
    [(1, None, (1,)), (3, None, (1, 2, 3)), (4, None, (1, 2, 3)), (5, (5, 3, 2), (5, 3, 2)), (2, (2,), (2,))],
)
def test_bands_are_chosen(write_scene, bands, wanted, expected):
    path = write_scene(coordinates(bands, 20, 30), photometric="MINISBLACK")
    with Scene(str(path), SceneView(1.0, bands=wanted)) as scene:
        assert scene.bands == expected
        pixels, _ = scene.read(Window(0, 0, 30, 20))
    assert pixels[0, 0].tolist() == [band - 1 for band in expected]


def test_bands_named_blue_green_red_are_put_in_order(write_scene):
    path = write_scene(coordinates(3, 20, 30, "uint8"))
    with rasterio.open(path, "r+") as dataset:
        colour = rasterio.enums.ColorInterp
        dataset.colorinterp = (colour.blue, colour.green, colour.red)
    with Scene(str(path), VIEW) as scene:
        assert scene.bands == (3, 2, 1)


def test_grey_with_alpha_is_grey(write_scene):
    path = write_scene(coordinates(2, 20, 30, "uint8"), photometric="MINISBLACK", alpha="yes")
    with Scene(str(path), VIEW) as scene:
        assert scene.bands == (1,)


def test_within_a_tenth_of_the_models_gsd_the_grid_is_kept(write_scene):
    for size, kept in ((0.92, True), (1.08, True), (0.85, False), (1.2, False)):
        transform = Affine(size, 0, 665000, 0, -size, 4010000)
        with Scene(str(write_scene(coordinates(1, 60, 80), transform=transform)), VIEW) as scene:
            assert scene.resampled is not kept
        with Scene(
            str(write_scene(coordinates(1, 60, 80), transform=transform)), SceneView(1.0, native_gsd=True)
        ) as scene:
            assert not scene.resampled


def test_downsampling_averages_pixels_on_the_ground(write_scene):
    """0.5 m to 1 m: every value is the mean of 2 x 2 pixels, and the grid covers the same area."""
    pixels = coordinates(1, 60, 80)
    transform = Affine(0.5, 0, 665000, 0, -0.5, 4010000)
    with Scene(str(write_scene(pixels, transform=transform)), VIEW) as scene:
        assert (scene.grid.height, scene.grid.width) == (30, 40)
        assert scene.grid.transform == Affine(1, 0, 665000, 0, -1, 4010000)
        read, _ = scene.read(Window(4, 10, 20, 15))
    means = pixels[0].reshape(30, 2, 40, 2).mean(axis=(1, 3))
    assert np.abs(read[..., 0] - means[10:25, 4:24]).max() <= 0.51  # rounded to integers


def test_upsampling_interpolates_in_place(write_scene):
    pixels = coordinates(1, 30, 40)
    transform = Affine(2, 0, 665000, 0, -2, 4010000)
    with Scene(str(write_scene(pixels, transform=transform)), VIEW) as scene:
        assert (scene.grid.height, scene.grid.width) == (60, 80)
        read, _ = scene.read(Window(10, 10, 60, 40))
    row, col = np.indices((60, 80))[:, 10:50, 10:70]
    exact = ((row + 0.5) / 2 - 0.5) * 100 + (col + 0.5) / 2 - 0.5
    assert np.abs(read[..., 0] - exact).max() <= 0.51


def test_downsampling_excludes_invalid_pixels_from_the_mean(write_scene):
    pixels = np.full((1, 40, 40), 200, np.uint8)
    pixels[0, :, :21] = 0
    transform = Affine(0.25, 0, 665000, 0, -0.25, 4010000)
    with Scene(str(write_scene(pixels, transform=transform, nodata=0)), VIEW) as scene:
        read, valid = scene.read(Window(0, 0, 10, 10))
    assert valid[:, 5:].all()
    assert not valid[:, :5].any()
    assert (read[valid] == 200).all()


def test_degrees_are_resampled_to_square_pixels_on_the_ground(write_scene):
    """At 60 degrees north, a degree of longitude is half as long as a degree of latitude."""
    transform = Affine(1e-5, 0, 25.0, 0, -1e-5, 60.0)
    with Scene(str(write_scene(coordinates(1, 300, 400), crs="EPSG:4326", transform=transform)), VIEW) as scene:
        assert scene.native_gsd_m == pytest.approx((0.558, 1.114), abs=0.002)
        assert pixel_size_m(scene.grid) == pytest.approx((1.0, 1.0), rel=0.003)
        assert scene.grid.transform * (scene.grid.width, scene.grid.height) == pytest.approx(transform * (400, 300))


def test_web_mercator_is_measured_on_the_ground(write_scene):
    transform = Affine(1.0, 0, 2_783_000, 0, -1.0, 8_399_000)  # near Helsinki, 60 degrees north
    with Scene(str(write_scene(coordinates(1, 30, 40), crs="EPSG:3857", transform=transform)), VIEW) as scene:
        assert scene.native_gsd_m == pytest.approx((0.5, 0.5), abs=0.005)


def test_bounds_take_the_pixels_they_touch(write_scene):
    pixels = coordinates(1, 50, 60)
    path = str(write_scene(pixels))
    xmin, ymax = UTM * (10, 20)
    with Scene(path, SceneView(1.0, bounds=(xmin, ymax - 15, xmin + 25.5, ymax))) as scene:
        assert (scene.grid.height, scene.grid.width) == (15, 26)
        assert scene.grid.transform * (0, 0) == UTM * (10, 20)
        read, _ = scene.read(Window(0, 0, 26, 15))
    assert np.array_equal(read[..., 0], pixels[0, 20:35, 10:36])
    with pytest.raises(InputError, match="do not touch the scene"):
        Scene(path, SceneView(1.0, bounds=(0, 0, 10, 10)))
    with pytest.raises(InputError, match="XMIN < XMAX"):
        Scene(path, SceneView(1.0, bounds=(10, 0, 0, 10)))


def test_outside_the_area_of_interest_pixels_are_invalid(write_scene):
    area = shapely.box(*(UTM * (10, 30)), *(UTM * (40, 5)))
    path = str(write_scene(coordinates(1, 50, 60)))
    with Scene(path, SceneView(1.0, aoi=lambda crs, near: area)) as scene:
        _, valid = scene.read(Window(0, 0, 60, 50))
    expected = np.zeros((50, 60), bool)
    expected[5:30, 10:40] = True
    assert np.array_equal(valid, expected)
    with pytest.raises(InputError, match="does not touch"):
        Scene(path, SceneView(1.0, aoi=lambda crs, near: shapely.box(0, 0, 1, 1)))


def test_a_mosaic_reads_like_its_parts(write_scene, tmp_path):
    left, right = coordinates(3, 40, 30), coordinates(3, 40, 25) + 7
    write_scene(left, "left.tif")
    write_scene(right, "right.tif", transform=UTM * Affine.translation(30, 0))
    band = "".join(
        f"""<SimpleSource><SourceFilename relativeToVRT="1">{name}.tif</SourceFilename><SourceBand>{{band}}</SourceBand>
        <SrcRect xOff="0" yOff="0" xSize="{width}" ySize="40"/>
        <DstRect xOff="{off}" yOff="0" xSize="{width}" ySize="40"/></SimpleSource>"""
        for name, width, off in (("left", 30, 0), ("right", 25, 30))
    )
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{b}">{band.format(band=b)}</VRTRasterBand>' for b in (1, 2, 3)
    )
    geo = ",".join(map(repr, UTM.to_gdal()))
    (tmp_path / "mosaic.vrt").write_text(
        f'<VRTDataset rasterXSize="55" rasterYSize="40"><SRS>EPSG:32611</SRS><GeoTransform>{geo}</GeoTransform>'
        f"{bands}</VRTDataset>"
    )
    with Scene(str(tmp_path / "mosaic.vrt"), VIEW) as scene:
        read, _ = scene.read(Window(20, 5, 30, 30))
    expected = np.concatenate([left, right], axis=2)[:, 5:35, 20:50]
    assert np.array_equal(read, expected.transpose(1, 2, 0))


@pytest.mark.parametrize("rows", [30, 5000])
def test_the_sample_comes_from_all_over_the_scene(write_scene, rows):
    pixels = np.repeat(np.arange(rows, dtype=np.uint16)[None, :, None], 3400, axis=2)
    with Scene(str(write_scene(pixels, compress="deflate")), VIEW) as scene:
        sample, valid = scene.sample()
    assert sample.shape[:2] == valid.shape
    assert sample.size <= 2_100_000
    assert sample.min() <= max(2, rows * 0.02)
    assert sample.max() >= min(rows - 3, rows * 0.98)


def broken_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("bands", "dtype", "profile", "words"),
    [
        (2, "uint8", {"photometric": "MINISBLACK"}, "has 2 bands"),
        (7, "uint16", {"photometric": "MINISBLACK"}, "has 7 bands"),
        (3, "complex64", {}, "complex numbers"),
        (3, "uint8", {"crs": None}, "has no CRS"),
        (3, "uint8", {"transform": Affine.identity()}, "no geotransform"),
        (3, "uint8", {"transform": Affine(1, 0, 5, 0, 0, 5)}, "no area"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_unusable_scenes_are_explained(write_scene, bands, dtype, profile, words):
    path = write_scene(np.zeros((bands, 20, 30), dtype), **profile)
    with pytest.raises(InputError, match=words):
        Scene(str(path), VIEW)


def test_files_that_are_not_rasters_are_explained(tmp_path):
    for name, content in (("text.tif", b"hello"), ("empty.tif", b"")):
        with pytest.raises(InputError, match="cannot be opened as a raster"):
            Scene(str(broken_file(tmp_path / name, content)), VIEW)
    with pytest.raises(InputError, match="cannot be opened as a raster"):
        Scene(str(tmp_path / "missing.tif"), VIEW)


def test_truncated_data_is_an_input_error(write_scene, rng):
    path = write_scene(rng.integers(0, 255, (3, 200, 300), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with Scene(str(path), VIEW) as scene, pytest.raises(InputError, match="damaged, cut short"):
        scene.read(Window(0, 150, 300, 50))


def test_a_crs_can_be_assumed_but_only_a_real_one(write_scene):
    path = str(write_scene(np.zeros((3, 20, 30), np.uint8), crs=None))
    with Scene(path, SceneView(1.0, assume_crs="EPSG:32611")) as scene:
        assert "UTM zone 11N" in scene.grid.crs
    with pytest.raises(InputError, match="not a known CRS"):
        Scene(path, SceneView(1.0, assume_crs="EPSG:999999"))


@pytest.mark.parametrize(("dtype", "alpha"), [("uint8", 100), ("uint16", 255), ("uint16", 65535)])
@pytest.mark.parametrize("size", [1.0, 0.25])
def test_any_alpha_above_zero_is_valid_on_every_grid(write_scene, dtype, alpha, size):
    pixels = np.full((4, 40, 40), 50, dtype)
    pixels[3] = alpha
    pixels[3, :, :20] = 0
    path = write_scene(pixels, photometric="RGB", alpha="yes", transform=Affine(size, 0, 665000, 0, -size, 4010000))
    with Scene(str(path), VIEW) as scene:
        _, valid = scene.read(Window(0, 0, scene.grid.width, scene.grid.height))
    half = valid.shape[1] // 2
    assert valid[:, half:].all()
    assert not valid[:, :half].any()


def test_the_sample_finds_the_little_data_of_a_large_scene(write_scene):
    pixels = np.zeros((1, 4500, 4500), np.uint16)
    pixels[0, 1000:1040, 2010:2050] = 700
    with Scene(str(write_scene(pixels, nodata=0, compress="deflate")), VIEW) as scene:
        sample, valid = scene.sample()
    assert valid.any()
    assert (sample[valid] == 700).all()


def test_pixels_are_measured_next_to_a_pole(write_scene):
    transform = Affine(1e-3, 0, 25.0, 0, -1e-5, 89.9999)
    with Scene(str(write_scene(coordinates(1, 8, 60), crs="EPSG:4326", transform=transform)), VIEW) as scene:
        assert scene.native_gsd_m[1] == pytest.approx(1.117, abs=0.01)


def test_blocks_are_decoded_once_while_neighbouring_windows_are_read(write_scene, rng, monkeypatch):
    """Repeated reads come from memory: the data are still available after the file has been erased."""
    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    pixels = rng.integers(0, 255, (3, 1024, 1024), dtype=np.uint8)
    path = write_scene(pixels, tiled=True, blockxsize=256, blockysize=256, compress="deflate")
    with gdal_session(), Scene(str(path), VIEW) as scene:
        scene.read(Window(0, 0, 1024, 1024))
        path.write_bytes(bytes(path.stat().st_size))
        read, _ = scene.read(Window(100, 100, 900, 900))
    assert np.array_equal(read, pixels[:, 100:1000, 100:1000].transpose(1, 2, 0))
