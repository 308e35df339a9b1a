"""A stranger's files run no code and read nothing they should not: what docs/security.md promises."""

from __future__ import annotations

import json
import socket
import zipfile

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from road_extract.base.errors import InputError
from road_extract.io import allowed
from road_extract.io.allowed import LOCAL, PRIVATE, PUBLIC, check_allowed, check_link, distance
from road_extract.io.raster import ProbabilityRaster, Scene, SceneView, blocks, read_facts
from road_extract.io.raster.opening import gdal_session, open_raster
from road_extract.io.sources import expand_inputs
from road_extract.io.sources.naming import safe_name
from road_extract.io.vector import read_table
from road_extract.pipeline import resources
from tests.helpers.file_server import serve

VIEW = SceneView(1.0)


@pytest.fixture(autouse=True)
def hosts(monkeypatch):
    """Names of hosts, without a network."""
    names = {"public.example": "93.184.216.34", "inside.example": "10.1.2.3", "meta.example": "169.254.169.254"}

    look_up = socket.getaddrinfo

    def look_up_here(host, *args, **kwargs):
        if host in names:
            return [(None, None, None, None, (names[host], 0))]
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    allowed._addresses.cache_clear()
    yield
    allowed._addresses.cache_clear()


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/data/scene.tif", LOCAL),
        ("scene.tif", LOCAL),
        ("file:///data/scene.tif", LOCAL),
        ("/vsizip//data/a.zip/b.tif", LOCAL),
        ("https://public.example/a.tif", PUBLIC),
        ("/vsicurl/https://public.example/a.tif", PUBLIC),
        ("/vsizip/vsicurl/https://public.example/a.zip/b.tif", PUBLIC),
        ("s3://bucket/a.tif", PUBLIC),
        ("http://localhost/a.tif", PRIVATE),
        ("http://127.0.0.1:8000/a.tif", PRIVATE),
        ("http://2130706433/a.tif", PRIVATE),
        ("http://0x7f.1/a.tif", PRIVATE),
        ("http://[::1]/a.tif", PRIVATE),
        ("http://192.168.0.7/a.tif", PRIVATE),
        ("/vsicurl/http://inside.example/a.tif", PRIVATE),
        ("/vsicurl?url=http%3A%2F%2F127.0.0.1%2Fa.tif", PRIVATE),
    ],
)
def test_how_far_away_a_place_is(location, expected):
    assert distance(location) == expected


@pytest.mark.parametrize(
    ("origin", "target", "good"),
    [
        ("list.txt", "/data/a.tif", True),
        ("list.txt", "http://127.0.0.1/a.tif", True),
        ("list.txt", "https://public.example/a.tif", True),
        ("list.txt", "http://169.254.169.254/latest/meta-data", False),
        ("list.txt", "/vsicurl/http://metadata.google.internal/x", False),
        ("http://127.0.0.1/c.json", "http://127.0.0.1/a.tif", True),
        ("http://127.0.0.1/c.json", "https://public.example/a.tif", True),
        ("http://127.0.0.1/c.json", "/etc/passwd", False),
        ("http://127.0.0.1/c.json", "file:///etc/passwd", False),
        ("https://public.example/c.json", "https://public.example/a.tif", True),
        ("https://public.example/c.json", "s3://bucket/a.tif", True),
        ("https://public.example/c.json", "http://127.0.0.1/a.tif", False),
        ("https://public.example/c.json", "http://inside.example/a.tif", False),
        ("https://public.example/c.json", "http://meta.example/a.tif", False),
        ("https://public.example/c.json", "/vsizip//data/a.zip/b.tif", False),
        ("https://public.example/c.json", "/vsizip/vsicurl/http://10.0.0.1/a.zip/b.tif", False),
    ],
)
def test_where_a_document_may_lead(monkeypatch, origin, target, good):
    if good:
        check_link(origin, target)
        return
    with pytest.raises(InputError, match="leads to"):
        check_link(origin, target)
    monkeypatch.setenv("ROAD_EXTRACT_TRUST", "1")
    check_link(origin, target)


