"""Opens files that it is told of, in a process of its own: what crashes or hangs here ends nothing else.

Reads lines of JSON ``{"kind", "path"}`` from stdin, and answers each with ``{"outcome", "text"}``: ``taken``,
``refused`` with our sentence, or ``traceback``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import sys
import traceback
import warnings
from pathlib import Path

from road_extract.base.errors import RoadExtractError

#: Beyond what a small scene takes by the documented formula, a mutation must not ask for more.
MEMORY_BYTES = 6 * 2**30


def read_raster(path: Path) -> None:
    from road_extract.base.windows import TilePlan, Window
    from road_extract.io.raster import Scene, SceneView, find_problems, gdal_session, read_facts
    from road_extract.pipeline.resources import estimate_needs, find_shortages
    from road_extract.prediction.preprocess import scale_scene

    view = SceneView(1.0)
    with gdal_session():
        read_facts(str(path)).to_lines()
        find_problems(str(path), view)
        with Scene(str(path), view) as scene:
            scene.probe()
            plan = TilePlan(scene.grid.height, scene.grid.width, 224, 32)
            if find_shortages(estimate_needs(scene.grid.shape, "openvino", scene.block_bytes), path.parent)[0]:
                return
            scale_scene(scene, "percentiles")
            for window in [next(iter(plan)), Window(0, 0, min(300, plan.width), min(300, plan.height))]:
                scene.read(window.clipped(plan.height, plan.width))


def read_mask(path: Path) -> None:
    from road_extract.io.raster import ProbabilityRaster, gdal_session

    with gdal_session(), ProbabilityRaster(str(path)) as raster:
        for number, _ in enumerate(raster.iter_levels(0.5)):
            if number > 20:
                return


def read_vector(path: Path) -> None:
    import numpy as np
    import shapely
    from pyproj import CRS

    from road_extract.base.geodesy import lengths_m
    from road_extract.io.vector import read_area, read_roads, read_table
    from road_extract.metrics.splitting import split_lines

    crs = str(CRS("EPSG:32635").to_wkt())
    table = read_table(path)
    lines, _ = split_lines(table.geometries)
    lengths_m(lines, table.crs)
    read_roads(path, crs)
    with contextlib.suppress(RoadExtractError):
        read_area(path, crs, shapely.box(380_000, 6_600_000, 400_000, 6_700_000))
    np.asarray(table.geometries)


def compare(path: Path) -> None:
    from road_extract.base.options import DiffOptions
    from road_extract.evaluation.diff import diff_roads

    bounds = DiffOptions(bounds=(24.0, 59.0, 26.0, 61.0))
    diff_roads(path.parent / "roads.gpkg", path, path.parent / "out.gpkg", options=bounds, overwrite=True)


def read_sources(path: Path) -> None:
    from road_extract.io.sources import expand_inputs

    for ref in expand_inputs([str(path)])[:50]:
        assert "/" not in ref.name
        assert ref.name not in ("", ".", "..")


def read_model(path: Path) -> None:
    from road_extract.models import read_spec
    from road_extract.models.storage import read_weights

    if path.suffix == ".npz":
        read_weights(path.parent)
    else:
        read_spec(path.parent)


def read_batch(path: Path) -> None:
    """A record, or a shard, which resuming must be able to look at."""
    from road_extract.batch.layout import read_json
    from road_extract.batch.records import made_of
    from road_extract.batch.stores.folder import FolderStore, is_shard
    from road_extract.io.raster import gdal_session, read_tags

    if path.suffix == ".json":
        made_of(read_json(FolderStore(path.parent), path.name))
        return
    with gdal_session():
        is_shard(path, "fingerprint")
        read_tags(str(path))


def extract(path: Path) -> None:
    """All the way from a mask to roads: outputs are whole or not there."""
    from road_extract.base.options import VectorizeOptions
    from road_extract.pipeline.flow import vectorize_roads

    for name, geometry in (("out.gpkg", "both"), ("out.geojson", "lines")):
        vectorize_roads(path, path.parent / name, options=VectorizeOptions(geometry=geometry), overwrite=True)


def read_beside(path: Path) -> None:
    """A file that belongs to another."""
    if path.suffix == ".dbf":
        read_vector(path.with_suffix(".shp"))
    else:
        read_raster(path.with_name("a.png"))


KINDS = {
    "raster": read_raster, "mask": read_mask, "vector": read_vector, "diff": compare, "sources": read_sources,
    "model": read_model, "side": read_beside, "batch": read_batch, "roads": extract,
}  # fmt: skip


def answer(kind: str, path: str) -> dict[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            KINDS[kind](Path(path))
    except RoadExtractError as error:
        return {"outcome": "refused", "text": str(error)}
    except Exception:  # the very thing that is looked for
        return {"outcome": "traceback", "text": traceback.format_exc()}
    return {"outcome": "taken", "text": ""}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
