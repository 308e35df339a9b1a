"""The training loop: resumes at the exact step, and is the same on every Keras backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from road_extract.base.arrays import ByteArray
from road_extract.base.errors import InputError
from road_extract.base.progress import Progress, Report, no_report
from road_extract.metrics.raster import RoadCounts, RoadScores, score_roads
from road_extract.models import build_resunet, load_weights, logits_model, read_spec, save_model
from road_extract.models.spec import ModelSpec
from road_extract.training.averaging import WeightAverage
from road_extract.training.calibrating import Calibration, common_level, fit_calibration, reliability
from road_extract.training.checkpoints import RunState
from road_extract.training.feeding import Batch, feeding, to_input
from road_extract.training.logs import TrainLog
from road_extract.training.options import SIZES, BaseModels, TrainOptions
from road_extract.training.recipes import Recipe
from road_extract.training.requirements import require_tensorflow
from road_extract.training.sampling import SamplingOptions
from road_extract.training.scenes import PreparedScene, open_prepared
from road_extract.training.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

_SMOOTHING = 0.98


@dataclass(frozen=True, slots=True)
class TrainProgress(Progress):
    """The progress of training, in steps.

    Attributes:
        windows_per_s: Speed since this run began, including validations.
        loss: Smoothed loss.
        remaining_s: Estimated time left, in seconds.
        scores: Scores of a validation that has just finished.
    """

    windows_per_s: float = 0.0
    loss: float = float("nan")
    remaining_s: float = 0.0
    scores: RoadScores | None = None


#: Called with the model (averaged weights in place), the validation scenes, the spec and the step.
Look = Callable[[Any, Sequence[PreparedScene], ModelSpec, int], None]


def train_prepared(
    prepared: Path,
    out: Path,
    options: TrainOptions,
    spec: ModelSpec,
    models: BaseModels = BaseModels(),  # noqa: B008, it is frozen
    report: Report = no_report,
    look: Look | None = None,
) -> Path:
    """Train a ResUNet on prepared scenes and write a model folder.

    After every validation, the folder contains the best model so far, by relaxed break-even point on the validation
    ground; without validation ground, it contains the last model. To resume an interrupted run from its last
    checkpoint, call this again with the same arguments; the result is the same as without the interruption. Needs only
    NumPy, SciPy and Keras.

    Args:
        prepared: Folder of prepared scenes.
        out: Model folder to write. It also receives the checkpoint and the logs.
        options: How to train.
        spec: Spec of the model. Its threshold is replaced by the common one of all groups of validation ground.
        models: Existing models to build on.
        report: Called with a `TrainProgress` after every step.
        look: Called at every validation, to draw pictures.

    Returns:
        ``out``.

    Raises:
        InputError: If the scenes cannot be used, or ``out`` contains a run with other options.
        BackendError: If TensorFlow is not installed.
    """
    require_tensorflow()
    import keras

    keras.utils.set_random_seed(options.seed)
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if options.bfloat16 else "float32")
    try:
        _Run(prepared, out, options, spec, models, report, look).run()
    finally:
        keras.config.set_dtype_policy(previous)
    return out


class _Run:
    """The state shared by the steps of one call."""

    def __init__(
        self,
        prepared: Path,
        out: Path,
        options: TrainOptions,
        spec: ModelSpec,
        models: BaseModels,
        report: Report,
        look: Look | None,
    ) -> None:
        init, teacher = models.init, models.teacher
        self.prepared, self.out, self.options, self.report, self.look = prepared, out, options, report, look
        self.scenes = open_prepared(prepared)
        self.validation = [scene for scene in self.scenes if scene.has_validation()]
        spec = replace(spec, filters=SIZES[options.size])
        self.teacher = None if teacher is None else _open_teacher(teacher, spec)
        model = build_resunet((None, None, len(spec.bands)), spec.filters)
        if init is not None:
            load_weights(model, init)
        trained = logits_model(model)
        o = options
        Recipe(o.recipe, o.steps, o.learning_rate, o.warmup_steps, o.weight_decay, teacher is not None).compile(trained)
        self.state = RunState(trained, WeightAverage(trained, options.average_decay))
        entries = [repr(scene.entry) for scene in self.scenes]
        # options that do not change the result
        free = ("workers", "checkpoint_s", "tensorboard")
        fixed = {key: v for key, v in asdict(options).items() if key not in free}
        self.fingerprint = repr((sorted(fixed.items()), entries, str(init), str(teacher)))
        self.spec = replace(spec, name=options.name, provenance={**spec.provenance, "recipe": asdict(options)})

    def run(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        first, self.best = self.state.restore(self.out, self.fingerprint)
        o = self.options
        sampling = SamplingOptions(o.window_px, o.batch_size, o.near_roads, o.augment, o.seed)
        steps = range(first, o.steps)
        with (
            feeding(self.prepared, sampling, steps, o.workers) as batches,
            TrainLog(self.out, o.tensorboard) as self.log,
        ):
            self._take(batches, first)

    def _take(self, batches: Iterator[Batch], first: int) -> None:
        o, smooth = self.options, None
        started = saved = time.monotonic()
        for step, images, labels in batches:
            inputs, targets = to_input(images, labels, self.spec), labels[..., None]
            if self.teacher is not None:
                targets = _with_answers(targets, self.teacher, inputs)
            loss = float(np.asarray(self.state.model.train_on_batch(inputs, targets)).ravel()[0])
            if not np.isfinite(loss):
                raise InputError(f"training: the loss became {loss} at step {step}; lower the learning rate")
            self.state.average.update(step)
            smooth = loss if smooth is None else _SMOOTHING * smooth + (1 - _SMOOTHING) * loss
            done = step + 1
            self.log.add_step(done, loss, float(np.asarray(self.state.model.optimizer.learning_rate)))
            last = done == o.steps
            scores = self._validate(done) if done % o.validate_every == 0 or last else None
            now = time.monotonic()
            rate = (done - first) / (now - started)
            self.report(
                TrainProgress(
                    "train", done, o.steps, "steps", windows_per_s=rate * o.batch_size, loss=smooth,
                    remaining_s=(o.steps - done) / rate, scores=scores,
                )
            )  # fmt: skip
            if last or now - saved > o.checkpoint_s:
                self.state.save(self.out, done, self.best, self.fingerprint)
                saved = now

    def _validate(self, step: int) -> RoadScores | None:
        """Score the averaged weights, and save them if they are the best so far."""
        with self.state.average.applied():
            if not self.validation:
                save_model(self.state.model, self.spec, self.out)
                return None
            counts = validate(self.state.model, self.validation, self.spec, self.options.batch_size)
            scores = score_roads(reduce(add, counts.values()))
            self.log.add_scores(step, scores.break_even, float(scores.iou[scores.best]), scores.best / 254)
            if scores.break_even > self.best:
                self.best = scores.break_even
                calibration = fit_calibration(counts)
                with calibration.folded_into(self.state.model):
                    save_model(self.state.model, self._scored_spec(step, counts, calibration), self.out)
            if self.look is not None:
                self.look(self.state.model, self.validation, self.spec, step)
        return scores

    def _scored_spec(self, step: int, counts: Mapping[str, RoadCounts], calibration: Calibration) -> ModelSpec:
        level, pooled = common_level(counts), reduce(add, counts.values())
        found = {
            "step": step,
            "calibration": [round(calibration.slope, 4), round(calibration.offset, 4)],
            "reliability": reliability(pooled, calibration),
            "pooled": _summarize(score_roads(pooled), level),
            "groups": {group: _summarize(score_roads(part), level) for group, part in counts.items()},
        }
        threshold = min(max(round(calibration.level(level), 4), 0.0001), 0.9999)
        return replace(self.spec, threshold=threshold, provenance={**self.spec.provenance, "validation": found})


def _summarize(scores: RoadScores, level: int) -> dict[str, float]:
    """Summarize scores that do not depend on a threshold, and those at the common threshold."""
    values = {
        "relaxed_break_even": scores.break_even,
        "exact_iou": float(scores.iou.max()),
        "exact_f1": float(scores.f1[level]),
        "best_exact_f1": float(scores.f1[scores.best]),
        "relaxed_precision": float(scores.relaxed_precision[level]),
        "relaxed_recall": float(scores.relaxed_recall[level]),
    }
    return {key: round(value, 4) for key, value in values.items()}


def _open_teacher(folder: Path, spec: ModelSpec) -> Any:
    """Load a teacher that has the same input as the student."""
    found = read_spec(folder)
    if (found.bands, found.normalization, found.mean, found.std) != (
        spec.bands, spec.normalization, spec.mean, spec.std,
    ):  # fmt: skip
        raise InputError(f"{folder}: uses other bands or another normalization than the model to train")
    # accept windows of any size, since training rarely uses the size for inference
    model = build_resunet((None, None, len(found.bands)), found.filters)
    load_weights(model, folder)
    return model


def _with_answers(labels: ByteArray, teacher: Any, inputs: Any) -> Any:
    """Combine labels and the teacher's probabilities, (batch, rows, cols, 2), float32."""
    answers = np.asarray(teacher.predict_on_batch(inputs), np.float32)
    return np.concatenate([labels.astype(np.float32), answers], axis=-1)
