"""Scenes through a pool of workers: planned here, in shards there, and put in their place here again."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from road_extract.base.errors import OutputError, RoadExtractError
from road_extract.base.files import write_json
from road_extract.base.options import PredictOptions
from road_extract.base.progress import Progress, Report
from road_extract.batch.fingerprint import fingerprint, prediction_values
from road_extract.batch.layout import Layout
from road_extract.batch.pools.protocol import Outcome, Pool, to_sentence
from road_extract.batch.records import Origin, is_whole, made_values, read_made, stac_item, write_record
from road_extract.batch.results import BatchResult, SceneResult
from road_extract.batch.shards import ShardedScene, is_shard, plan_scene
from road_extract.batch.tasks import Finished, FinishTask, Products, ShardTask, run_finish, run_shard
from road_extract.io.raster import gdal_session, read_tags
from road_extract.io.sources import SceneRef

log = logging.getLogger("road_extract")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How every scene is made.

    Attributes:
        predict: To probability; what the workers are told.
        shard_px: See `plan_scene`.
        products: From there on.
    """

    predict: PredictOptions
    shard_px: int
    products: Products


@dataclass(slots=True)
class PlannedScene:
    """A scene at work.

    Attributes:
        origin: Where it comes from.
        scene: For its shards.
        made_of: Fingerprint of its probability.
        fingerprint: Of all its outputs.
        waiting: Shards nobody works on yet.
        left: Shards that are not there yet.
        result: What becomes of it.
        seconds: Of each part of the work.
        started: When this run came to it.
    """

    origin: Origin
    scene: ShardedScene
    made_of: str
    fingerprint: str
    result: SceneResult
    waiting: deque[int] = field(default_factory=deque)
    left: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"shards": 0.0, "finish": 0.0})
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def failed(self) -> bool:
        """Whether there is no use in going on."""
        return self.result.state == "failed"


