"""Rasters as people have them: which are accepted, accepted with a note, or refused, and with which message.

`docs/inputs.md` contains the table that these tests check.
"""

from __future__ import annotations

import logging
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC

from road_extract.base.errors import InputError
from road_extract.base.windows import Window
from road_extract.io.raster import ProbabilityRaster, Scene, SceneView, find_problems, gdal_session, read_facts
from road_extract.io.raster.picture import read_picture
from road_extract.io.raster.unplaced import place_if_unplaced
from road_extract.prediction.preprocess import scale_scene
from tests.helpers.scenes import UTM

VIEW = SceneView(1.0)

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def rgb(rng):
    return rng.integers(0, 256, (3, 40, 50), dtype=np.uint8)


def whole(path: Path | str, **view) -> tuple[np.ndarray, np.ndarray, Scene]:
    """Pixels (rows, cols, bands) and validity of a scene on its own grid."""
    with gdal_session(), Scene(str(path), SceneView(1.0, native_gsd=True, **view)) as scene:
        scene.probe()
        return *scene.read(Window(0, 0, scene.grid.width, scene.grid.height)), scene


def unit(path: Path | str, **view) -> np.ndarray:
    """Brightness of a scene from 0 to 1, as the model gets it."""
    with gdal_session(), Scene(str(path), SceneView(1.0, native_gsd=True, **view)) as scene:
        scene.probe()
        pixels, _ = scene.read(Window(0, 0, scene.grid.width, scene.grid.height))
        scaling = scale_scene(scene, "none")
    return np.clip((pixels - np.array(scaling.low)) / (np.array(scaling.high) - np.array(scaling.low)), 0, 1)


def remarks(scene: Scene) -> str:
    return "; ".join(text for _, text in scene.remarks)


# side files


@pytest.mark.parametrize(
    ("driver", "name"), [("JPEG", "s.jpg"), ("PNG", "s.png"), ("GTiff", "s.tif"), ("WEBP", "s.webp")]
)
def test_files_beside_a_scene_are_read_and_none_is_written(tmp_path, rgb, driver, name):
    with rasterio.open(tmp_path / name, "w", driver=driver, width=50, height=40, count=3, dtype="uint8") as dataset:
        dataset.write(rgb)
    for old in tmp_path.glob("*.aux.xml"):
        old.unlink()
    numbers = ",".join(f"{value!r}" for value in UTM.to_gdal())
    (tmp_path / f"{name}.aux.xml").write_text(
        f"<PAMDataset><SRS>{CRS.from_epsg(32611).to_wkt()}</SRS><GeoTransform>{numbers}</GeoTransform>"
        + "".join(f'<PAMRasterBand band="{band}"><NoDataValue>0</NoDataValue></PAMRasterBand>' for band in (1, 2, 3))
        + "</PAMDataset>"
    )
    before = sorted(tmp_path.iterdir())
    _, _, scene = whole(tmp_path / name)
    assert scene.grid.transform.almost_equals(UTM)
    assert scene.grid.nodata == 0
    assert "UTM zone 11N" in scene.grid.crs
    with gdal_session():
        facts = read_facts(str(tmp_path / name))
    assert facts.crs == "WGS 84 / UTM zone 11N"
    assert sorted(tmp_path.iterdir()) == before


# bands by name