def item(href: str) -> str:
    return json.dumps({"type": "Feature", "id": "one", "assets": {"image": {"href": href, "type": "image/tiff"}}})


def vrt(target: str) -> str:
    place = "<GeoTransform>665000,1,0,4010000,0,-1</GeoTransform><SRS>EPSG:32611</SRS>"
    source = f"<SimpleSource><SourceFilename>{target}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
    band = f'<VRTRasterBand dataType="Byte" band="1">{source}</VRTRasterBand>'
    return f'<VRTDataset rasterXSize="30" rasterYSize="20">{place}{band}</VRTDataset>'


def test_a_stac_document_of_a_server_does_not_lead_to_files(tmp_path):
    (tmp_path / "item.json").write_text(item("file:///etc/passwd"))
    (tmp_path / "list.txt").write_text("/vsizip//etc/passwd\n")
    with serve(tmp_path, tmp_path / "log") as server:
        for name in ("item.json", "list.txt"):
            with pytest.raises(InputError, match=r"leads to .*/etc/passwd"):
                expand_inputs([f"{server.url}/{name}"])
        (tmp_path / "list.txt").write_text("/etc/passwd\n")
        assert expand_inputs([f"{server.url}/list.txt"])[0].path == f"/vsicurl/{server.url}/etc/passwd"
    assert expand_inputs([str(tmp_path / "list.txt")])[0].path == "/etc/passwd"


def test_a_vrt_of_a_server_does_not_lead_to_files(tmp_path, write_scene, monkeypatch):
    secret = write_scene(np.full((1, 20, 30), 7, np.uint8), "secret.tif")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "m.vrt").write_text(vrt(str(secret)))
    with serve(tmp_path / "served", tmp_path / "log") as server:
        with pytest.raises(InputError, match="closer to this machine"):
            open_raster(f"{server.url}/m.vrt")
        monkeypatch.setenv("ROAD_EXTRACT_TRUST", "1")
        with open_raster(f"{server.url}/m.vrt") as dataset:
            assert dataset.read().min() == 7


def test_what_a_server_calls_a_picture_is_not_taken_for_a_vrt(tmp_path, write_scene):
    secret = write_scene(np.full((1, 20, 30), 7, np.uint8), "secret.tif")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "m.tif").write_text(vrt(str(secret)))
    with serve(tmp_path / "served", tmp_path / "log") as server, pytest.raises(InputError, match="cannot be opened"):
        open_raster(f"{server.url}/m.tif")


@pytest.mark.parametrize("suffix", ["tif", "xml", "geojson"])
def test_descriptions_of_services_are_not_followed(tmp_path, suffix):
    with serve(tmp_path, tmp_path / "log") as server:
        service = f"<Service name='TMS'><ServerUrl>{server.url}/${{z}}</ServerUrl></Service>"
        wms = f"<GDAL_WMS>{service}<DataWindow/></GDAL_WMS>"
        (tmp_path / f"wms.{suffix}").write_text(wms)
        with pytest.raises(InputError):
            open_raster(str(tmp_path / f"wms.{suffix}"))
        layer = f"<OGRVRTLayer name='a'><SrcDataSource>{server.url}/a.geojson</SrcDataSource></OGRVRTLayer>"
        (tmp_path / f"ogr.{suffix}").write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>")
        with pytest.raises(InputError, match="leads to data elsewhere"):
            read_table(tmp_path / f"ogr.{suffix}")
        assert not server.requests


def test_a_vrt_on_disk_may_lead_to_files_but_not_to_a_metadata_service(tmp_path, write_scene):
    scene = write_scene(np.full((1, 20, 30), 7, np.uint8))
    (tmp_path / "a.vrt").write_text(vrt(str(scene)))
    with open_raster(str(tmp_path / "a.vrt")) as dataset:
        assert dataset.read().min() == 7
    (tmp_path / "b.vrt").write_text(vrt("/vsicurl/http://169.254.169.254/latest/meta-data"))
    with pytest.raises(InputError, match="a metadata service, which is never read"):
        open_raster(str(tmp_path / "b.vrt"))


