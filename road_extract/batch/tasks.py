"""The two tasks of every scene, as plain functions that can run anywhere: predicting a shard, and finishing."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from road_extract.base.errors import InputError
from road_extract.base.files import scratch
from road_extract.base.options import BatchOptions, LineOptions, ReportOptions, VectorizeOptions
from road_extract.base.progress import Report
from road_extract.batch.fingerprint import file_hash
from road_extract.batch.shards import ShardedScene, join_shards, predict_shard
from road_extract.batch.stores import ResultStore
from road_extract.io.styles import write_style_files
from road_extract.io.vector import FORMATS, TagRule
from road_extract.pipeline.flow import vectorize_roads
from road_extract.pipeline.outputs import Extraction, Outputs, plan_targets
from road_extract.pipeline.resources import Needs, check_needs
from road_extract.pipeline.setup import NOTHING_VALID


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to predict.

    Attributes:
        scene: Scene of the shard.
        index: Index of its core.
        store: Where it is kept.
        out: Its name there.
        fingerprint: Recorded in the file.
    """

    scene: ShardedScene
    index: int
    store: ResultStore
    out: str
    fingerprint: str


def run_shard(task: ShardTask, report: Report) -> float:
    """Predict a shard; returns the seconds that it took."""
    started = time.monotonic()
    with task.store.writing(task.out, task.fingerprint) as out:
        predict_shard(task.scene, task.index, out, task.fingerprint, report)
    return time.monotonic() - started


@dataclass(frozen=True, slots=True)
class Products:
    """What is made from the probability of a scene.

    Attributes:
        vectorize: How roads are made from it.
        lines: Further options for lines.
        batch: Which files are written.
        keep_probability: Whether the probability is kept.
        rules: The tags of ``.osm`` files; read once, because workers may not have the file that the options name.
    """

    vectorize: VectorizeOptions
    lines: LineOptions
    batch: BatchOptions
    keep_probability: bool
    rules: tuple[TagRule, ...] = ()

    def check(self, *, widths: bool = True) -> None:
        """Check that all formats can hold what is asked for.

        Args:
            widths: Whether lines have widths.

        Raises:
            InputError: If one cannot.
        """
        if self.rules and ".osm" not in self.batch.suffixes:
            raise InputError(f"formats is {self.batch.formats!r}; --osm-tags needs the format osm among them")
        for suffix in self.batch.suffixes:
            outputs = Outputs(
                f"scene{suffix}",
                nodes=self._nodes("scene"),
                creation_options=self.batch.creation_options,
                osm_tags=self._rules(suffix),
            )
            plan_targets(outputs, self.vectorize.geometry).check_attributes(widths=widths)
        if self.batch.report:
            from road_extract.review import check_source

            check_source("scene.html", f"scene{self.batch.suffixes[0]}")

    def _nodes(self, name: str) -> Path | None:
        return Path(f"{name}_nodes{self._node_suffix}") if self.batch.keep_nodes else None

    def _rules(self, suffix: str) -> tuple[TagRule, ...]:
        return self.rules if suffix == ".osm" else ()

    @property
    def _node_suffix(self) -> str:
        return next((suffix for suffix in self.batch.suffixes if suffix in FORMATS), ".gpkg")

    def extract(self, raster: Path, folder: Path, name: str, report: Report) -> Extraction:
        """Write all products into a folder."""
        nodes, mask = self._nodes(name), Path(f"{name}_mask.tif") if self.batch.keep_mask else None
        done = []
        for suffix in self.batch.suffixes:
            outputs = Outputs(
                folder / f"{name}{suffix}",
                mask=mask and folder / mask,
                nodes=nodes and folder / nodes,
                creation_options=self.batch.creation_options,
                style=self.batch.style,
                osm_tags=self._rules(suffix),
            )
            done.append(
                vectorize_roads(
                    raster, outputs, options=self.vectorize, lines=self.lines, overwrite=True, report=report
                )
            )
            nodes = mask = None  # written once only
        return done[0]

    def write_page(self, scene: ShardedScene, raster: Path, found: Extraction, page: Path) -> None:
        """Write the page for review."""
        from road_extract.review import describe_options, write_report

        made = {"Scene": scene.shown, **describe_options(scene.options, self.vectorize, self.lines)}
        roads = list(dict.fromkeys([found.path, found.lines_path]))
        options = ReportOptions.of(scene.options)
        write_report(scene.path, roads, page, probability=raster, options=options, made=made)


@dataclass(frozen=True, slots=True)
class FinishTask:
    """A scene whose shards are all finished.

    Attributes:
        scene: The scene.
        name: Name of its outputs.
        store: Where everything is kept.
        shards: Names of the shards there, in the order of the cores.
        folder: Beginning of the name of the folder there for the outputs.
        products: What to make.
    """

    scene: ShardedScene
    name: str
    store: ResultStore = field(repr=False)
    shards: tuple[str, ...] = field(repr=False)
    folder: str = field(repr=False)
    products: Products = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """The outputs of a scene.

    Attributes:
        folder: Folder of the outputs in the store.
        polygons: Number of polygons.
        lines: Number of lines.
        backend: Runtime of the model.
        outputs: Size and SHA-256 of each file, by name.
        remark: What the user should know; may be empty.
        seconds: Time that it took.
    """

    folder: str
    polygons: int
    lines: int
    backend: str
    outputs: dict[str, dict[str, Any]]
    remark: str
    seconds: float


def run_finish(task: FinishTask, report: Report) -> Finished:
    """Join the shards and make roads from them, in a new folder without leftovers of earlier attempts."""
    started = time.monotonic()
    name = f"{task.folder}-{os.getpid()}-{secrets.token_hex(4)}"  # an attempt on a lost worker may have left another
    with task.store.filling(name) as folder:
        check_needs(task.scene.shown, Needs(0, task.scene.grid.height * task.scene.grid.width * 4 // 3), folder)
        found, seen, backend = _make(task, folder, report)
        outputs = {path.name: describe_file(path) for path in sorted(folder.iterdir())}
    remark = "" if seen else NOTHING_VALID
    return Finished(name, found.polygons, found.lines, backend, outputs, remark, time.monotonic() - started)


def _make(task: FinishTask, folder: Path, report: Report) -> tuple[Extraction, bool, str]:
    raster = folder / f"{task.name}_probability.tif"
    with nullcontext(raster) if task.products.keep_probability else scratch(raster) as written:
        stored = task.products.batch.creation_options if task.products.keep_probability else None
        seen, backend = join_shards(task.scene, task.shards, written, stored, task.store.reading)
        found = task.products.extract(written, folder, task.name, report)
        if task.products.batch.style and task.products.keep_probability:
            write_style_files(written, "probability")
        if task.products.batch.report:
            task.products.write_page(task.scene, written, found, folder / f"{task.name}.html")
        return found, seen, backend


def describe_file(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    return {"bytes": path.stat().st_size, "sha256": file_hash(path)}