@pytest.mark.parametrize(
    ("names", "bands", "word"),
    [
        (("Blue", "Green", "Red", "NIR"), (3, 2, 1), "descriptions"),
        (("red", "green", "blue", "nir"), (1, 2, 3), "descriptions"),
        (("R", "G", "B", "N"), (1, 2, 3), "descriptions"),
        (("B02", "B03", "B04", "B08"), (3, 2, 1), "descriptions"),
        (("SR_B2", "SR_B3", "SR_B4", "SR_B5"), (3, 2, 1), "descriptions"),
        (("B8", "B4", "B3", "B2"), (2, 3, 4), "descriptions"),
        (
            ("B2, central wavelength 490 nm", "B3, central wavelength 560 nm", "B4, central wavelength 665 nm"),
            (3, 2, 1),
            "descriptions",
        ),
        (("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2"), (5, 3, 2), "descriptions"),
        (("Band 1 (Blue)", "Band 2 (Green)", "Band 3 (Red)", "Band 4 (NIR)"), (3, 2, 1), "descriptions"),
        (("Rot", "Grün", "Blau", "Infrarot"), (1, 2, 3), "descriptions"),
        (("Band 1", "Band 2", "Band 3", "Band 4"), (1, 2, 3), "does not name"),
        (("B1", "B2", "B3", "B4"), (1, 2, 3), "does not name"),
        (("B1", "B2", "B3", "B4", "B5", "B8"), (4, 3, 2), "descriptions"),
    ],
)
def test_bands_are_chosen_by_their_names(write_scene, names, bands, word):
    pixels = np.stack([np.full((20, 30), 10 * band, np.uint8) for band in range(1, len(names) + 1)])
    path = write_scene(pixels, photometric="MINISBLACK")
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = names
    found, _, scene = whole(path)
    assert scene.bands == bands
    assert found[0, 0].tolist() == [10 * band for band in bands]
    assert word in remarks(scene)
    _, _, scene = whole(path, bands=(1,))
    assert scene.bands == (1,)


@pytest.mark.parametrize("names", [("NIR", "Red", "Green"), ("Red", "", "")])
def test_bands_of_which_only_some_are_named_warn(write_scene, names):
    path = write_scene(np.zeros((3, 20, 30), np.uint16), photometric="MINISBLACK")
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = names
    _, _, scene = whole(path)
    assert scene.bands == (1, 2, 3)
    assert [level for level, text in scene.remarks if "names only some" in text] == [logging.WARNING]


def test_further_pages_of_a_tiff_are_reported(tmp_path, rgb):
    for more in ({}, {"APPEND_SUBDATASET": "YES"}):
        with rasterio.open(tmp_path / "p.tif", "w", driver="GTiff", width=50, height=40, count=3, dtype="uint8",
                           crs="EPSG:32611", transform=UTM, **more) as dataset:  # fmt: skip
            dataset.write(255 - rgb if more else rgb)
    found, _, scene = whole(tmp_path / "p.tif")
    assert np.array_equal(found, rgb.transpose(1, 2, 0))
    assert "1 of 2 rasters in the file" in remarks(scene)
    assert np.array_equal(whole(tmp_path / "p.tif", subdataset="2")[0], 255 - rgb.transpose(1, 2, 0))


def test_descriptions_take_precedence_over_colours_and_the_conflict_is_reported(write_scene, rgb):
    path = write_scene(rgb, photometric="RGB")
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("Blue", "Green", "Red")
    _, _, scene = whole(path)
    assert scene.bands == (3, 2, 1)
    assert [(level, "disagrees" in text) for level, text in scene.remarks] == [(logging.WARNING, True)]


def test_duplicate_band_names_are_reported(write_scene):
    path = write_scene(np.zeros((5, 20, 30), np.uint16), photometric="MINISBLACK")
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("red", "green", "blue", "red", "nir")
    _, _, scene = whole(path)
    assert any(level == logging.WARNING and "same names" in text for level, text in scene.remarks)


def test_wavelengths_name_bands(write_scene):
    path = write_scene(np.zeros((6, 20, 30), np.uint16), photometric="MINISBLACK")
    with rasterio.open(path, "r+") as dataset:
        for band, wave in enumerate((0.443, 0.49, 0.56, 0.665, 0.705, 0.842), 1):
            dataset.update_tags(band, wavelength=wave)
    assert whole(path)[2].bands == (4, 3, 2)


def test_what_a_catalogue_says_of_bands_comes_first(write_scene):
    path = write_scene(np.zeros((4, 20, 30), np.uint16), photometric="MINISBLACK")
    assert whole(path, known_bands=("B8", "B4", "B3", "B2"))[2].bands == (2, 3, 4)


def test_many_nameless_bands_are_refused_with_advice_that_works(write_scene):
    path = write_scene(np.zeros((7, 20, 30), np.uint16), photometric="MINISBLACK")
    with pytest.raises(InputError, match=r"--bands 1,2,3"):
        Scene(str(path), VIEW)
    assert whole(path, bands=(1, 2, 3))[2].bands == (1, 2, 3)


# value ranges


def test_bits_that_a_file_declares_are_its_range(write_scene):
    path = write_scene(np.arange(200, dtype=np.uint8).reshape(1, 10, 20) % 16, nbits=4)
    assert unit(path).max() == 1
    assert unit(path)[0, 8, 0] == pytest.approx(8 / 15)