def test_python_in_a_vrt_is_not_run(tmp_path, monkeypatch):
    code = f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\ndef f(*args): pass"
    band = '<VRTRasterBand dataType="Byte" band="1" subClass="VRTDerivedRasterBand">'
    function = "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
    text = vrt("x.tif").replace('<VRTRasterBand dataType="Byte" band="1">', f"{band}{function}"
                                f"<PixelFunctionCode><![CDATA[{code}]]></PixelFunctionCode>")  # fmt: skip
    (tmp_path / "p.vrt").write_text(text)
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    with gdal_session(), pytest.raises(InputError), Scene(str(tmp_path / "p.vrt"), VIEW) as scene:
        scene.probe()
    assert not (tmp_path / "ran").exists()


def test_missing_tiles_are_found_wherever_they_lie(tmp_path, write_scene):
    scene = write_scene(np.full((1, 20, 30), 7, np.uint8))
    text = vrt(str(scene)).replace("</VRTRasterBand>", "<SimpleSource><SourceFilename relativeToVRT='1'>gone.tif"
                                   "</SourceFilename><SourceBand>1</SourceBand><SrcRect xOff='0' yOff='0' xSize='1' "
                                   "ySize='1'/><DstRect xOff='7' yOff='7' xSize='1' ySize='1'/></SimpleSource>"
                                   "</VRTRasterBand>")  # fmt: skip
    (tmp_path / "m.vrt").write_text(text)
    with pytest.raises(InputError, match=r"gone\.tif"), Scene(str(tmp_path / "m.vrt"), VIEW) as source:
        source.probe()


