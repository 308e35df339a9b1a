"""What errors advise is done here, and helps; advice for scenes, maps and training is also tested where they are."""

from __future__ import annotations

import zipfile

import geopandas
import numpy as np
import pytest
import rasterio
import shapely

from road_extract.base.errors import InputError
from road_extract.io.raster import ProbabilityRaster, Scene, SceneView
from road_extract.io.raster.opening import open_raster
from road_extract.io.vector import read_table
from tests.helpers.file_server import serve
from tests.helpers.input_kinds import mask, raster

VIEW = SceneView(1.0, native_gsd=True)
LINE = shapely.LineString([(665_000, 4_009_980), (665_060, 4_009_980)])


def test_download_both(tmp_path, write_scene):
    served = tmp_path / "served"
    served.mkdir()
    tile = write_scene(np.full((3, 20, 30), 7, np.uint8), "tile.tif")
    place = "<GeoTransform>665000,1,0,4010000,0,-1</GeoTransform><SRS>EPSG:32611</SRS>"
    bands = "".join(
        f"<VRTRasterBand dataType='Byte' band='{n}'><SimpleSource><SourceFilename>{tile}</SourceFilename>"
        f"<SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
        for n in (1, 2, 3)
    )
    (served / "m.vrt").write_text(f"<VRTDataset rasterXSize='30' rasterYSize='20'>{place}{bands}</VRTDataset>")
    with serve(served, tmp_path / "log") as server, pytest.raises(InputError, match="download both"):
        open_raster(f"{server.url}/m.vrt")
    with open_raster(str(served / "m.vrt")) as dataset:
        assert dataset.read().min() == 7


def test_unpack_an_archive_of_another_kind_of_file(tmp_path):
    path = raster(tmp_path, "a.rst", driver="RST", pixels=np.ones((1, 20, 30), np.uint8))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.write(path, "a.rst")
    with pytest.raises(InputError, match="unpack it and specify the file"):
        open_raster(str(tmp_path / "a.zip"))
    with open_raster(str(path)) as dataset:
        assert dataset.shape == (20, 30)


def test_give_another_format_than_geoparquet_for_a_condition(tmp_path):
    frame = geopandas.GeoDataFrame({"kind": ["a"]}, geometry=[LINE], crs="EPSG:32611")
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="use another format"):
        read_table(tmp_path / "a.parquet", "kind = 'a'")
    frame.to_file(tmp_path / "a.gpkg")
    assert len(read_table(tmp_path / "a.gpkg", "kind = 'a'").geometries) == 1


def test_take_the_nodata_tag_away(tmp_path, caplog):
    path = mask(0, 255, nodata=255)(tmp_path)
    with ProbabilityRaster(str(path)):
        assert "remove the nodata tag" in caplog.text
    with rasterio.open(path, "r+") as dataset:
        dataset.nodata = None
    with ProbabilityRaster(str(path)) as found:
        ((_, probability, valid),) = found.iter_strips()
    assert valid.all()
    assert probability.max() == 1


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_scale_tag_makes_classes_probabilities(tmp_path, dtype):
    path = mask(0, 5, 10, dtype=dtype)(tmp_path)
    with pytest.raises(InputError, match="numbers with a scale tag that makes them 0 to 1"):
        ProbabilityRaster(str(path))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (0.1,)
    with ProbabilityRaster(str(path)) as found:
        ((_, probability, _),) = found.iter_strips()
    assert np.unique(probability) == pytest.approx([0, 0.5, 1])


def test_choose_other_bands_than_complex_ones(tmp_path):
    bands = "".join(f"<VRTRasterBand dataType='{kind}' band='{n}'/>" for n, kind in ((1, "CFloat32"), (2, "Byte")))
    place = "<GeoTransform>665000,1,0,4010000,0,-1</GeoTransform><SRS>EPSG:32611</SRS>"
    (tmp_path / "a.vrt").write_text(f"<VRTDataset rasterXSize='30' rasterYSize='20'>{place}{bands}</VRTDataset>")
    with pytest.raises(InputError, match=r"choose other bands \(--bands\)"):
        Scene(str(tmp_path / "a.vrt"), SceneView(1.0, bands=(1,)))
    with Scene(str(tmp_path / "a.vrt"), SceneView(1.0, bands=(2,))) as scene:
        assert scene.bands == (2,)