@pytest.mark.parametrize("bits", [10, 11, 12, 15])
def test_few_bits_in_sixteen_fill_the_range(write_scene, rng, bits):
    found = unit(write_scene(rng.integers(0, 2**bits, (3, 60, 60)).astype(np.uint16)))
    assert found.max() == 1
    assert 0.4 < found.mean() < 0.6


def test_bytes_that_use_little_of_their_range_are_stretched_with_a_warning(write_scene, rng):
    path = write_scene(rng.integers(0, 32, (3, 60, 60)).astype(np.uint8))
    assert unit(path).max() == 1
    (level, text), *_ = [remark for remark in whole(path)[2].remarks if "white" in remark[1]]
    assert level == logging.WARNING
    assert "31 of 255" in text


@pytest.mark.parametrize(("low", "high"), [(8, 14), (20, 50), (40, 40)])
def test_dark_water_is_not_taken_for_a_scene_of_few_bits(write_scene, rng, low, high):
    path = write_scene(rng.integers(low, high + 1, (3, 60, 60)).astype(np.uint8))
    assert unit(path).max() == pytest.approx(high / 255)


def test_dark_bytes_with_a_bright_spot_are_left_as_they_are(write_scene):
    pixels = np.full((3, 200, 200), 30, np.uint8)
    pixels[:, 100, 100] = 200
    assert unit(write_scene(pixels)).max() == pytest.approx(200 / 255)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("float32", 0, 0.4), ("float64", 0, 1), ("float32", -5, 300), ("int16", -100, 10_000), ("uint32", 0, 5_000_000),
     ("int32", -70_000, 70_000), ("int8", -100, 100), ("uint16", 0, 65_535)],
)  # fmt: skip
def test_numbers_of_any_type_become_brightness(write_scene, rng, dtype, low, high):
    values = rng.uniform(low, high, (3, 60, 60))
    found = unit(write_scene(values.astype(dtype)))
    expected = (values.transpose(1, 2, 0) - low) / (high - low)
    assert np.abs(found - expected).max() < 0.08


def test_nan_and_infinity_are_no_data(write_scene):
    pixels = np.full((3, 20, 30), 0.5, np.float32)
    pixels[1, 3, 4], pixels[0, 5, 6] = np.nan, np.inf
    pixels[:, 0, 0] = 0.1
    found, valid, _ = whole(write_scene(pixels))
    assert np.argwhere(~valid).tolist() == [[3, 4], [5, 6]]
    assert np.isfinite(found).all()
    assert np.isfinite(unit(write_scene(pixels))).all()


def test_white_is_zero_is_inverted(write_scene):
    path = write_scene(np.array([[[0, 100, 255]]], np.uint8).repeat(20, 1), photometric="MINISWHITE")
    found, _, scene = whole(path)
    assert found[0, :, 0].tolist() == [255, 155, 0]
    assert "inverted" in remarks(scene)


@pytest.mark.parametrize("photometric", ["MINISBLACK", "MINISWHITE"])
def test_one_bit_is_black_and_white(write_scene, photometric):
    path = write_scene(np.array([[[0, 1, 0]]], np.uint8).repeat(20, 1), photometric=photometric, nbits=1)
    found, _, _ = whole(path)
    expected = [0, 255, 0] if photometric == "MINISBLACK" else [255, 0, 255]
    assert found[0, :, 0].tolist() == expected


def test_colour_tables_are_looked_up(write_scene):
    path = write_scene(np.array([[[0, 1, 2]]], np.uint8).repeat(20, 1), photometric="PALETTE")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (10, 20, 30, 255), 1: (200, 100, 0, 255), 2: (255, 255, 255, 255)})
    found, valid, scene = whole(path)
    assert found[0].tolist() == [[10, 20, 30], [200, 100, 0], [255, 255, 255]]
    assert valid.all()
    assert "colour table" in remarks(scene)
    assert whole(path, bands=(1,))[0].shape[2] == 3


