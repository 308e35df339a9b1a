"""Reads scenes from STAC Items, ItemCollections, Catalogs and Collections, stored in files or on a server.

Only links and assets of the specification (https://github.com/radiantearth/stac-spec, 1.0 and 1.1) are used, and the
paging of the STAC API.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

from road_extract.base.errors import InputError
from road_extract.base.urls import is_url, unsigned
from road_extract.io.allowed import check_link
from road_extract.io.fetching import is_http, read_document
from road_extract.io.sources.found import Found

Json = dict[str, Any]

#: Roles of assets that are never the scene, whatever their type.
_NO_SCENE = {"thumbnail", "overview", "metadata", "mask", "data-mask", "cloud", "snow-ice"}


#: Media types of GeoTIFF and JPEG 2000, registered or not.
_RASTER_TYPES = {
    "image/tiff", "image/vnd.stac.geotiff", "image/geotiff", "image/x-geotiff", "image/x.geotiff", "image/vnd.geotiff",
    "application/geotiff", "application/x-geotiff", "image/cog", "image/jp2", "image/jpx", "image/jpeg2000",
    "image/jpeg2000-image", "image/x-jp2",
}  # fmt: skip
#: Unspecific types, for which the file name decides.
_UNSPECIFIC_TYPES = {"", "application/octet-stream", "binary/octet-stream", "image"}
_RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".cog")


def iter_stac(location: str, asset: str | None) -> Iterator[Found]:
    """Iterate over the scenes of a STAC document and of all documents that it links to, in order.

    Args:
        location: Path or URL of an Item, ItemCollection, Catalog or Collection.
        asset: Asset key. If None, the only raster asset with the role data or visual is used.

    Raises:
        InputError: If a document cannot be read or is not STAC, or an item does not have the asset.
    """
    found = False
    for item, base in _iter_items(location, set()):
        found = True
        chosen = item["assets"][_choose_asset(item, asset, base)]
        yield Found(_follow(base, chosen["href"]), str(item["id"]), _band_names(chosen))
    if not found:
        raise InputError(f"{location}: this STAC document contains no items")


def _follow(base: str, href: str) -> str:
    """Resolve a link, if the document may lead to its target.

    Raises:
        InputError: If it may not.
    """
    target = resolve(base, href)
    check_link(base, target)
    return target


def _band_names(asset: Json) -> tuple[str, ...]:
    """Return the common names of an asset's bands, or their names: ``bands`` in STAC 1.1, ``eo:bands`` earlier."""
    bands = asset.get("bands") or asset.get("eo:bands") or []
    if not isinstance(bands, list) or not all(isinstance(band, dict) for band in bands):
        return ()
    names = [band.get("eo:common_name") or band.get("common_name") or band.get("name") or "" for band in bands]
    return tuple(map(str, names))


def resolve(base: str, href: str) -> str:
    """Resolve a link in a document. Relative links are relative to the document."""
    if href.lower().startswith("file:"):
        return url2pathname(urlsplit(href).path)
    if is_url(href) or href.startswith("/vsi"):
        return href
    return urljoin(base, href) if is_url(base) else os.path.join(os.path.dirname(base), href)


def _iter_items(location: str, seen: set[str]) -> Iterator[tuple[Json, str]]:
    """Iterate over items, each with the location that its links are relative to."""
    place = unsigned(location) if is_url(location) else os.path.abspath(location)
    if place in seen:  # catalogues can link to each other in any direction
        return
    seen.add(place)
    document = _read_json(location)
    kind = document.get("type")
    if kind == "Feature":
        yield _checked(document, location), location
    elif kind == "FeatureCollection":
        for item in _list_of(document, "features", location):
            yield _checked(item, location), _own_place(item) or location
        for link in _links(document, location, "next"):
            if str(link.get("method", "GET")).upper() != "GET":
                raise InputError(f"{location}: its next page requires POST; save all pages as one ItemCollection")
            yield from _iter_items(_follow(location, link["href"]), seen)
    else:
        for link in _links(document, location, "item", "items", "child"):
            yield from _iter_items(_follow(location, link["href"]), seen)


def _read_json(location: str) -> Json:
    text = read_document(location)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{location}: is not valid JSON ({error}); expected a STAC document") from error
    if not isinstance(document, dict):
        raise InputError(f"{location}: is not STAC; expected an Item, ItemCollection, Catalog or Collection")
    known = document.get("type") in ("Feature", "FeatureCollection", "Catalog", "Collection")
    if not known and "stac_version" not in document:  # before 1.0 catalogues had no type
        raise InputError(f"{location}: is not STAC; expected an Item, ItemCollection, Catalog or Collection")
    return document


def _list_of(document: Json, key: str, location: str) -> list[Json]:
    values = document.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise InputError(f"{location}: is not STAC, because its {key!r} is not a list of objects")
    return values


def _links(document: Json, location: str, *kinds: str) -> list[Json]:
    links = [link for link in _list_of(document, "links", location) if link.get("rel") in kinds]
    if any(not isinstance(link.get("href"), str) for link in links):
        raise InputError(f"{location}: is not STAC, because a link has no href")
    return links


def _checked(item: Json, location: str) -> Json:
    assets = item.get("assets")
    good = isinstance(assets, dict) and all(
        isinstance(a, dict) and isinstance(a.get("href"), str) for a in assets.values()
    )
    if not good or "id" not in item:
        raise InputError(f"{location}: is not STAC, because a feature has no id or no assets")
    return item


def _own_place(item: Json) -> str | None:
    """Return the original location of an item in a collection, if it has one; its links are relative to that."""
    links = item.get("links", [])
    own = [link.get("href") for link in links if isinstance(link, dict) and link.get("rel") == "self"]
    return own[0] if own and is_http(str(own[0])) else None


def _choose_asset(item: Json, asset: str | None, location: str) -> str:
    assets: dict[str, Json] = item["assets"]
    keys = ", ".join(assets) or "none"
    if asset is not None:
        if asset not in assets:
            raise InputError(f"{location}: item {item['id']!r} has no asset {asset!r}; its assets are: {keys}")
        return asset
    rasters = {key: set(value.get("roles") or ()) for key, value in assets.items() if _is_raster(value)}
    rasters = {key: roles for key, roles in rasters.items() if not roles & _NO_SCENE or "visual" in roles}
    for wanted in ({"visual"}, {"data", "visual"}, None):
        fitting = [key for key, roles in rasters.items() if wanted is None or roles & wanted]
        if len(fitting) == 1:
            return fitting[0]
    raise InputError(
        f"{location}: item {item['id']!r} has {len(rasters) or 'no'} raster assets that could be the scene; choose "
        f"one by its key (--asset): {keys}"
    )


def _is_raster(asset: Json) -> bool:
    kind = str(asset.get("type") or "").lower().partition(";")[0].strip()
    path = urlsplit(asset["href"]).path.lower()
    return kind in _RASTER_TYPES or (kind in _UNSPECIFIC_TYPES and path.endswith(_RASTER_SUFFIXES))
