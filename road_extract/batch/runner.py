"""Runs scenes through a pool of workers: plans them here, has shards computed there, and publishes the results."""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any

from road_extract.base.errors import OutputError, RoadExtractError
from road_extract.base.progress import Progress, Report
from road_extract.batch.layout import Layout
from road_extract.batch.planning import PlannedScene, Recipe, check_room, missing_shards, plan
from road_extract.batch.pools.protocol import Outcome, Pool, to_sentence
from road_extract.batch.records import is_whole, made_of, made_values, record_values
from road_extract.batch.results import BatchResult, SceneResult
from road_extract.batch.stac import scene_item
from road_extract.batch.stores import Claim
from road_extract.batch.tasks import Finished, FinishTask, ShardTask, run_finish, run_shard
from road_extract.io.sources import SceneRef

log = logging.getLogger("road_extract")


class BatchRun:
    """One run over all scenes."""

    def __init__(self, layout: Layout, claim: Claim, recipe: Recipe, pool: Pool, report: Report) -> None:
        self._layout, self._claim, self._recipe, self._pool, self._report = layout, claim, recipe, pool, report
        self._at_work: dict[str, PlannedScene] = {}
        self._ready: deque[PlannedScene] = deque()
        self._pending = 0

    def run(self, refs: list[SceneRef], result: BatchResult, *, restart: bool, fail_fast: bool, by: str) -> None:
        """Process all scenes and store their states in ``result``, even if this is interrupted.

        Args:
            refs: The scenes.
            result: Has one entry for each scene.
            restart: Keep nothing from earlier runs.
            fail_fast: Start nothing new after the first failure.
            by: Name of the pool, for the records.
        """
        self._result, self._restart, self._fail_fast, self._by = result, restart, fail_fast, by
        self._scenes = zip(refs, result.scenes, strict=True)
        self._tell_scenes()
        while True:
            self._fill()
            if not self._pending:
                return
            outcome = self._pool.next_outcome()
            self._pending -= 1
            self._claim.check()
            self._take(outcome)

    @property
    def _stopping(self) -> bool:
        return bool(self._result.error) or (self._fail_fast and self._result.count("failed") > 0)

    def _fill(self) -> None:
        """Submit work until no worker is idle."""
        while self._pending < self._pool.width:
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
        """Plan the next scene; returns whether there was one."""
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
        self._layout.begin(ref.name, planned.shard_fingerprint)
        planned.waiting = deque(missing_shards(planned, self._layout))
        check_room(planned, len(planned.waiting), self._layout)
        planned.left = len(planned.waiting)
        if done := len(planned.scene.cores) - planned.left:
            log.info(f"{ref.name}: resumed, {done} of {len(planned.scene.cores)} shards are finished")
        self._at_work[ref.name] = planned
        if not planned.left:
            self._ready.append(planned)

    def _is_there(self, planned: PlannedScene) -> bool:
        name, result = planned.origin.name, planned.result
        made = made_of(self._layout.read_json(name))
        if not made or not is_whole(self._layout.store.sizes(name), made, planned.fingerprint):
            if made:
                log.info(
                    f"{name}: its outputs are incomplete, or input, options, model or version have changed: redone"
                )
            return False
        result.state, result.polygons, result.lines = "kept", made["counts"]["polygons"], made["counts"]["lines"]
        self._layout.forget(name)
        self._tell_scenes()
        return True

    def _submit_shard(self, planned: PlannedScene) -> None:
        index = planned.waiting.popleft()
        name = planned.origin.name
        out = self._layout.shard(name, planned.shard_fingerprint, index)
        task = ShardTask(planned.scene, index, self._layout.store, out, planned.shard_fingerprint)
        self._submit(f"{name}/{index}", run_shard, task)

    def _submit_finish(self, planned: PlannedScene) -> None:
        name = planned.origin.name
        shards = [
            self._layout.shard(name, planned.shard_fingerprint, index) for index in range(len(planned.scene.cores))
        ]
        store, folder = self._layout.store, self._layout.ready(name)
        task = FinishTask(planned.scene, name, store, tuple(shards), folder, self._recipe.products)
        self._submit(f"{name}/finish", run_finish, task)

    def _submit(self, key: str, function: Any, task: Any) -> None:
        self._pool.submit(key, function, task)
        self._pending += 1

    def _take(self, outcome: Outcome) -> None:
        """Handle an outcome."""
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
        record = record_values(made, self._run_values(planned))
        self._layout.publish(origin.name, finished.folder, scene_item(origin, made, scene.grid), record)
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
        if isinstance(error, OutputError):  # the next scene would fail in the same way, hours later
            self._result.error = str(error)
        self._tell_scenes()

    def _tell_scenes(self) -> None:
        total = len(self._result.scenes)
        done = total - self._result.count("not finished")
        if total:
            self._report(Progress("scenes", done, total, "scenes"))