def test_nodata_of_a_palette_stays(write_scene):
    path = write_scene(np.array([[[0, 1, 2]]], np.uint8).repeat(20, 1), photometric="PALETTE", nodata=1)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (10, 20, 30, 255), 1: (200, 100, 0, 255), 2: (255, 255, 255, 255)})
    assert whole(path)[1][0].tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("driver", "options"),
    [("JPEG", {}), ("GTiff", {"photometric": "YCBCR", "compress": "JPEG"}), ("GTiff", {"photometric": "CMYK"})],
)
def test_other_colour_spaces_come_as_red_green_blue(tmp_path, driver, options):
    """An orange scene: YCbCr as JPEG keeps it, CMYK as printers do."""
    cmyk = options.get("photometric") == "CMYK"
    colour = (0, 127, 255, 0) if cmyk else (255, 128, 0)
    pixels = np.array(colour, np.uint8)[:, None, None].repeat(40, 1).repeat(40, 2)
    path = tmp_path / "s"
    with rasterio.open(path, "w", driver=driver, width=40, height=40, count=len(colour), dtype="uint8",
                       crs="EPSG:32611", transform=UTM, **options) as dataset:  # fmt: skip
        dataset.write(pixels)
    found, valid, _ = whole(path)
    assert np.abs(found.astype(int) - (255, 128, 0)).max() <= 4
    assert valid.all()


def test_cmyk_jpeg(tmp_path):
    pixels = np.array((0, 127, 255, 0), np.uint8)[:, None, None].repeat(40, 1).repeat(40, 2)
    with rasterio.open(tmp_path / "s.jpg", "w", driver="JPEG", width=40, height=40, count=4, dtype="uint8",
                       crs="EPSG:32611", transform=UTM) as dataset:  # fmt: skip
        dataset.write(pixels)
    assert whole(tmp_path / "s.jpg")[0].shape[2] == 3


# pixels without data


def test_black_collars_are_reported_and_masked_on_request(write_scene, rgb):
    pixels = np.maximum(np.tile(rgb, (1, 10, 10)), 1)
    pixels[:, :100, :100] = 0
    path = write_scene(pixels)
    _, valid, scene = whole(path)
    assert valid.all()
    assert "--nodata auto" in remarks(scene)
    for nodata in ("auto", "0"):
        _, valid, scene = whole(path, nodata=nodata)
        assert not valid[:100, :100].any()
        assert valid[100:, 100:].all()
        assert "--nodata auto" not in remarks(scene)


def test_auto_finds_white_collars_and_leaves_a_scene_without_one(write_scene, rgb):
    dark = np.minimum(np.tile(rgb, (1, 10, 10)), 200)
    assert whole(write_scene(dark), nodata="auto")[1].all()
    dark[:, -90:, -90:] = 255
    assert not whole(write_scene(dark), nodata="auto")[1][-90:, -90:].any()


def test_a_scene_keeps_its_own_nodata_mask(write_scene, rgb):
    pixels = np.tile(rgb, (1, 10, 10))
    pixels[:, :100, :100] = 0
    _, valid, scene = whole(write_scene(pixels, nodata=7), nodata="auto")
    assert valid[0, 0]
    assert "already marks" in remarks(scene)


# place


def control_points() -> list[GroundControlPoint]:
    corners = ((0, 0), (0, 50), (40, 0), (40, 50))
    return [GroundControlPoint(row, col, *(UTM * (col, row))) for row, col in corners]


def test_control_points_place_a_scene(write_scene, rgb):
    path = write_scene(rgb, crs=None, transform=None)
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = (control_points(), CRS.from_epsg(32611))
    found, _, scene = whole(path)
    assert scene.grid.transform.almost_equals(UTM, 1e-3)
    assert np.abs(found[5:35, 5:45].astype(int) - rgb.transpose(1, 2, 0)[5:35, 5:45]).max() <= 1
    assert "ground control points" in remarks(scene)
    assert find_problems(str(path), VIEW) == []


def test_rpcs_place_a_scene_with_a_warning(write_scene, rgb):
    path = write_scene(rgb, crs=None, transform=None)
    rpcs = RPC(
        height_off=100, height_scale=500, lat_off=36.0, lat_scale=2e-4, line_off=20, line_scale=20, long_off=-116,
        long_scale=3e-4, samp_off=25, samp_scale=25, line_num_coeff=[0, 0, -1] + [0] * 17,
        line_den_coeff=[1] + [0] * 19, samp_num_coeff=[0, 1] + [0] * 18, samp_den_coeff=[1] + [0] * 19,
    )  # fmt: skip
    with rasterio.open(path, "r+") as dataset:
        dataset.rpcs = rpcs
    _, valid, scene = whole(path)
    assert "UTM zone 11N" in scene.grid.crs
    assert valid.mean() > 0.7
    assert [level for level, text in scene.remarks if "RPCs" in text] == [logging.WARNING]


