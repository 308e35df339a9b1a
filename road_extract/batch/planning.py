"""Plans the work on scenes: their shards, what identifies their outputs, and which shards are still missing."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from road_extract.base.errors import RoadExtractError
from road_extract.base.options import PredictOptions
from road_extract.batch.fingerprint import fingerprint, prediction_values
from road_extract.batch.layout import Layout
from road_extract.batch.pools.protocol import to_sentence
from road_extract.batch.records import Origin
from road_extract.batch.results import SceneResult
from road_extract.batch.shards import ShardedScene, plan_scene
from road_extract.batch.tasks import Products, ShardTask
from road_extract.io.raster import gdal_session, read_tags
from road_extract.io.sources import SceneRef
from road_extract.pipeline.resources import Needs, check_needs


@dataclass(frozen=True, slots=True)
class Recipe:
    """How every scene is processed.

    Attributes:
        predict: How probabilities are made, on the workers.
        shard_px: See `plan_scene`.
        products: What is made from the probabilities.
    """

    predict: PredictOptions
    shard_px: int
    products: Products


@dataclass(slots=True)
class PlannedScene:
    """A scene that is being processed.

    Attributes:
        origin: Where it comes from.
        scene: What its shards have in common.
        shard_fingerprint: Fingerprint of its probability.
        fingerprint: Fingerprint of all its outputs.
        waiting: Shards that nobody works on yet.
        left: Number of shards that are not finished.
        result: State of the scene.
        seconds: Time spent on each part of the work.
        started: When this run began with it.
    """

    origin: Origin
    scene: ShardedScene
    shard_fingerprint: str
    fingerprint: str
    result: SceneResult
    waiting: deque[int] = field(default_factory=deque)
    left: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"shards": 0.0, "finish": 0.0})
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def failed(self) -> bool:
        """Whether it has failed, so that no more work should be done."""
        return self.result.state == "failed"


def plan(ref: SceneRef, recipe: Recipe, result: SceneResult) -> PlannedScene:
    """Plan the work on a scene.

    Raises:
        RoadExtractError: If the scene cannot be used.
    """
    path = os.path.abspath(ref.path) if os.path.exists(ref.path) else ref.path
    scene = plan_scene(path, recipe.predict, recipe.shard_px, ref.shown, ref.bands)
    with gdal_session():
        taken = read_tags(ref.path).get("TIFFTAG_DATETIME", "")
    origin = Origin(ref.name, ref.shown, ref.identity(), taken)
    values = prediction_values(origin.identity, recipe.predict, scene.model, recipe.shard_px)
    products = recipe.products
    whole = {
        "prediction": values,
        "vectorize": asdict(products.vectorize),
        "lines": asdict(products.lines),
        "suffixes": products.batch.suffixes,
        "kept": [products.keep_probability, products.batch.keep_mask, products.batch.keep_nodes],
        **{name: True for name in ("report", "style") if getattr(products.batch, name)},
    }
    if products.batch.creation_options:
        whole["creation_options"] = products.batch.creation_options
    if products.rules:
        whole["osm_tags"] = [asdict(rule) for rule in products.rules]
    return PlannedScene(origin, scene, fingerprint(values), fingerprint(whole), result)


def missing_shards(planned: PlannedScene, layout: Layout) -> list[int]:
    """Indices of the shards that are not finished."""
    known = planned.shard_fingerprint
    names = [layout.shard(planned.origin.name, known, index) for index in range(len(planned.scene.cores))]
    return [index for index, there in enumerate(layout.store.marked(names, known)) if not there]


def check_room(planned: PlannedScene, missing: int, layout: Layout) -> None:
    """See whether the missing shards, and the raster that all of them become, fit on the disk, if they go to one.

    Raises:
        InputError: If they cannot.
    """
    scene = planned.scene
    pixels = scene.grid.height * scene.grid.width
    shards = pixels * missing // len(scene.cores)
    check_needs(scene.shown, Needs(0, shards + pixels * 4 // 3), layout.store.room)


def iter_portion(
    refs: Iterable[SceneRef], recipe: Recipe, layout: Layout, index: int, of: int
) -> Iterator[tuple[str, ShardTask | RoadExtractError]]:
    """Every ``of``-th shard of all scenes, counted from ``index``, that is not finished; also scenes that fail.

    Each of the ``of`` runs plans all scenes on its own, with the same result.

    Yields:
        The name of the scene, and a task or the error that prevents it.
    """
    number = 0
    for ref in refs:
        try:
            planned = plan(ref, recipe, SceneResult(ref.name, ref.shown))
            missing = set(missing_shards(planned, layout))
            check_room(planned, len(missing), layout)
        except RoadExtractError as error:
            yield ref.name, to_sentence(error)
            continue
        for shard in range(len(planned.scene.cores)):
            if number % of == index and shard in missing:
                out = layout.shard(ref.name, planned.shard_fingerprint, shard)
                yield ref.name, ShardTask(planned.scene, shard, layout.store, out, planned.shard_fingerprint)
            number += 1


def with_threads(options: PredictOptions, threads: int) -> PredictOptions:
    """Divide the processors among workers, unless the user has set the number of threads."""
    return options if options.threads is not None else replace(options, threads=threads)


def scene_results(refs: Iterable[SceneRef]) -> list[SceneResult]:
    """One entry for each scene, not finished yet."""
    return [SceneResult(ref.name, ref.shown) for ref in refs]
