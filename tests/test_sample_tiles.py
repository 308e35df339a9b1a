"""A realistic run: real imagery and the shipped weights, from file to file."""

from __future__ import annotations

import json

import geopandas
import numpy as np
import pytest
import rasterio

from road_extract import Outputs, PredictOptions, extract_roads
from tests.helpers.paths import SAMPLES

UTM_11N = "EPSG:32611"


@pytest.fixture(scope="module")
def roads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    found = {}
    for name in ("vegas_pan", "vegas_utm"):
        extract_roads(SAMPLES / f"{name}.tif", Outputs(folder / f"{name}.geojson", probability=folder / f"{name}.tif"))
        found[name] = geopandas.read_file(folder / f"{name}.geojson").to_crs(UTM_11N)
    return folder, found


def test_most_road_lines_are_found_and_most_of_what_is_found_is_road(roads):
    assert_most_is_right(roads[1]["vegas_pan"])


def test_the_fast_model_finds_most_roads_too(tmp_path):
    extract_roads(SAMPLES / "vegas_pan.tif", tmp_path / "roads.geojson", predict=PredictOptions(model="fast"))
    written = json.loads((tmp_path / "roads.geojson").read_text(encoding="utf-8"))
    assert "fast" in json.dumps({key: value for key, value in written.items() if key != "features"})
    assert_most_is_right(geopandas.read_file(tmp_path / "roads.geojson").to_crs(UTM_11N))


def assert_most_is_right(roads):
    lines = geopandas.read_file(SAMPLES / "vegas_roads.geojson").to_crs(UTM_11N).geometry.union_all()
    found = roads.geometry.union_all()
    assert lines.intersection(found.buffer(6)).length >= 0.5 * lines.length
    assert found.difference(lines.buffer(10)).area < 0.5 * found.area


@pytest.mark.parametrize("name", ["vegas_pan", "vegas_utm"])
def test_outputs_lie_within_their_scene(roads, name):
    folder, found = roads
    with rasterio.open(SAMPLES / f"{name}.tif") as scene, rasterio.open(folder / f"{name}.tif") as probability:
        assert tuple(probability.bounds) == pytest.approx(tuple(scene.bounds))
        assert probability.crs == scene.crs
        ground = geopandas.GeoSeries.from_xy(*zip(*[scene.bounds[:2], scene.bounds[2:]], strict=True), crs=scene.crs)
    xmin, ymin, xmax, ymax = ground.to_crs(UTM_11N).total_bounds
    inside = found[name].cx[xmin - 5 : xmax + 5, ymin - 5 : ymax + 5]
    assert len(inside) == len(found[name]) > 0
    assert found[name].is_valid.all()
    assert (found[name].area_m2 >= 80).all()  # the smallest kept is 100 m2, before its outline was simplified


def test_nodata_wedges_of_a_warped_scene_are_nodata_and_not_road(roads):
    folder, found = roads
    with rasterio.open(SAMPLES / "vegas_utm.tif") as scene:
        invalid = np.argwhere(scene.dataset_mask() == 0)
        assert len(invalid) > 1000
        xs, ys = rasterio.transform.xy(scene.transform, invalid[:, 0], invalid[:, 1])
    with rasterio.open(folder / "vegas_utm.tif") as probability:
        stored = np.array([value[0] for value in probability.sample(zip(xs, ys, strict=True))])
    assert (stored == 255).mean() > 0.95  # the grids differ: a pixel of 1 m on the edge may be half valid
    points = geopandas.GeoSeries.from_xy(xs, ys, crs=UTM_11N)
    assert points.within(found["vegas_utm"].geometry.union_all()).mean() < 0.02


@pytest.mark.slow
def test_a_held_out_scene_is_mapped_well(shared_data, tmp_path):
    """One of the seven valid scenes; `benchmarks/score.py` scores all of them."""
    from road_extract import EvaluateOptions, evaluate, predict_probability

    folder, name = shared_data / "massachusetts" / "valid", "first"
    image = sorted((folder / "images").glob("*.tif"))[0]
    predict_probability(image, tmp_path / f"{name}.tif")
    found = evaluate(tmp_path / f"{name}.tif", folder / "masks" / image.name, options=EvaluateOptions(metrics="raster"))
    assert found.raster.relaxed_break_even > 0.85