def test_damaged_rpcs_are_none(write_scene, rgb):
    path = write_scene(rgb)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="RPC", LINE_OFF="x", SAMP_OFF="1")
    assert whole(path)[1].all()
    path = write_scene(rgb, crs=None, transform=None)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="RPC", LINE_OFF="x", SAMP_OFF="1")
    with pytest.raises(InputError, match="has no CRS"):
        Scene(str(path), VIEW)


@pytest.mark.parametrize("extension", ["wld", "tfw"])
def test_the_advice_for_a_scene_without_georeferencing_works(write_scene, rgb, extension):
    path = write_scene(rgb, crs=None, transform=None)
    with pytest.raises(InputError, match="has no CRS; specify it"):
        Scene(str(path), VIEW)
    with pytest.raises(InputError, match=r"world file next to it: six lines in scene\.wld"):
        Scene(str(path), SceneView(1.0, assume_crs="EPSG:32611"))
    path.with_suffix(f".{extension}").write_text("1\n0\n0\n-1\n665000.75\n4010000.25\n")
    _, _, scene = whole(path, assume_crs="EPSG:32611")
    assert scene.grid.transform.almost_equals(UTM)


@pytest.mark.parametrize("driver", ["PNG", "JPEG", "GTiff"])
def test_a_world_file_georeferences_images_too(tmp_path, rgb, driver):
    path = tmp_path / {"PNG": "s.png", "JPEG": "s.jpg", "GTiff": "s.tif"}[driver]
    with rasterio.open(path, "w", driver=driver, width=50, height=40, count=3, dtype="uint8") as dataset:
        dataset.write(rgb)
    path.with_suffix(".wld").write_text("1\n0\n0\n-1\n665000.75\n4010000.25\n")
    assert whole(path, assume_crs="EPSG:32611")[2].grid.transform.almost_equals(UTM)


@pytest.mark.parametrize("crs", ["EPSG:32611+5773", "EPSG:4979"])
def test_the_vertical_part_of_a_crs_is_dropped(write_scene, rgb, crs):
    degrees = Affine(1e-5, 0, -116, 0, -1e-5, 36)
    path = write_scene(rgb, crs=CRS.from_user_input(crs), transform=UTM if "32611" in crs else degrees)
    grid = whole(path)[2].grid
    assert CRS.from_wkt(grid.crs) == CRS.from_epsg(32611 if "32611" in crs else 4326)


def test_longitudes_are_counted_one_way(write_scene, rgb):
    grids = [
        whole(write_scene(rgb, f"{west}.tif", crs="EPSG:4326", transform=Affine(1e-5, 0, west, 0, -1e-5, 36)))[2].grid
        for west in (244.0, -116.0)
    ]
    assert grids[0].transform.almost_equals(grids[1].transform)
    path = write_scene(rgb, "b.tif", crs="EPSG:4326", transform=Affine(1e-5, 0, 244, 0, -1e-5, 36))
    for west in (244.0, -116.0):
        bounds = (west + 1e-4, 35.9998, west + 2e-4, 35.9999)
        assert whole(path, bounds=bounds)[2].grid.shape == (10, 10)


def test_a_picture_of_a_scene_counts_longitudes_as_its_roads_do(write_scene, rgb, tmp_path):
    from road_extract.io.raster.picture import read_picture

    path = write_scene(rgb, crs="EPSG:4326", transform=Affine(1e-5, 0, 244, 0, -1e-5, 36))
    picture, grid = read_picture(str(path), 50)
    assert grid.transform.c == pytest.approx(-116)
    assert picture.shape == (40, 50, 3)
    path = write_scene(rgb[:1].astype(np.float32) / 1000, "f.tif", crs=None)
    assert read_picture(str(path), 50, "EPSG:32611")[0].max() == 255