def plan(ref: SceneRef, recipe: Recipe, result: SceneResult) -> PlannedScene:
    """Find out what a scene is and what is to be made of it.

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
    }
    return PlannedScene(origin, scene, fingerprint(values), fingerprint(whole), result)


def missing_shards(planned: PlannedScene, layout: Layout) -> list[int]:
    """Shards that are not there yet."""
    name, made_of = planned.origin.name, planned.made_of
    with gdal_session():
        return [
            index for index in range(len(planned.scene.cores))
            if not is_shard(layout.shard(name, made_of, index), made_of)
        ]  # fmt: skip


class BatchRun:
    """One run over all scenes."""

    def __init__(self, layout: Layout, recipe: Recipe, pool: Pool, report: Report) -> None:
        self._layout, self._recipe, self._pool, self._report = layout, recipe, pool, report
        self._at_work: dict[str, PlannedScene] = {}
        self._ready: deque[PlannedScene] = deque()
        self._flying = 0

    def run(self, refs: list[SceneRef], result: BatchResult, *, restart: bool, fail_fast: bool, by: str) -> None:
        """Make all scenes; what becomes of them goes to ``result``, also where this is interrupted.

        Args:
            refs: The scenes.
            result: With one entry for each of them.
            restart: Keep nothing of earlier runs.
            fail_fast: Begin nothing after the first failure.
            by: Who works, for the records.
        """
        self._result, self._restart, self._fail_fast, self._by = result, restart, fail_fast, by
        self._scenes = zip(refs, result.scenes, strict=True)
        self._tell_scenes()
        while True:
            self._fill()
            if not self._flying:
                return
            outcome = self._pool.next_outcome()
            self._flying -= 1
            self._take(outcome)

    @property
    def _stopping(self) -> bool:
        return bool(self._result.error) or (self._fail_fast and self._result.count("failed") > 0)

    def _fill(self) -> None:
        """Hand over work until nobody idles."""
        while self._flying < self._pool.width:
            if self._ready:
                self._submit_finish(self._ready.popleft())
            elif (planned := self._next_waiting()) is not None:
                self._submit_shard(planned)
            elif self._stopping or not self._open_next():
                return

    def _next_waiting(self) -> PlannedScene | None:
        if self._stopping:
            return None
        return next((planned for planned in self._at_work.values() if planned.waiting and not planned.failed), None)

    def _open_next(self) -> bool:
        """Plan the next scene; whether there was one."""
        for ref, result in self._scenes:
            try:
                self._open(ref, result)
            except Exception as error:
                self._fail(result, to_sentence(error))
            return True
        return False

    def _open(self, ref: SceneRef, result: SceneResult) -> None:
        self._layout.check_name(ref.name)
        planned = plan(ref, self._recipe, result)
        if not self._restart and self._is_there(planned):
            return
        for level, text in planned.scene.remarks:
            log.log(level, f"{ref.name}: {text}")
        if self._restart:
            self._layout.forget(ref.name)
        self._layout.begin(ref.name, planned.made_of)
        planned.waiting = deque(missing_shards(planned, self._layout))
        planned.left = len(planned.waiting)
        if done := len(planned.scene.cores) - planned.left:
            log.info(f"{ref.name}: goes on, {done} of {len(planned.scene.cores)} shards are there")
        self._at_work[ref.name] = planned
        if not planned.left:
            self._ready.append(planned)

    def _is_there(self, planned: PlannedScene) -> bool:
        name, result = planned.origin.name, planned.result
        made = read_made(self._layout.record(name))
        if not is_whole(self._layout.scene(name), made, planned.fingerprint):
            if made:
                log.info(f"{name}: its outputs are of other input, options, model or version, or not whole: made anew")
            return False
        result.state, result.polygons, result.lines = "kept", made["counts"]["polygons"], made["counts"]["lines"]
        self._layout.forget(name)
        self._tell_scenes()
        return True

    def _submit_shard(self, planned: PlannedScene) -> None:
        index = planned.waiting.popleft()
        name = planned.origin.name
        out = self._layout.shard(name, planned.made_of, index)
        self._submit(f"{name}/{index}", run_shard, ShardTask(planned.scene, index, out, planned.made_of))

    def _submit_finish(self, planned: PlannedScene) -> None:
        name = planned.origin.name
        shards = [self._layout.shard(name, planned.made_of, index) for index in range(len(planned.scene.cores))]
        task = FinishTask(planned.scene, name, tuple(shards), self._layout.place(name), self._recipe.products)
        self._submit(f"{name}/finish", run_finish, task)

    def _submit(self, key: str, function: Any, task: Any) -> None:
        self._pool.submit(key, function, task)
        self._flying += 1

    def _take(self, outcome: Outcome) -> None:
        """Go on with what came back."""
        name, _, part = outcome.key.rpartition("/")
        planned = self._at_work[name]
        if outcome.error is not None:
            if not planned.failed:
                self._fail(planned.result, outcome.error)
        elif part == "finish":
            try:
                self._publish(planned, outcome.value)
            except Exception as error:
                self._fail(planned.result, to_sentence(error))
        else:
            self._take_shard(planned, outcome.value)

    def _take_shard(self, planned: PlannedScene, seconds: float) -> None:
        planned.left -= 1
        planned.seconds["shards"] += seconds
        planned.result.seconds += seconds
        total = len(planned.scene.cores)
        self._report(Progress("shards", total - planned.left, total, "shards", planned.origin.name))
        if not planned.left and not planned.failed:
            self._ready.append(planned)

    def _publish(self, planned: PlannedScene, finished: Finished) -> None:
        origin, scene, result = planned.origin, planned.scene, planned.result
        planned.seconds["finish"] = finished.seconds
        made = made_values(origin, scene, self._recipe.products, finished, planned.fingerprint)
        folder = finished.folder
        write_json(folder / f"{origin.name}.stac.json", stac_item(origin, made, scene.grid))
        write_record(folder / f"{origin.name}.json", made, self._run_values(planned))
        self._layout.publish(origin.name, folder)
        if finished.remark:
            log.warning(f"{origin.name}: {finished.remark}")
        result.state, result.polygons, result.lines = "done", finished.polygons, finished.lines
        result.seconds += finished.seconds
        del self._at_work[origin.name]
        self._tell_scenes()

    def _run_values(self, planned: PlannedScene) -> dict[str, Any]:
        return {
            "started": planned.started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": {part: round(value, 3) for part, value in planned.seconds.items()},
            "by": self._by,
        }

    def _fail(self, result: SceneResult, error: RoadExtractError) -> None:
        result.state, result.error = "failed", str(error)
        log.error(f"{result.name}: {error}")
        if isinstance(error, OutputError):  # the next scene would not fare better, hours later
            self._result.error = str(error)
        self._tell_scenes()

    def _tell_scenes(self) -> None:
        total = len(self._result.scenes)
        done = total - self._result.count("not finished")
        if total:
            self._report(Progress("scenes", done, total, "scenes"))


def iter_portion(
    refs: Iterable[SceneRef], recipe: Recipe, layout: Layout, index: int, of: int
) -> Iterator[tuple[str, ShardTask | RoadExtractError]]:
    """Every ``of``-th shard of all scenes, counted from ``index``, that is not there yet; scenes that cannot be used.

    Every one of the ``of`` runs plans all scenes by itself, and all come to the same.

    Yields:
        The scene's name, and a task or why there is none.
    """
    number = 0
    for ref in refs:
        try:
            planned = plan(ref, recipe, SceneResult(ref.name, ref.shown))
        except RoadExtractError as error:
            yield ref.name, to_sentence(error)
            continue
        folder = layout.shards(ref.name, planned.made_of)
        folder.mkdir(parents=True, exist_ok=True)
        missing = set(missing_shards(planned, layout))
        for shard in range(len(planned.scene.cores)):
            if number % of == index and shard in missing:
                out = layout.shard(ref.name, planned.made_of, shard)
                yield ref.name, ShardTask(planned.scene, shard, out, planned.made_of)
            number += 1


def with_threads(options: PredictOptions, threads: int) -> PredictOptions:
    """Share the processors among workers, unless the user said otherwise."""
    return options if options.threads is not None else replace(options, threads=threads)


def scene_results(refs: Iterable[SceneRef]) -> list[SceneResult]:
    """One entry for each scene, of which nothing has become yet."""
    return [SceneResult(ref.name, ref.shown) for ref in refs]
