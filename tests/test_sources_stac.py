"""STAC documents, written by pystac, read here from files and over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pystac
import pytest

from road_extract.base.errors import InputError
from road_extract.io import fetching
from road_extract.io.sources import expand_inputs
from tests.helpers.file_server import serve

COG = "image/tiff; application=geotiff; profile=cloud-optimized"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(fetching, "WAITS_S", (0.01, 0.02))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def make_item(name: str, **assets: pystac.Asset) -> pystac.Item:
    item = pystac.Item(name, None, None, datetime(2026, 1, 1, tzinfo=UTC), {})
    for key, asset in (assets or {"image": pystac.Asset("./image.tif", media_type=COG, roles=["data"])}).items():
        item.add_asset(key, asset)
    return item


@pytest.fixture
def catalog(tmp_path):
    """A catalogue with a collection in a catalogue, and the same items as one ItemCollection."""
    root, inner = pystac.Catalog("root", "all"), pystac.Catalog("inner", "part")
    extent = pystac.Extent(pystac.SpatialExtent([[0, 0, 1, 1]]), pystac.TemporalExtent([[None, None]]))
    collection = pystac.Collection("places", "some", extent)
    root.add_child(inner)
    inner.add_child(collection)
    collection.add_items([make_item("one"), make_item("two")])
    root.add_item(make_item("three"))
    root.normalize_and_save(str(tmp_path / "stac"), pystac.CatalogType.SELF_CONTAINED)
    return tmp_path / "stac"


@pytest.mark.parametrize("start", ["catalog.json", "inner/catalog.json", "inner/places/collection.json"])
def test_all_items_under_a_catalogue_are_found(catalog, start):
    whole = pystac.read_file(str(catalog / start))
    expected = {item.id: item.assets["image"].get_absolute_href() for item in whole.get_items(recursive=True)}
    found = expand_inputs([str(catalog / start)])
    assert {ref.name: ref.path.replace("/./", "/") for ref in found} == expected
    assert len(found) == (3 if start == "catalog.json" else 2)


def test_one_item(catalog):
    (ref,) = expand_inputs([str(catalog / "three" / "three.json")])
    assert ref.name == "three"
    assert ref.path.replace("/./", "/") == str(catalog / "three" / "image.tif")


def test_over_an_unreliable_http_connection(catalog, tmp_path):
    with serve(catalog, tmp_path / "log", {0: 503, 1: "cut", 3: "drop"}) as server:
        found = expand_inputs([f"{server.url}/catalog.json"])
        assert {ref.name: ref.path.replace("/./", "/") for ref in found} == {
            "one": f"/vsicurl/{server.url}/inner/places/one/image.tif",
            "two": f"/vsicurl/{server.url}/inner/places/two/image.tif",
            "three": f"/vsicurl/{server.url}/three/image.tif",
        }
        assert len(server.requests) == 6 + 3


def test_a_password_is_used_for_relative_links_and_not_shown(catalog, tmp_path):
    with serve(catalog, tmp_path / "log", allow="Basic dTpTRUNSRVQ=") as server:
        found = expand_inputs([server.url.replace("://", "://u:SECRET@") + "/catalog.json"])
        assert len(found) == 3
        assert "SECRET" not in "".join(ref.shown + ref.name for ref in found)
        with pytest.raises(InputError, match="HTTP 401"):
            expand_inputs([f"{server.url}/catalog.json"])


@pytest.mark.parametrize(
    ("variable", "value", "sent"),
    [
        ("GDAL_HTTP_USERPWD", "u:SECRET", "Basic dTpTRUNSRVQ="),
        ("GDAL_HTTP_BEARER", "SECRET", "Bearer SECRET"),
        ("GDAL_HTTP_HEADERS", "X-A: 1,Authorization: Token SECRET", "Token SECRET"),
    ],
)
def test_credentials_come_from_where_gdal_takes_them(catalog, tmp_path, monkeypatch, variable, value, sent):
    monkeypatch.setenv(variable, value)
    with serve(catalog, tmp_path / "log", allow=sent) as server:
        assert len(expand_inputs([f"{server.url}/catalog.json"])) == 3


def test_all_pages_of_an_api_are_read(tmp_path):
    for page, name in enumerate(("one", "two")):
        document = pystac.ItemCollection([make_item(name)]).to_dict()
        document["features"][0]["assets"]["image"]["href"] = f"https://h.org/{name}.tif"
        document["links"] = (
            [{"rel": "next", "href": f"./items{page + 1}"}] if page == 0 else [{"rel": "self", "href": "x"}]
        )
        (tmp_path / f"items{page}").write_text(json.dumps(document))
    collection = {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": "c",
        "links": [{"rel": "items", "href": "items0"}],
    }
    (tmp_path / "api").write_text(json.dumps(collection))
    with serve(tmp_path, tmp_path / "log") as server:
        for start in ("api", "items0"):
            assert [ref.name for ref in expand_inputs([f"{server.url}/{start}"])] == ["one", "two"]


def test_a_page_that_requires_post_is_reported(tmp_path):
    document = pystac.ItemCollection([make_item("one")]).to_dict()
    document["links"] = [{"rel": "next", "href": "x", "method": "POST"}]
    (tmp_path / "items.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="next page requires POST"):
        expand_inputs([str(tmp_path / "items.json")])


def test_circular_catalogues_terminate(tmp_path):
    links = [{"rel": "child", "href": "./catalog.json"}, {"rel": "child", "href": "b.json"}]
    (tmp_path / "b.json").write_text(json.dumps({"type": "Catalog", "links": links}))
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "links": links}))
    with pytest.raises(InputError, match="contains no items"):
        expand_inputs([str(tmp_path / "catalog.json")])


def test_equal_ids_in_two_collections_get_different_names(tmp_path):
    for name in ("a", "b"):
        item = make_item("same")
        item.set_self_href(str(tmp_path / name / "item.json"))
        item.save_object()
    found = expand_inputs([str(tmp_path / name / "item.json") for name in ("a", "b")])
    assert len({ref.name for ref in found}) == 2
    assert all(ref.name.startswith("same-") for ref in found)


def asset(href: str, kind: str | None = COG, *roles: str) -> pystac.Asset:
    return pystac.Asset(href, media_type=kind, roles=list(roles) or None)


BANDS = {
    "red": asset("r.tif", COG, "data", "reflectance"),
    "nir": asset("n.tif", COG, "data", "reflectance"),
    "preview": asset("p.tif", COG, "overview"),
    "thumbnail": asset("t.png", "image/png", "thumbnail"),
}


@pytest.mark.parametrize(
    ("assets", "chosen"),
    [
        ({"image": asset("i.tif", COG, "data"), "thumbnail": asset("t.jpg", "image/jpeg", "thumbnail")}, "i.tif"),
        ({"x": asset("i.tif")}, "i.tif"),
        ({"x": asset("i.TIF", None), "info": asset("i.txt", None)}, "i.TIF"),
        (BANDS | {"visual": asset("v.tif", COG, "visual", "overview")}, "v.tif"),
        ({"data": asset("d.tif", COG, "data"), "other": asset("o.tif", COG)}, "d.tif"),
    ],
)
def test_the_scene_is_found_among_the_assets(tmp_path, assets, chosen):
    pystac.ItemCollection([make_item("i", **assets)]).save_object(str(tmp_path / "items.json"))
    (ref,) = expand_inputs([str(tmp_path / "items.json")])
    assert ref.path == str(tmp_path / chosen)


@pytest.mark.parametrize("assets", [BANDS, {"meta": asset("m.xml", "text/xml", "data")}])
def test_no_asset_is_guessed(tmp_path, assets):
    pystac.ItemCollection([make_item("i", **assets)]).save_object(str(tmp_path / "items.json"))
    with pytest.raises(InputError) as caught:
        expand_inputs([str(tmp_path / "items.json")])
    assert "--asset" in str(caught.value)
    assert str(caught.value).endswith(": " + ", ".join(assets))


def test_an_asset_is_chosen_by_its_key(tmp_path):
    pystac.ItemCollection([make_item("i", **BANDS)]).save_object(str(tmp_path / "items.json"))
    (ref,) = expand_inputs([str(tmp_path / "items.json")], asset="nir")
    assert ref.path == str(tmp_path / "n.tif")
    with pytest.raises(InputError, match="has no asset 'blue'; its assets are: red, nir, preview, thumbnail"):
        expand_inputs([str(tmp_path / "items.json")], asset="blue")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.json", "HTTP 404"),
        ("none.csv", "HTTP 404"),
        ("broken.json", "is not valid JSON"),
        ("broken.csv", "no column of scenes"),
    ],
)
def test_bad_documents_on_a_server_give_one_error_message(tmp_path, name, words):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "broken.csv").write_text("a,b\n1,2\n")
    with serve(tmp_path, tmp_path / "log") as server, pytest.raises(InputError) as caught:
        expand_inputs([f"{server.url.replace('://', '://u:SECRET@')}/{name}?sig=SECRET"])
    assert words in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_missing_server_is_reported_at_once(monkeypatch):
    monkeypatch.setattr(fetching, "WAITS_S", (60.0,))
    with pytest.raises(InputError, match="refused"):
        expand_inputs(["http://127.0.0.1:1/catalog.json"])


def test_a_list_on_a_server_is_relative_to_its_url(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "l.csv").write_text("url\nx.tif\n../y.tif\n")
    with serve(tmp_path, tmp_path / "log", {0: "cut"}) as server:
        found = [ref.path for ref in expand_inputs([f"{server.url}/lists/l.csv"])]
        assert found == [f"/vsicurl/{server.url}/lists/x.tif", f"/vsicurl/{server.url}/y.tif"]


def test_links_of_an_item_are_relative_to_its_self_link(tmp_path):
    item = make_item("one")
    item.set_self_href("https://h.org/items/one.json")
    pystac.ItemCollection([item]).save_object(str(tmp_path / "items.json"))
    (ref,) = expand_inputs([str(tmp_path / "items.json")])
    assert ref.path.replace("/./", "/") == "/vsicurl/https://h.org/items/image.tif"


@pytest.mark.parametrize(
    ("kind", "href", "good"),
    [
        ("image/vnd.stac.geotiff", "a", True),
        ("image/vnd.stac.geotiff; cloud-optimized=true", "a", True),
        ("image/tiff; application=geotiff; profile=cloud-optimized", "a", True),
        ("image/x.geotiff", "a", True),
        ("application/geotiff", "a", True),
        ("image/jp2", "a.jp2", True),
        (None, "a.jp2", True),
        ("application/octet-stream", "a.tif", True),
        ("image/png", "a.png", False),
        ("application/json", "a.tif", False),
    ],
)
def test_rasters_are_known_by_any_of_their_types(tmp_path, kind, href, good):
    (tmp_path / "i.json").write_text(json.dumps({
        "type": "Feature", "stac_version": "1.0.0", "id": "i", "links": [],
        "assets": {"a": {"href": href, **({"type": kind} if kind else {})}},
    }))  # fmt: skip
    if good:
        assert len(expand_inputs([str(tmp_path / "i.json")])) == 1
    else:
        with pytest.raises(InputError, match="has no raster assets"):
            expand_inputs([str(tmp_path / "i.json")])


@pytest.mark.parametrize(
    "bands",
    [
        {"bands": [{"name": "B8", "eo:common_name": "nir"}, {"name": "B4", "eo:common_name": "red"}]},
        {"eo:bands": [{"name": "B8", "common_name": "nir"}, {"name": "B4", "common_name": "red"}]},
    ],
)
def test_names_of_bands_come_along(tmp_path, bands):
    item = {
        "type": "Feature",
        "id": "i",
        "links": [],
        "assets": {"a": {"href": "a.tif", "type": "image/tiff", **bands}},
    }
    (tmp_path / "i.json").write_text(json.dumps(item | {"stac_version": "1.0.0"}))
    assert expand_inputs([str(tmp_path / "i.json")])[0].bands == ("nir", "red")
