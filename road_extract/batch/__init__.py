"""Resumable processing of many scenes, or of one very large scene, on one machine or on several.

inputs --sources--> scenes --plan--> shards --pool--> shard files --pool--> outputs --here--> DIR/NAME

This package plans, distributes, resumes and merges work. How a single scene is turned into roads belongs in `pipeline`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from road_extract.base.errors import InputError, OutputError, RoadExtractError
from road_extract.base.options import BatchOptions, LineOptions, PredictOptions, VectorizeOptions
from road_extract.base.progress import Progress, Report, no_report
from road_extract.batch.layout import Layout
from road_extract.batch.merging import plan_merge
from road_extract.batch.planning import Recipe, iter_portion, scene_results, with_threads
from road_extract.batch.pools.processes import ProcessPool
from road_extract.batch.pools.protocol import Pool, attempt
from road_extract.batch.pools.serial import SerialPool
from road_extract.batch.results import BatchResult
from road_extract.batch.runner import BatchRun
from road_extract.batch.shards import release_model
from road_extract.batch.stac import collection_values
from road_extract.batch.stores import Claim, open_store, split_location
from road_extract.batch.tasks import Products, ShardTask, run_shard
from road_extract.batch.whole import merge_all
from road_extract.io.sources import SceneRef, expand_inputs
from road_extract.io.vector import read_tag_rules
from road_extract.models import read_spec
from road_extract.pipeline.setup import model_folder

__all__ = ["BatchResult", "PortionResult", "extract_batch", "predict_portion"]


def extract_batch(
    inputs: Sequence[str],
    out: str | Path,
    *,
    predict: PredictOptions | None = None,
    vectorize: VectorizeOptions | None = None,
    lines: LineOptions | None = None,
    batch: BatchOptions | None = None,
    report: Report = no_report,
) -> BatchResult:
    """Extract the roads of many scenes into a folder, resuming an interrupted run.

    Args:
        inputs: Files, folders, globs, lists, STAC, remote rasters: see `road_extract.io.sources.expand_inputs`.
        out: New or empty folder, or that of an earlier batch; or ``s3://``, ``gs://`` or ``az://`` and a prefix.
        predict: How probabilities are made.
        vectorize: How roads are made from them.
        lines: Further options for lines.
        batch: Outputs of each scene and of all scenes, who does the work, and what is kept from earlier runs.
        report: Called with the progress.

    Returns:
        The state of every scene; a scene that fails does not stop the others.

    Raises:
        RoadExtractError: If the batch cannot begin because inputs, options or model cannot be used, or because another
            run is working in the folder.
    """
    batch, vectorize, lines = batch or BatchOptions(), vectorize or VectorizeOptions(), lines or LineOptions()
    rules = read_tag_rules(batch.osm_tags)
    products = Products(vectorize, lines, batch, batch.keep_probability or batch.merge is not None, rules)
    products.check()
    if batch.merge is not None:
        plan_merge(Path(split_location(batch.merge)[1]), vectorize.geometry, style=batch.style)
    refs, predict = _begin(inputs, predict, batch)
    products.check(widths=read_spec(model_folder(predict)).true_width)
    layout = Layout(open_store(out))
    layout.create()
    with layout.claim() as claim, _open_pool(batch, _guarded(report, claim)) as (pool, threads, by):
        predict = predict if threads is None else with_threads(predict, threads)
        recipe = Recipe(predict, batch.shard_px, products)
        result = BatchResult(out, scene_results(refs))
        try:
            run = BatchRun(layout, claim, recipe, pool, report)
            run.run(refs, result, restart=not batch.resume, fail_fast=batch.fail_fast, by=by)
            pool.close()
            if batch.merge is not None:
                merge_all(layout, products, batch.merge, result, restart=not batch.resume, report=report)
        finally:
            _write_summary(layout, claim, result)
        return result


@dataclass(frozen=True, slots=True)
class PortionResult:
    """The result of predicting a portion of the shards.

    Attributes:
        made: Number of shards that were predicted.
        errors: Scenes that failed, each with the reason.
    """

    made: int
    errors: dict[str, str]


def predict_portion(
    inputs: Sequence[str],
    out: str | Path,
    index: int,
    of: int,
    *,
    predict: PredictOptions | None = None,
    batch: BatchOptions | None = None,
    report: Report = no_report,
) -> PortionResult:
    """Predict every ``of``-th shard of all scenes, counted from ``index``; `extract_batch` then finds them finished.

    Any number of portions may be predicted at the same time in the same folder, on any machines that share it.

    Args:
        inputs: As for `extract_batch`; the same for all portions.
        out: As for `extract_batch`.
        index: Number of the portion, from 0.
        of: Number of portions.
        predict: How probabilities are made; as for `extract_batch`.
        batch: As for `extract_batch`; only options about shards matter.
        report: Called with the progress.

    Raises:
        RoadExtractError: If inputs, options or model cannot be used, or a batch is running in the folder.
    """
    if not 0 <= index < of:
        raise InputError(f"index is {index} of {of}; expected 0 to {of - 1}")
    batch = batch or BatchOptions()
    refs, predict = _begin(inputs, predict, batch)
    layout = Layout(open_store(out))
    layout.create()
    recipe = Recipe(predict, batch.shard_px, Products(VectorizeOptions(), LineOptions(), batch, False))
    made, errors = 0, {}
    with layout.claim(shared=True) as claim:
        try:
            for name, task in iter_portion(refs, recipe, layout, index, of):
                error = _make(task, _guarded(report, claim))
                made += error is None
                if error is not None:
                    errors[name] = str(error)
                if isinstance(error, OutputError):
                    break
        finally:
            release_model()
    return PortionResult(made, errors)


def _make(task: ShardTask | RoadExtractError, report: Report) -> RoadExtractError | None:
    return task if isinstance(task, RoadExtractError) else attempt(run_shard, task, report)[1]


def _begin(
    inputs: Sequence[str], predict: PredictOptions | None, batch: BatchOptions
) -> tuple[list[SceneRef], PredictOptions]:
    """Raise errors that concern all scenes before any work."""
    predict = predict or PredictOptions()
    read_spec(model_folder(predict))
    # workers may run in another folder
    folder = None if predict.model is None else str(model_folder(predict).absolute())
    predict = replace(predict, model=folder, aoi=_absolute(predict.aoi))
    return expand_inputs(list(inputs), batch.asset), predict


def _absolute(path: str | None) -> str | None:
    return path if path is None else os.path.abspath(path)


@contextmanager
def _open_pool(batch: BatchOptions, report: Report) -> Iterator[tuple[Pool, int | None, str]]:
    """The pool, the number of threads that each worker should use, and the name of the pool in the records."""
    pool: Pool
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if batch.dask is not None:
        from road_extract.batch.pools.dask import DaskPool

        count = batch.jobs or processors
        local = batch.dask == "local"
        pool = DaskPool(None if local else batch.dask, count)
        threads, by = (max(1, processors // count) if local else None), f"dask {'local' if local else 'cluster'}"
    elif (batch.jobs or 1) > 1:
        count = batch.jobs or 1
        pool, threads, by = ProcessPool(count), max(1, processors // count), f"{count} processes"
    else:
        pool, threads, by = SerialPool(report), None, "one process"
    try:
        yield pool, threads, by
    finally:
        pool.close()
        release_model()


def _guarded(report: Report, claim: Claim) -> Report:
    """Report progress, and stop a long task here once another run has taken over."""

    def report_and_check(progress: Progress) -> None:
        report(progress)
        claim.check()

    return report_and_check


def _write_summary(layout: Layout, claim: Claim, result: BatchResult) -> None:
    """Write the summary, and the STAC Collection over the finished scenes."""
    try:
        claim.check()
        if names := [scene.name for scene in result.scenes if scene.state in ("done", "kept")]:
            items = {f"./{layout.file(name, '.stac.json')}": layout.read_json(name, ".stac.json") for name in names}
            layout.write_collection(collection_values(items))
        layout.write_summary(result.to_values())
    except OSError as error:
        result.error = result.error or str(error)
