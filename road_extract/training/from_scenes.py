"""Training on scenes and labels in any format: preparation, then the training loop."""

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
    """Train a ResUNet and write a model folder. To resume after an interruption, call it again.

    Args:
        sources: Scenes with masks or, with ``data.roads``, without.
        out: Model folder to write. It also receives the prepared scenes, checkpoint, logs and pictures; the prepared
            scenes are removed at the end.
        options: How to train.
        data: Where the labels come from.
        validation: Scenes whose names start with one of these are held out completely. If empty, squares of ground are
            held out.
        models: Existing models to build on, if any.
        report: Called with the progress of the preparation, and with a `TrainProgress` after every step.

    Returns:
        ``out``.

    Raises:
        InputError: If scenes, labels or options cannot be used, or ``out`` contains a run with other options.
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
    """Create the spec of a new model, or adapt that of the initial model to the new data."""
    provenance = {"data": asdict(data), "validation_scenes": list(validation)}
    start = ModelSpec("nothing", normalization="percentiles") if init is None else read_spec(init)
    # masks may contain true widths too, but there is no way to know
    true_width = data.width_field is not None
    provenance["start"] = start.name
    return replace(start, gsd_m=data.gsd_m or start.gsd_m, true_width=true_width, provenance=provenance)
