"""The last step of a batch: one layer of all scenes, with its record, unless it already exists."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely

from road_extract.base.errors import InputError
from road_extract.base.files import check_outputs, remove_leftovers, to_json
from road_extract.base.progress import Report
from road_extract.base.urls import is_url
from road_extract.batch.fingerprint import fingerprint
from road_extract.batch.layout import Layout, read_json
from road_extract.batch.merging import Merger, layer_crs, lonlat_wkt, plan_merge, read_grid
from road_extract.batch.pools.protocol import to_sentence
from road_extract.batch.records import is_whole, made_of, record_values
from road_extract.batch.results import BatchResult
from road_extract.batch.stac import Place, asset_of, item_values, projection
from road_extract.batch.stores import split_location
from road_extract.batch.tasks import Products, describe_file
from road_extract.pipeline.delivery import delivering
from road_extract.pipeline.outputs import Counts, Targets


def merge_all(
    layout: Layout, products: Products, out: str, result: BatchResult, *, restart: bool, report: Report
) -> None:
    """Merge the finished scenes. An error is stored in ``result``."""
    names = [scene.name for scene in result.scenes if scene.state in ("done", "kept")]
    if result.error or not names:
        return
    try:
        _merge(layout, products, out, names, restart, report)
        result.merged = out if is_url(out) else Path(out)
    except Exception as error:
        result.error = str(to_sentence(error))


def _merge(layout: Layout, products: Products, out: str, names: list[str], restart: bool, report: Report) -> None:
    store, file = split_location(out)
    record, item = Path(file).with_suffix(".json").name, Path(file).with_suffix(".stac.json").name
    scenes = {name: made_of(layout.read_json(name)) for name in names}
    wanted = fingerprint(
        {"scenes": {name: made.get("fingerprint") for name, made in scenes.items()},
         "vectorize": asdict(products.vectorize), "lines": asdict(products.lines),
         **({"style": True} if products.batch.style else {})}
    )  # fmt: skip
    old, sizes = made_of(read_json(store, record)), store.sizes("")
    if not restart and is_whole(sizes, old, wanted):
        return
    if not old and file in sizes:
        raise InputError(f"{out}: already exists and was not created by a batch; choose another name")
    started = datetime.now(UTC)
    with delivering(overwrite=True) as delivery:
        targets = plan_merge(delivery.local(out), products.vectorize.geometry, style=products.batch.style)
        paths = [*targets.paths, *targets.style_paths]
        check_outputs(paths, [], overwrite=True)
        delivery.check(paths)
        for path in paths:
            remove_leftovers(path)
        counts, crs = _write(layout, products, names, targets, report)
        made = _made(wanted, scenes, products, paths, counts)
    items = [layout.read_json(name, ".stac.json") for name in names]
    crs = lonlat_wkt() if file.lower().endswith(".geojson") else crs
    store.write(item, to_json(_item(Path(file), made, items, crs)).encode())
    run = {"started": started.isoformat(timespec="seconds"),
           "seconds": round((datetime.now(UTC) - started).total_seconds(), 3)}  # fmt: skip
    store.write(record, to_json(record_values(made, run)).encode())


def _write(
    layout: Layout, products: Products, names: list[str], targets: Targets, report: Report
) -> tuple[Counts, str]:
    """Write the layers; returns what they hold, and their CRS."""
    rasters = [layout.file(name, "_probability.tif") for name in names]
    with layout.store.reading(rasters) as paths, layout.store.scratch(layout.merging) as scratch:
        counts = Merger(products.vectorize, products.lines, report).merge(paths, targets, scratch)
        return counts, layer_crs([read_grid(path).crs for path in paths])


def _made(wanted: str, scenes: dict[str, Any], products: Products, paths: list[Path], counts: Counts) -> dict[str, Any]:
    any_scene = next(iter(scenes.values()))
    return {
        "fingerprint": wanted,
        "scenes": {name: {"fingerprint": made["fingerprint"], "input": made["input"]} for name, made in scenes.items()},
        "model": any_scene["model"],
        "backend": any_scene["backend"],
        "versions": any_scene["versions"],
        "options": {"vectorize": asdict(products.vectorize), "lines": asdict(products.lines)},
        "counts": asdict(counts),
        "outputs": {path.name: describe_file(path) for path in paths},
    }


def _item(out: Path, made: dict[str, Any], items: list[dict[str, Any]], crs: str) -> dict[str, Any]:
    """A STAC Item over the Items of the scenes; its time range is that of all of them, its CRS that of the layer."""
    place = shapely.union_all([shapely.from_geojson(json.dumps(item["geometry"])) for item in items])
    dates = sorted(item["properties"]["datetime"] or "" for item in items)
    properties = {"datetime": dates[-1], "start_datetime": dates[0], "end_datetime": dates[-1]}
    where = Place(json.loads(shapely.to_geojson(place)), list(place.bounds), projection(crs))
    assets = {path: asset_of(path, known, made) for path, known in made["outputs"].items()}
    item = item_values(out.stem, where, made, properties, assets)
    item["links"] = [link for scene in items for link in scene["links"] if link["rel"] == "derived_from"]
    return item
