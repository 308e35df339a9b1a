"""The last step of a batch: one layer of all scenes, with its record, unless it already exists."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely

from road_extract.base.errors import InputError
from road_extract.base.files import check_outputs, remove_leftovers, write_json
from road_extract.base.progress import Report
from road_extract.batch.fingerprint import fingerprint
from road_extract.batch.layout import Layout
from road_extract.batch.merging import Merger, plan_merge
from road_extract.batch.pools.protocol import to_sentence
from road_extract.batch.records import asset_of, is_whole, item_values, read_made, write_record
from road_extract.batch.results import BatchResult
from road_extract.batch.tasks import Products, describe_file
from road_extract.pipeline.outputs import Counts


def merge_all(
    layout: Layout, products: Products, out: Path, result: BatchResult, *, restart: bool, report: Report
) -> None:
    """Merge the finished scenes. An error is stored in ``result``."""
    names = [scene.name for scene in result.scenes if scene.state in ("done", "kept")]
    if result.error or not names:
        return
    try:
        _merge(layout, products, out, names, restart, report)
        result.merged = out
    except Exception as error:
        result.error = str(to_sentence(error))


def _merge(layout: Layout, products: Products, out: Path, names: list[str], restart: bool, report: Report) -> None:
    targets = plan_merge(out, products.vectorize.geometry, style=products.batch.style)
    record = out.with_name(f"{out.stem}.json")
    scenes = {name: read_made(layout.record(name)) for name in names}
    wanted = fingerprint(
        {"scenes": {name: made.get("fingerprint") for name, made in scenes.items()},
         "vectorize": asdict(products.vectorize), "lines": asdict(products.lines),
         **({"style": True} if products.batch.style else {})}
    )  # fmt: skip
    old = read_made(record)
    if not restart and is_whole(out.parent, old, wanted):
        return
    if not old and out.exists():
        raise InputError(f"{out}: already exists and was not created by a batch; choose another name")
    check_outputs([*targets.paths, *targets.style_paths, record], [], overwrite=True)
    item = out.with_name(f"{out.stem}.stac.json")
    for path in (*targets.paths, *targets.style_paths, record, item):
        remove_leftovers(path)
    started = datetime.now(UTC)
    rasters = [layout.scene(name) / f"{name}_probability.tif" for name in names]
    counts = Merger(products.vectorize, products.lines, report).merge(rasters, targets, layout.lock.parent / "merge")
    made = _made(wanted, scenes, products, [*targets.paths, *targets.style_paths], counts)
    items = [json.loads((layout.scene(name) / f"{name}.stac.json").read_text(encoding="utf-8")) for name in names]
    write_json(item, _item(out, made, items))
    run = {"started": started.isoformat(timespec="seconds"),
           "seconds": round((datetime.now(UTC) - started).total_seconds(), 3)}  # fmt: skip
    write_record(record, made, run)


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


def _item(out: Path, made: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    """A STAC Item over the Items of the scenes; its time range is that of all of them."""
    place = shapely.union_all([shapely.from_geojson(json.dumps(item["geometry"])) for item in items])
    dates = sorted(item["properties"]["datetime"] or "" for item in items)
    properties = {"datetime": dates[-1], "start_datetime": dates[0], "end_datetime": dates[-1]}
    geometry = json.loads(shapely.to_geojson(place))
    links = [link for item in items for link in item["links"]]
    assets = {path: asset_of(path, known) for path, known in made["outputs"].items()}
    return item_values(out.stem, geometry, list(place.bounds), made, properties, assets, links)
