"""Training from scenes and labels in any format: preparation, then the loop."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from road_extract.base.progress import Report, no_report
from road_extract.models import read_spec
from road_extract.models.spec import ModelSpec
from road_extract.training.contact_sheet import ContactSheet
from road_extract.training.loop import train_prepared
from road_extract.training.options import BaseModels, DataOptions, TrainOptions
from road_extract.training.preparation import prepare_scenes
from road_extract.training.requirements import require_tensorflow
from road_extract.training.sources import TrainingSource

PREPARED_FOLDER, SHEETS_FOLDER = "prepared", "sheets"


def train_model(
    sources: Sequence[TrainingSource],
    out: str | Path,
    *,
    options: TrainOptions | None = None,
    data: DataOptions | None = None,
    validation: Sequence[str] = (),
    models: BaseModels | None = None,
    report: Report = no_report,
) -> Path:
    """Train a ResUNet and write a model folder; call it again after an interruption to go on.

    Args:
        sources: Scenes with masks or, with ``data.roads``, without.
        out: Model folder to write. Prepared scenes, checkpoint, logs and pictures lie there too; the prepared scenes
            are removed at the end.
        options: How to train.
        data: What the labels are.
        validation: Beginnings of the names of scenes that are kept for validation as a whole; with none, squares of
            ground are kept.
        models: What training builds on; nothing if left out.
        report: Told the progress: of the preparation, and a `TrainProgress` after every step.

    Returns:
        ``out``.

    Raises:
        InputError: If scenes, labels or options cannot be used, or ``out`` holds a run with other ones.
        BackendError: If TensorFlow is not installed.
    """
    require_tensorflow()
    out, models = Path(out), models or BaseModels()
    options, data = options or TrainOptions(), data or DataOptions()
    spec = _new_spec(models.init or models.teacher, data, validation)
    prepared = prepare_scenes(sources, out / PREPARED_FOLDER, data, spec, validation, report)
    sheet = ContactSheet(out / SHEETS_FOLDER)
    train_prepared(prepared, out, options, spec, models, report, sheet)
    shutil.rmtree(prepared)
    return out


def _new_spec(init: Path | None, data: DataOptions, validation: Sequence[str]) -> ModelSpec:
    """A first model's, or that of the model to start from on other data."""
    provenance = {"data": asdict(data), "validation_scenes": list(validation)}
    start = ModelSpec("nothing", normalization="percentiles") if init is None else read_spec(init)
    # masks may hold true widths too, but nothing says so
    true_width = data.width_field is not None
    provenance["start"] = start.name
    return replace(start, gsd_m=data.gsd_m or start.gsd_m, true_width=true_width, provenance=provenance)
