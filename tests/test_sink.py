from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import rasterio

from road_extract.base.errors import InputError, OutputError
from road_extract.base.grid import RasterGrid
from road_extract.io.raster import ProbabilityRaster, open_mask_sink, open_probability_sink
from tests.helpers.scenes import UTM

CRS = rasterio.crs.CRS.from_epsg(32611).to_wkt()


def grid(rows: int, cols: int) -> RasterGrid:
    return RasterGrid(rows, cols, UTM, CRS)


@pytest.mark.parametrize("strip_rows", [1, 100, 256, 700, 1111])
def test_strips_of_any_height_become_one_raster(tmp_path, rng, strip_rows):
    rows = rng.integers(0, 256, (1111, 700), dtype=np.uint8)
    path = tmp_path / "p.tif"
    with open_probability_sink(path, grid(1111, 700), {"MAKER": "test"}) as sink:
        for start in range(0, 1111, strip_rows):
            sink.write(rows[start : start + strip_rows])
    with rasterio.open(path) as dataset:
        assert np.array_equal(dataset.read(1), rows)
        assert dataset.transform == UTM
        assert dataset.crs.to_epsg() == 32611
        assert dataset.nodata == 255
        assert dataset.scales[0] * 254 == pytest.approx(1)
        assert dataset.block_shapes == [(256, 256)]
        assert dataset.overviews(1) == [2, 4]
        assert dataset.tags()["MAKER"] == "test"
        assert dataset.profile["compress"] == "deflate"
    assert [p.name for p in tmp_path.iterdir()] == ["p.tif"]


def test_the_same_rows_give_the_same_bytes(tmp_path, rng):
    rows = rng.integers(0, 256, (600, 300), dtype=np.uint8)
    for name, step in (("a.tif", 600), ("b.tif", 77)):
        with open_mask_sink(tmp_path / name, grid(600, 300), {}) as sink:
            for start in range(0, 600, step):
                sink.write(rows[start : start + step])
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def write_and_be_interrupted(path):
    with open_mask_sink(path, grid(600, 300), {}) as sink:
        sink.write(np.zeros((300, 300), np.uint8))
        raise KeyboardInterrupt


def test_an_error_while_writing_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "p.tif"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_and_be_interrupted(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["p.tif"]


def test_missing_rows_are_an_error(tmp_path):
    with (
        pytest.raises(OutputError, match="got 300 of 600 rows"),
        open_mask_sink(tmp_path / "p.tif", grid(600, 300), {}) as sink,
    ):
        sink.write(np.zeros((300, 300), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [5_000, 200_000, 600_000, 1_300_000, 1_400_000, 1_600_000])
@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits")
def test_a_full_disk_is_an_output_error_wherever_it_strikes(tmp_path, limit):
    """The whole file, with overviews, is about 1.7 MB, so each part of it exceeds one of the limits."""
    script = f"""
        import resource, signal
        from pathlib import Path
        import numpy as np
        from road_extract.base.errors import OutputError
        from road_extract.io.raster import open_probability_sink
        from tests.test_sink import grid
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        try:
            with open_probability_sink(Path("p.tif"), grid(1200, 1100), {{}}) as sink:
                sink.write(np.random.default_rng(0).integers(0, 256, (1200, 1100), dtype=np.uint8))
        except OutputError as error:
            print("refused:", error)
    """
    from tests.helpers.paths import REPOSITORY

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY), "PATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "refused: p.tif" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def write_band(path, values, **profile):
    settings = {"crs": CRS, "transform": UTM, "dtype": values.dtype} | profile
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=values.shape[0], width=values.shape[1], **settings
    ) as d:
        d.write(values, 1)


def read_all(path):
    with ProbabilityRaster(str(path)) as raster:
        parts = list(raster.iter_strips())
        return np.concatenate([p for _, p, _ in parts]), np.concatenate([v for _, _, v in parts]), raster


