"""Writes the record of how the outputs of a scene were made.

A record has two parts. ``made`` is the same whenever the same outputs are made from the same inputs. ``run`` describes
one run, and is the only place that holds times.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from road_extract.batch.fingerprint import SPEED_ONLY, versions_of
from road_extract.batch.shards import ShardedScene, count_windows
from road_extract.batch.tasks import Finished, Products
from road_extract.models import read_spec
from road_extract.pipeline.setup import model_folder

#: Version of records and summaries; it increases when their meaning changes.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a scene comes from.

    Attributes:
        name: Name of the outputs.
        shown: Location, without secrets.
        identity: What identifies the content.
        taken: Time of the picture as written in the file (TIFF: ``YYYY:MM:DD HH:MM:SS``); may be empty.
    """

    name: str
    shown: str
    identity: dict[str, Any]
    taken: str = ""


def made_values(
    origin: Origin, scene: ShardedScene, products: Products, finished: Finished, fingerprint: str
) -> dict[str, Any]:
    """The part of a record that is the same in every run."""
    predict = {name: value for name, value in asdict(scene.options).items() if name not in SPEED_ONLY}
    return {
        "fingerprint": fingerprint,
        "scene": origin.name,
        "input": {"path": origin.shown, "identity": origin.identity, "taken": origin.taken or None},
        "model": {"folder": predict.pop("model"), "sha256": scene.model,
                  "true_width": read_spec(model_folder(scene.options)).true_width},
        "backend": finished.backend,
        "versions": versions_of(scene.options),
        "options": {"predict": predict, "vectorize": asdict(products.vectorize), "lines": asdict(products.lines)},
        "grid": {"height": scene.grid.height, "width": scene.grid.width, "transform": list(scene.grid.transform[:6]),
                 "crs": scene.grid.crs},
        "windows": {"plan": len(scene.plan), "computed": count_windows(scene.plan, scene.cores)},
        "shards": len(scene.cores),
        "counts": {"polygons": finished.polygons, "lines": finished.lines},
        "remarks": [text for _, text in scene.remarks] + ([finished.remark] if finished.remark else []),
        "outputs": finished.outputs,
    }  # fmt: skip


def record_values(made: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """A record."""
    return {"format": FORMAT, "made": made, "run": run}


def made_of(record: dict[str, Any]) -> dict[str, Any]:
    """The part of a record that is the same in every run; empty if it is none."""
    try:
        return dict(record["made"]) if record["format"] == FORMAT else {}
    except (ValueError, KeyError, TypeError):
        return {}


def is_whole(sizes: dict[str, int], made: dict[str, Any], fingerprint: str) -> bool:
    """Whether files of these sizes are everything that a record lists, with this fingerprint."""
    try:
        if made.get("fingerprint") != fingerprint:
            return False
        return all(sizes.get(name) == known["bytes"] for name, known in made["outputs"].items())
    except (AttributeError, KeyError, TypeError):
        return False
