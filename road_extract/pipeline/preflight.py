"""Checks a scene before a long run: its properties, the resources that the run needs, and what would prevent it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from road_extract.base.errors import RoadExtractError
from road_extract.base.options import PredictOptions
from road_extract.base.urls import redact
from road_extract.base.windows import TilePlan
from road_extract.io.raster import SceneFacts, find_problems, read_facts
from road_extract.models import read_spec
from road_extract.models.backends import choose_backend
from road_extract.models.backends.listing import measure_speed
from road_extract.models.spec import ModelSpec
from road_extract.pipeline.resources import find_shortages
from road_extract.pipeline.setup import PathLike, load_backend, model_folder, open_scene, scene_view

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SceneReport:
    """What is known about a scene before extraction.

    Attributes:
        scene: Path, without passwords.
        facts: The file's size, bands, type, CRS, pixel size and nodata; None if it cannot be opened.
        model: Name of the model.
        model_gsd_m: GSD of the model, in metres.
        grid: Rows and columns of the inference grid.
        windows: Number of windows to run the model on.
        memory_bytes: Estimated peak memory.
        disk_bytes: Largest possible size of the probability raster.
        seconds: Time that the model needs, extrapolated from a short run on this machine; None if not timed.
        backend: Runtime of that run.
        chosen: Backend that the extraction would use, and why; empty if one is specified.
        remarks: Messages for the user.
        problems: What would prevent the extraction, each with advice.
    """

    scene: str
    facts: SceneFacts | None = None
    model: str = ""
    model_gsd_m: float = 0.0
    grid: tuple[int, int] | None = None
    windows: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    seconds: float | None = None
    backend: str = ""
    chosen: str = ""
    remarks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_values(self) -> dict[str, Any]:
        """Return values for JSON."""
        return asdict(self)

    def to_text(self) -> str:
        """Return a readable summary, one fact per line."""
        lines = [self.scene, *(self.facts.to_lines() if self.facts else ())]
        if self.grid:
            lines += [
                f"  model      {self.model}, {self.model_gsd_m:g} m pixels",
                f"  work       {self.grid[0]:,} x {self.grid[1]:,} pixels (rows x columns), {self.windows:,} windows",
                f"  memory     about {self.memory_bytes / 1e9:.1f} GB",
                f"  disk       at most {math.ceil(self.disk_bytes / 1e6):,} MB for the probability raster",
            ]
        if self.chosen:
            lines.append(f"  backend    {self.chosen}")
        if self.seconds is not None:
            lines.append(f"  time       about {_in_words(self.seconds)} ({self.backend})")
        lines += [f"  note       {remark}" for remark in self.remarks]
        lines += [f"  PROBLEM    {problem}" for problem in self.problems]
        return "\n".join(
            lines if self.problems else [*lines, "  ready      no problems found for `road-extract extract`"]
        )


def describe_scene(scene: PathLike, *, options: PredictOptions | None = None, timing: bool = True) -> SceneReport:
    """Describe a scene and the work of extracting its roads. Problems are reported, not raised.

    Args:
        scene: Any path; a file that is not a raster is reported as a problem.
        options: The options for `extract_roads`.
        timing: Run the model on a few windows to estimate the time.
    """
    options, path = options or PredictOptions(), str(scene)
    problems: list[str] = []
    spec = _attempt(lambda: read_spec(model_folder(options)), problems)
    facts = _attempt(lambda: read_facts(path, options.subdataset), problems)
    if facts is None or spec is None:
        return SceneReport(redact(path), facts, problems=problems)
    problems += _attempt(lambda: find_problems(path, scene_view(options, spec)), problems) or []
    if problems:
        return SceneReport(redact(path), facts, spec.name, spec.gsd_m, problems=problems)
    return _describe_work(path, facts, options, spec, timing)


def _describe_work(path: str, facts: SceneFacts, options: PredictOptions, spec: ModelSpec, timing: bool) -> SceneReport:
    try:
        with open_scene(path, options) as setup:
            plan, needs, remarks = setup.plan, setup.needs, [text for _, text in setup.remarks]
    except RoadExtractError as error:
        return SceneReport(redact(path), facts, spec.name, spec.gsd_m, problems=[str(error)])
    problems, doubts = find_shortages(needs, Path.cwd())
    timed = _attempt(lambda: _time_model(options, spec, plan), problems) if timing and not problems else None
    seconds, backend = timed if timed else (None, "")
    return SceneReport(
        redact(path), facts, spec.name, spec.gsd_m, (plan.height, plan.width), len(plan), needs.memory_bytes,
        needs.disk_bytes, seconds, backend, _tell_choice(options.backend, problems), [*remarks, *doubts],
        list(dict.fromkeys(problems)),
    )  # fmt: skip


def _tell_choice(backend: str, problems: list[str]) -> str:
    if backend != "auto":
        return ""
    choice = _attempt(choose_backend, problems)
    return f"{choice.name}: {choice.reason}" if choice else ""


def _time_model(options: PredictOptions, spec: ModelSpec, plan: TilePlan) -> tuple[float, str]:
    with closing(load_backend(options)) as backend:
        speed = measure_speed(backend, (spec.tile_size_px, spec.tile_size_px, len(spec.bands)))
        # the last batch is filled up
        windows = -(-len(plan) // backend.batch_size) * backend.batch_size
        return windows / speed, backend.description


def _attempt(step: Callable[[], T], problems: list[str]) -> T | None:
    try:
        return step()
    except RoadExtractError as error:
        problems.append(str(error))
        return None


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
