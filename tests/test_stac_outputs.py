"""The STAC documents of a batch, read and validated by pystac; its schemas of STAC 1.1 come with it."""

import json
import os
from pathlib import Path

import numpy as np
import pyproj
import pystac
import pytest
import rasterio
from pystac.extensions.file import FileExtension
from pystac.extensions.processing import ProcessingExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension
from pystac.extensions.table import TableExtension
from pystac.validation import RegisteredValidator

from road_extract import BatchOptions, VectorizeOptions, extract_batch
from tests.helpers.scenes import UTM


def validate(path: Path) -> pystac.STACObject:
    """The object in a file that the schema of STAC's core accepts."""
    values = json.loads(path.read_text())
    found = pystac.read_file(str(path))
    RegisteredValidator.get_validator().validate_core(values, found.STAC_OBJECT_TYPE, values["stac_version"])
    return found


@pytest.fixture
def folder(tmp_path, write_scene, identity_model, monkeypatch) -> Path:
    """A batch over two neighbouring scenes, given by relative names."""
    pixels = np.zeros((3, 240, 250), np.uint8)
    pixels[:, 100:112] = 200
    write_scene(pixels, "a.tif")
    write_scene(pixels, "b.tif", transform=UTM * UTM.translation(250, 0))
    monkeypatch.chdir(tmp_path)
    batch = BatchOptions(formats="gpkg,parquet", keep_probability=True, keep_mask=True, merge="all.gpkg")
    assert extract_batch(["a.tif", "b.tif"], "out", vectorize=VectorizeOptions(geometry="both"), batch=batch).complete
    return tmp_path / "out"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_items_are_valid_and_their_extensions_say_what_the_files_hold(folder):
    for path in (folder / "a" / "a.stac.json", folder.parent / "all.stac.json"):
        item = validate(path)
        projection = ProjectionExtension.ext(item)
        assert projection.code == "EPSG:32611"
        assert projection.wkt2.startswith("PROJCRS[")
        assert pyproj.CRS.from_wkt(projection.wkt2).to_epsg() == 32611
        table = TableExtension.ext(item)
        assert [column.name for column in table.columns] == ["id", "area_m2", "probability", "geometry"]
        assert table.row_count == item.properties["road_extract:counts"]["polygons"] > 0
        assert ProcessingExtension.ext(item).software.keys() == {"road_extract", "backend"}
        for asset in item.assets.values():
            href = Path(asset.get_absolute_href())
            assert href.is_file()
            if "data" in asset.roles:
                assert FileExtension.ext(asset).size == href.stat().st_size


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_raster_assets_say_how_to_read_them(folder):
    item = validate(folder / "a" / "a.stac.json")
    for key, scaled in (("probability.tif", True), ("mask.tif", False)):
        (band,) = RasterExtension.ext(item.assets[key]).bands
        with rasterio.open(item.assets[key].get_absolute_href()) as dataset:
            assert (band.data_type, band.nodata) == (dataset.dtypes[0], dataset.nodata)
            assert (band.scale if scaled else 1.0) == pytest.approx(dataset.scales[0])
            assert ProjectionExtension.ext(item).shape == list(dataset.shape)
            assert ProjectionExtension.ext(item).transform == list(dataset.transform[:6])
        assert item.assets[key].media_type == pystac.MediaType.COG


def test_derived_from_leads_to_the_scene_from_anywhere(folder, monkeypatch):
    monkeypatch.chdir(os.path.abspath(os.sep))
    merged = validate(folder.parent / "all.stac.json")
    found = [link.get_absolute_href() for link in merged.get_links("derived_from")]
    assert [Path(href).name for href in found] == ["a.tif", "b.tif"]
    assert all(Path(href).is_file() for href in found)
    (link,) = validate(folder / "b" / "b.stac.json").get_links("derived_from")
    assert link.get_absolute_href() == found[1]


def test_a_collection_leads_to_all_items_and_back(folder):
    collection = validate(folder / "collection.json")
    items = list(collection.get_items())
    assert [item.id for item in items] == ["a", "b"]
    assert all(item.get_collection().id == collection.id for item in items)
    boxes = np.array([item.bbox for item in items])
    around, *each = collection.extent.spatial.bboxes
    assert np.array_equal(each, boxes)
    assert around == [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
    assert {link.rel for link in collection.links} == {"root", "item", "self"}