def test_scenes_on_both_sides_of_the_antimeridian_lie_side_by_side(write_scene, tmp_path):
    from road_extract.io.raster import plan_mosaic
    from road_extract.io.raster.mosaic import write_mosaic
    from road_extract.io.raster.sink import open_probability_sink

    paths = []
    for west, value in ((179.999, 100), (-180.0, 200)):
        pixels = np.full((1, 40, 100), value, np.uint8)
        paths.append(write_scene(pixels, f"{value}.tif", crs="EPSG:4326", nodata=255,
                                 transform=Affine(1e-5, 0, west, 0, -1e-5, 5)))  # fmt: skip
    grid = plan_mosaic([whole(path)[2].grid for path in paths])
    assert grid.shape == (40, 200)
    with open_probability_sink(tmp_path / "m.tif", grid, {}) as sink:
        write_mosaic(paths, grid, sink)
    with rasterio.open(tmp_path / "m.tif") as dataset:
        assert dataset.read(1)[20, [0, 99, 100, 199]].tolist() == [100, 100, 200, 200]


def test_an_unknown_projection_is_one_sentence(write_scene, rgb):
    crs = CRS.from_epsg(32611).to_wkt().replace("Transverse_Mercator", "Cube")
    path = write_scene(rgb)
    place = f"<SRS>{crs}</SRS><GeoTransform>665000,1,0,4010000,0,-1</GeoTransform>"
    text = f"<VRTDataset rasterXSize='50' rasterYSize='40'>{place}"
    band = f"<SimpleSource><SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
    vrt = path.with_suffix(".vrt")
    vrt.write_text(f"{text}<VRTRasterBand dataType='Byte' band='1'>{band}</VRTRasterBand></VRTDataset>")
    with pytest.raises(InputError, match=r"PROJ knows no way.*--assume-crs EPSG"):
        Scene(str(vrt), VIEW)
    assert "UTM zone 11N" in whole(vrt, assume_crs="EPSG:32611")[2].grid.crs


# colour interpretations beyond GDAL's and rasterio's


def test_unknown_colours_cause_no_traceback(write_scene, rgb, monkeypatch):
    path = write_scene(rgb)

    def fail(self):
        raise rasterio._err.CPLE_AppDefinedError(3, 1, "unknown")

    from road_extract.io.raster import bands

    with rasterio.open(path) as dataset:

        class Broken:
            count = dataset.count
            colorinterp = property(fail)

        assert bands.colours_of(Broken()) == ("undefined",) * 3


# containers


def test_the_only_raster_of_an_archive_is_opened(write_scene, rgb, tmp_path):
    path = write_scene(rgb)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.write(path, "data/scene.tif")
        archive.writestr("readme.txt", "hello")
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        archive.add(path, "scene.tif")
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as archive:
        archive.add(path, "scene.tif")
    for name in ("s.zip", "s.tar", "s.tar.gz"):
        assert np.array_equal(whole(tmp_path / name)[0], rgb.transpose(1, 2, 0))