def test_written_rasters_are_read_back_as_probability(tmp_path):
    stored = np.arange(256, dtype=np.uint8).repeat(3).reshape(-1, 3)
    with open_probability_sink(tmp_path / "p.tif", grid(256, 3), {"ROAD_EXTRACT_THRESHOLD": "0.125"}) as sink:
        sink.write(stored)
    probability, valid, raster = read_all(tmp_path / "p.tif")
    assert raster.threshold == 0.125
    assert not raster.is_mask
    assert np.array_equal(valid, stored != 255)
    assert np.allclose(probability[valid], stored[valid] / 254, atol=1e-7)


@pytest.mark.parametrize("scale", [1 / 254, 1 / 255, 1 / 100, 1.0, 3.0])
@pytest.mark.parametrize("threshold", [0.0, 0.354, 0.5, 1.0])
def test_levels_of_8_bit_values_match_their_probabilities(tmp_path, rng, scale, threshold):
    """8-bit values are looked up, other types are computed; 254 times 1 / 254 rounds to more than 1."""
    values = rng.integers(0, min(254, int(1.0001 / scale)), (40, 30), dtype=np.uint8, endpoint=True)
    values[rng.random(values.shape) < 0.1] = 255
    for name, dtype in (("bytes.tif", np.uint8), ("words.tif", np.uint16)):
        write_band(tmp_path / name, values.astype(dtype), nodata=255)
        with rasterio.open(tmp_path / name, "r+") as dataset:
            dataset.scales = (scale,)
    found = []
    for name in ("bytes.tif", "words.tif"):
        with ProbabilityRaster(str(tmp_path / name)) as raster:
            (strip,) = raster.iter_levels(threshold)
            ((_, probability, valid),) = raster.iter_strips()
        assert np.array_equal(strip[1], valid & (probability >= threshold))
        assert np.array_equal(strip[2], values != 255)
        assert np.array_equal(strip[3], np.rint(probability * 254))
        found.append(strip[3])
    first, second = found
    assert np.array_equal(first, second)


def test_float_probabilities_of_other_tools_are_read(tmp_path):
    values = np.array([[0, 0.25, 1], [np.nan, 0.5, -1]], np.float32)
    write_band(tmp_path / "p.tif", values, nodata=-1)
    probability, valid, raster = read_all(tmp_path / "p.tif")
    assert raster.threshold is None
    assert valid.tolist() == [[True, True, True], [False, True, False]]
    assert probability[valid].tolist() == [0, 0.25, 1, 0.5]


def test_masks_of_other_tools_are_read(tmp_path):
    write_band(tmp_path / "m.tif", np.array([[0, 1, 255]], np.uint8), nodata=255)
    probability, valid, raster = read_all(tmp_path / "m.tif")
    assert raster.is_mask
    assert probability.tolist() == [[0, 1, 0]]
    assert valid.tolist() == [[True, True, False]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[0, 7, 3]], np.uint8), "contains values from 0 to 7"),
        (np.array([[0, 300]], np.uint16), "contains the value 300"),
        (np.array([[0, -1]], np.int16), "contains the value -1"),
        (np.array([[0, 1.5]], np.float32), "contains values from 0 to 1.5"),
        (np.array([[0, -0.5]], np.float32), "contains the value -0.5"),
        (np.array([[0, np.inf]], np.float32), "contains the value inf"),
    ],
)
def test_values_that_are_not_probabilities_are_an_input_error(tmp_path, values, words):
    write_band(tmp_path / "p.tif", values)
    with pytest.raises(InputError, match=words):
        read_all(tmp_path / "p.tif")
    with pytest.raises(InputError, match=words), ProbabilityRaster(str(tmp_path / "p.tif")) as raster:
        list(raster.iter_levels(0.5))


def test_a_raster_with_several_bands_is_not_a_probability_raster(write_scene):
    with pytest.raises(InputError, match="has 3 bands of uint8"):
        ProbabilityRaster(str(write_scene(np.arange(75, dtype=np.uint8).reshape(3, 5, 5))))