def test_an_allow_list_applies_to_everything(tmp_path, write_scene, monkeypatch):
    (tmp_path / "open").mkdir()
    inside = write_scene(np.zeros((3, 20, 30), np.uint8), "open/a.tif")
    outside = write_scene(np.zeros((3, 20, 30), np.uint8), "b.tif")
    (tmp_path / "open" / "link.tif").symlink_to(outside)
    (tmp_path / "open" / "m.vrt").write_text(vrt(str(outside)))
    (tmp_path / "c.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    monkeypatch.setenv("ROAD_EXTRACT_ALLOWED", f"{tmp_path / 'open'} https://good.example/data/")
    open_raster(str(inside)).close()
    check_allowed("https://good.example/data/a.tif")
    for path in (outside, tmp_path / "open" / "link.tif", tmp_path / "open" / "m.vrt", "https://evil.example/a.tif",
                 f"{tmp_path}/open/../b.tif", f"/vsizip/{tmp_path}/b.zip/a.tif",
                 "https://good.example/data/../a.tif"):  # fmt: skip
        with pytest.raises(InputError, match="is outside the locations that ROAD_EXTRACT_ALLOWED allows"):
            open_raster(str(path))
    with pytest.raises(InputError, match="is outside"):
        read_table(tmp_path / "c.geojson")
    with pytest.raises(InputError, match="is outside"):
        expand_inputs([str(tmp_path / "c.geojson")])


def test_a_redirect_leads_no_closer(monkeypatch):
    from urllib.request import Request

    from road_extract.io.fetching import _Redirects

    with pytest.raises(InputError, match="leads to"):
        _Redirects().redirect_request(Request("https://public.example/a"), None, 302, "", {}, "http://127.0.0.1/b")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\0b", "con", "x" * 500, "..", ""])
def test_names_never_leave_the_folder(name):
    safe = safe_name(name)
    assert not set(safe) & set("/\\\0")
    assert safe not in ("", ".", "..")
    assert len(safe.encode()) < 200


def test_an_archive_with_names_that_climb_is_read_in_place(tmp_path, write_scene):
    scene = write_scene(np.zeros((3, 20, 30), np.uint8))
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.write(scene, "../../up.tif")
    before = sorted(tmp_path.parent.iterdir())
    with pytest.raises(InputError):
        open_raster(str(tmp_path / "s.zip"))
    assert sorted(tmp_path.parent.iterdir()) == before


def test_a_bomb_of_pixels_is_refused_before_the_work(tmp_path, identity_model):
    """A few hundred bytes that claim to be a million by a million pixels."""
    from road_extract import extract_roads

    with rasterio.open(tmp_path / "b.tif", "w", driver="GTiff", width=10**6, height=10**6, count=1, dtype="uint8",
                       crs="EPSG:4326", transform=rasterio.Affine(1e-4, 0, 0, 0, -1e-5, 5),
                       tiled=True, sparse_ok=True, compress="deflate", bigtiff="YES", blockxsize=4096,
                       blockysize=4096):  # fmt: skip
        pass
    with pytest.raises(InputError, match=r"needs about [\d,]+ GB of memory"):
        extract_roads(tmp_path / "b.tif", tmp_path / "o.gpkg")


def test_a_block_that_needs_more_memory_than_there_is_is_refused(tmp_path):
    path = tmp_path / "b.vrt"
    path.write_text(
        vrt("x.tif").replace('rasterXSize="30" rasterYSize="20"', 'rasterXSize="2000000000" rasterYSize="20"')
    )
    with pytest.raises(InputError), Scene(str(path), VIEW) as scene:
        scene.probe()


@pytest.fixture
def one_block(tmp_path):
    """A few hundred bytes that claim to be a single block of 20000 x 20000 pixels in three bands."""
    with rasterio.open(tmp_path / "b.tif", "w", driver="GTiff", width=20_000, height=20_000, count=3, dtype="uint8",
                       crs="EPSG:32611", transform=rasterio.Affine(1, 0, 665_000, 0, -1, 4_010_000), tiled=True,
                       sparse_ok=True, compress="deflate", blockxsize=20_000, blockysize=20_000):  # fmt: skip
        pass
    return tmp_path / "b.tif"


@pytest.mark.parametrize("open_it", [lambda path: Scene(path, VIEW), ProbabilityRaster, open_raster, read_facts])
def test_a_block_that_does_not_fit_into_memory_is_refused_before_it_is_read(one_block, monkeypatch, open_it):
    monkeypatch.setattr(blocks, "total_memory", lambda: 10**9)
    with pytest.raises(InputError, match=r"blocks of 20,000 x 20,000 pixels, and each takes 2.4 GB of memory"):
        open_it(str(one_block))


def test_the_advice_for_huge_blocks_works(one_block, monkeypatch, tmp_path):
    with rasterio.open(one_block) as source:
        rasterio.shutil.copy(source, tmp_path / "c.tif", driver="GTiff", tiled=True, compress="deflate")
    monkeypatch.setattr(blocks, "total_memory", lambda: 10**9)
    with open_raster(str(tmp_path / "c.tif")) as dataset:
        assert blocks.block_bytes(dataset) < 10**6


def test_a_block_counts_towards_the_memory_that_a_scene_takes(one_block, monkeypatch):
    monkeypatch.setattr(resources, "total_memory", lambda: 10**9)
    with open_raster(str(one_block)) as dataset:
        needs = resources.estimate_needs(dataset.shape, "openvino", blocks.block_bytes(dataset))
    assert needs.memory_bytes == pytest.approx(0.75e9 + 20_000 * 9_000 + 2.4e9)
    with pytest.raises(InputError, match=r"needs about 3.3 GB of memory"):
        resources.check_needs("b.tif", needs, None)


def test_a_disk_that_is_surely_too_small_stops_the_work_and_one_that_may_be_is_told(monkeypatch, tmp_path, caplog):
    needs = resources.Needs(0, 37 * 10**9)
    monkeypatch.setattr(resources, "free_bytes", lambda folder: 10**9 - 1)
    with pytest.raises(InputError, match="may need 37 GB"):
        resources.check_needs("a.tif", needs, tmp_path)
    monkeypatch.setattr(resources, "free_bytes", lambda folder: 2 * 10**9)
    resources.check_needs("a.tif", needs, tmp_path)
    assert "the probability raster may need 37 GB" in caplog.text
    caplog.clear()
    monkeypatch.setattr(resources, "free_bytes", lambda folder: 40 * 10**9)
    resources.check_needs("a.tif", needs, tmp_path)
    assert not caplog.text