def test_an_archive_of_several_rasters_lists_names_that_work(write_scene, rgb, tmp_path):
    path = write_scene(rgb)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.write(path, "a.tif")
        archive.write(path, "b.tif")
    with pytest.raises(InputError, match="contains 2 files; name one: ") as error:
        Scene(str(tmp_path / "s.zip"), VIEW)
    name = str(error.value).rpartition(", ")[2]
    assert name == f"/vsizip/{{{tmp_path}/s.zip}}/b.tif"
    assert np.array_equal(whole(name)[0], rgb.transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"PK\x03\x04 no archive", "cannot be read as an archive"), (b"", "cannot be read as an archive")],
)
def test_a_broken_archive_is_one_sentence(tmp_path, content, words):
    for name in ("s.zip", "s.tar.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=words):
            Scene(str(tmp_path / name), VIEW)


def test_an_archive_without_a_raster_is_one_sentence(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match="holds no file of a known kind"):
        Scene(str(tmp_path / "s.zip"), VIEW)


def test_subdatasets_are_listed_and_chosen(write_scene, rgb, tmp_path):
    """A GeoPackage of two rasters."""
    path = tmp_path / "s.gpkg"
    for table, options in (("first", {}), ("second", {"APPEND_SUBDATASET": "YES"})):
        with rasterio.open(path, "w", driver="GPKG", width=50, height=40, count=3, dtype="uint8", crs="EPSG:32611",
                           transform=UTM, RASTER_TABLE=table, **options) as dataset:  # fmt: skip
            dataset.write(rgb if table == "first" else 255 - rgb)
    with pytest.raises(InputError, match=r"--subdataset: 1 first, 2 second"):
        Scene(str(path), VIEW)
    with pytest.raises(InputError, match="none of them 'third'"):
        Scene(str(path), SceneView(1.0, subdataset="third"))
    for wanted in ("2", "second"):
        assert np.abs(whole(path, subdataset=wanted)[0].astype(int) - (255 - rgb.transpose(1, 2, 0))).mean() < 40


def test_a_missing_driver_is_named(tmp_path):
    (tmp_path / "s.ecw").write_bytes(b"ecw")
    with pytest.raises(InputError, match="no driver for ECW; a GeoTIFF made of it"):
        Scene(str(tmp_path / "s.ecw"), VIEW)


# masks and probabilities


def mask_file(path: Path, values: np.ndarray, driver: str = "GTiff", **profile) -> Path:
    bands = values if values.ndim == 3 else values[None]
    settings = {"crs": "EPSG:32611", "transform": UTM} | profile
    with rasterio.open(path, "w", driver=driver, count=len(bands), height=bands.shape[1], width=bands.shape[2],
                       dtype=bands.dtype, **settings) as dataset:  # fmt: skip
        dataset.write(bands)
    return path


def probabilities(path: Path) -> tuple[np.ndarray, np.ndarray, bool]:
    with ProbabilityRaster(str(path)) as raster:
        ((_, found, valid),) = raster.iter_strips()
        ((_, road, valid_too, levels),) = raster.iter_levels(0.5)
    assert np.array_equal(valid, valid_too)
    assert np.array_equal(road, valid & (found >= 0.5))
    assert np.array_equal(levels[valid], np.rint(found * 254)[valid])
    return found, valid, raster.is_mask


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "is_mask"),
    [
        ((0, 1, 1), "uint8", (0, 1, 1), True),
        ((0, 255, 255), "uint8", (0, 1, 1), True),
        ((0, 255, 255), "uint16", (0, 1, 1), True),
        ((0, 255, 255), "int16", (0, 1, 1), True),
        ((0, 100, 100), "uint8", (0, 1, 1), True),
        ((0, 50, 100), "uint8", (0, 0.5, 1), False),
        ((0, 1, 255), "uint8", (0, 1 / 255, 1), False),
        ((0, 128, 255), "uint8", (0, 128 / 255, 1), False),
        ((0, 0, 0), "uint8", (0, 0, 0), True),
        ((0, 0.5, 1), "float32", (0, 0.5, 1), False),
        ((0, 1, 1), "float64", (0, 1, 1), True),
        ((0, 255, 255), "float32", (0, 1, 1), True),
        ((0, 100, 100), "float64", (0, 1, 1), True),
        ((0, 37.5, 100), "float32", (0, 0.375, 1), False),
        ((0, 127.5, 255), "float32", (0, 0.5, 1), False),
        ((0, 0.5, 1.00001), "float32", (0, 0.5, 1), False),
        ((0, 50, 100.001), "float32", (0, 0.5, 1), False),
    ],
)
def test_numbers_of_masks_and_probabilities(tmp_path, values, dtype, expected, is_mask):
    found, valid, mask = probabilities(mask_file(tmp_path / "m.tif", np.array([values], dtype)))
    assert found[0].tolist() == pytest.approx(expected)
    assert valid.all()
    assert mask == is_mask


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, 255), "255 is taken as road and 0 as no road"),
        ((0, 100), "100 is taken as road and 0 as no road"),
        ((0, 37.5, 100), "values are taken as percentages"),
        ((0, 37.5, 255), "values from 0 to 255 are taken as probabilities from 0 to 1"),
    ],
)
def test_what_fractions_mean_is_told(tmp_path, caplog, values, words):
    caplog.set_level(logging.INFO)
    probabilities(mask_file(tmp_path / "m.tif", np.array([values], "float32")))
    assert words in caplog.text


@pytest.mark.parametrize("values", [(0, 1.7), (0, -0.5), (0, 300), (0, np.inf)])
def test_fractions_that_mean_nothing_are_refused(tmp_path, values):
    with pytest.raises(InputError, match="contains "):
        ProbabilityRaster(str(mask_file(tmp_path / "m.tif", np.array([values], "float32"))))


@pytest.mark.parametrize(("dtype", "road"), [("uint8", 1), ("uint8", 255), ("float64", 1), ("int16", 1)])
def test_nodata_that_is_the_background_means_no_road(tmp_path, caplog, dtype, road):
    caplog.set_level(logging.INFO)
    found, valid, _ = probabilities(mask_file(tmp_path / "m.tif", np.array([[0, road, 0]], dtype), nodata=0))
    assert valid.all()
    assert found[0].tolist() == [0, 1, 0]
    assert "background of a mask" in caplog.text


def test_a_float_probability_keeps_its_nodata(tmp_path):
    _, valid, _ = probabilities(mask_file(tmp_path / "m.tif", np.array([[0, 0.3, 0.8]], "float32"), nodata=0))
    assert valid[0].tolist() == [False, True, True]


def test_a_mask_whose_only_other_value_is_nodata_is_reported(tmp_path, caplog):
    _, valid, _ = probabilities(mask_file(tmp_path / "m.tif", np.array([[0, 255, 0]], np.uint8), nodata=255))
    assert valid[0].tolist() == [True, False, True]
    assert "if 255 means road" in caplog.text


def test_masks_as_pictures_of_three_equal_bands(tmp_path):
    values = np.array([[0, 255, 0]], np.uint8)
    found, _, mask = probabilities(mask_file(tmp_path / "m.png", np.stack([values] * 3), "PNG"))
    assert mask
    assert found[0].tolist() == [0, 1, 0]


def test_a_grey_picture_of_three_bands_is_no_mask(tmp_path, rgb):
    with pytest.raises(InputError, match="has 3 bands"):
        ProbabilityRaster(str(mask_file(tmp_path / "m.tif", np.stack([rgb[0]] * 3))))


def test_classes_are_no_percentages(tmp_path):
    with pytest.raises(InputError, match="values from 0 to 9"):
        ProbabilityRaster(str(mask_file(tmp_path / "m.tif", np.array([[0, 5, 9]], np.uint8))))


# advice that works for every command


def test_a_full_name_of_a_raster_is_taken_by_commands_without_subdataset(tmp_path, write_scene):
    from road_extract import evaluate, vectorize_roads

    values = np.zeros((1, 60, 80), np.uint8)
    values[:, 20:28] = 1
    for table, more in (("first", {}), ("second", {"APPEND_SUBDATASET": "YES"})):
        mask_file(tmp_path / "m.gpkg", np.repeat(values * 255, 3, axis=0), "GPKG", RASTER_TABLE=table,
                  TILE_FORMAT="PNG", **more)  # fmt: skip
    with pytest.raises(InputError, match="give the full name of one") as error:
        vectorize_roads(tmp_path / "m.gpkg", tmp_path / "r.gpkg")
    name = str(error.value).partition("as in ")[2].partition(", or its number")[0]
    assert vectorize_roads(name, tmp_path / "r.gpkg").polygons == 1
    found = evaluate(Path(name), write_scene(values, "t.tif"))
    assert found is not None


def test_a_picture_of_many_nameless_bands_takes_the_advice(tmp_path, rng, write_scene):
    scene = write_scene(rng.integers(1, 255, (7, 40, 50), dtype=np.uint8), photometric="MINISBLACK")
    with pytest.raises(InputError, match="--bands 1,2,3"):
        read_picture(str(scene), 50)
    picture, _ = read_picture(str(scene), 50, wanted=(3, 2, 1))
    assert picture.shape == (40, 50, 3)


def test_a_scene_for_quantizing_takes_the_advice(tmp_path, rgb):
    for table, more in (("first", {}), ("second", {"APPEND_SUBDATASET": "YES"})):
        mask_file(tmp_path / "s.gpkg", rgb, "GPKG", RASTER_TABLE=table, **more)
    with pytest.raises(InputError, match="--subdataset: 1 first, 2 second"):
        place_if_unplaced(tmp_path / "s.gpkg", 1.0)
    name = place_if_unplaced(tmp_path / "s.gpkg", 1.0, subdataset="2")
    assert whole(name, subdataset="2")[0].shape == (40, 50, 3)
