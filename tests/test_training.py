"""Augmentation, losses, averages, and whole runs of the training loop."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from scipy import ndimage
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader as EventFileLoader

from road_extract.base.errors import InputError
from road_extract.cli import run
from road_extract.models import build_resunet, load_model, read_spec, read_weights, save_model, shipped_model
from road_extract.models.spec import ModelSpec
from road_extract.training import TrainOptions, train_prepared
from road_extract.training.augment import compress_like_jpeg, random_photometry
from road_extract.training.feeding import feeding, to_input
from road_extract.training.losses import EDGE_WEIGHT, HARD_SHARE, bce_dice_loss, distillation_loss, mse_loss
from road_extract.training.options import SIZES, BaseModels, DataOptions
from road_extract.training.sampling import SamplingOptions
from road_extract.training.scenes import INVALID, VALIDATION, SceneEntry, write_index, write_scene

#: Few filters: what is tested is the training, not what the network can learn.
SPEC = ModelSpec("tiny", tile_size_px=64, filters=(8, 16, 24, 32))
TINY = TrainOptions(
    steps=16, batch_size=2, window_px=32, warmup_steps=2, validate_every=8, checkpoint_s=0.0, bfloat16=False, seed=5
)


@pytest.fixture
def few_filters(monkeypatch):
    """Make the standard network as small as that of `SPEC`."""
    monkeypatch.setitem(SIZES, "standard", SPEC.filters)


@pytest.fixture
def eager():
    """Trace no graphs, which takes longer than some steps of a small network without them."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A model that has learnt nothing, which is enough to see whether its answers are used."""
    folder = tmp_path_factory.mktemp("teacher")
    save_model(build_resunet((None, None, 3), SPEC.filters), SPEC, folder)
    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two prepared scenes whose roads are bright lines; the second is for validation."""
    folder, rng = tmp_path_factory.mktemp("prepared"), np.random.default_rng(20260101)
    entries = [SceneEntry(name, "g", 1.0) for name in ("a", "b")]
    for entry in entries:
        labels = np.zeros((96, 80), np.uint8)
        labels[40:48] = 1
        labels[:, 30:37] = 1
        pixels = (labels[..., None] * 150 + 50 + rng.integers(0, 30, (96, 80, 3))).astype(np.uint8)
        write_scene(folder, entry, pixels, labels + np.uint8(VALIDATION * (entry.name == "b")))
    write_index(folder, entries)
    return folder


# --- photometry


def test_photometry_stays_in_range_and_sometimes_gives_grey(rng):
    image = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
    grey = 0
    for seed in range(80):
        changed = random_photometry(image, np.random.default_rng(seed))
        assert changed.shape == image.shape
        assert changed.dtype == np.uint8
        grey += np.ptp(changed, axis=-1).mean() < 25
    assert 3 <= grey <= 30
    assert random_photometry(image[..., :1], np.random.default_rng(0)).shape == (32, 32, 1)


def test_jpeg_losses_grow_as_quality_falls_and_stay_within_blocks(rng):
    image = rng.random((32, 32, 3), dtype=np.float32)
    errors = [np.abs(compress_like_jpeg(image, quality) - image).mean() for quality in (100, 80, 30)]
    assert errors[0] < 0.01 < errors[1] < errors[2]
    spot = np.zeros((32, 32, 1), np.float32)
    spot[9, 9] = 1
    changed = np.abs(compress_like_jpeg(spot, 40) - compress_like_jpeg(np.zeros_like(spot), 40)) > 1e-6
    assert changed[8:16, 8:16].any()
    changed[8:16, 8:16] = False
    assert not changed.any()


# --- losses


def _random_target(rng):
    logits = rng.normal(0, 3, (2, 8, 8, 1)).astype(np.float32)
    labels = rng.choice(4, (2, 8, 8, 1), p=[0.5, 0.3, 0.1, 0.1]).astype(np.uint8)
    return logits, labels


def test_the_loss_equals_its_formula_and_ignores_unlabelled_pixels(rng):
    logits, labels = _random_target(rng)
    road, labelled = labels == 1, labels <= 1
    near = np.ones((1, 3, 3, 1), bool)
    edge = ndimage.binary_dilation(road, near) & ndimage.binary_dilation(~road, near)
    weight = labelled * np.where(edge, EDGE_WEIGHT, 1.0)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    bce = -(road * np.log(p) + ~road * np.log(1 - p))
    dice = 1 - (2 * (p * road * weight).sum() + 1) / ((p * weight).sum() + (road * weight).sum() + 1)
    expected = (bce * weight).sum() / weight.sum() + 0.5 * dice
    assert float(bce_dice_loss(labels, logits)) == pytest.approx(expected, rel=1e-5)
    other = np.where(labelled, logits, 1000).astype(np.float32)
    assert float(bce_dice_loss(labels, other)) == pytest.approx(expected, rel=1e-5)
    squares = (((p - road) ** 2) * labelled).sum() / labelled.sum()
    assert float(mse_loss(labels, logits)) == pytest.approx(squares, rel=1e-5)


def test_distillation_learns_a_teachers_answers_on_unlabelled_ground_too(rng):
    import tensorflow as tf

    logits, labels = _random_target(rng)
    teacher = rng.random(labels.shape).astype(np.float32)
    seen = labels != INVALID
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    soft = -((teacher * np.log(p) + (1 - teacher) * np.log(1 - p)) * seen).sum() / seen.sum()
    expected = soft + HARD_SHARE * float(bce_dice_loss(labels, logits))
    targets = np.concatenate([labels.astype(np.float32), teacher], axis=-1)
    for loss in (distillation_loss, tf.function(distillation_loss)):
        assert float(loss(targets, logits)) == pytest.approx(expected, rel=1e-4)
    elsewhere = np.where(seen, teacher, 1 - teacher)
    assert float(distillation_loss(np.concatenate([targets[..., :1], elsewhere], -1), logits)) == pytest.approx(
        expected, rel=1e-4
    )


@pytest.mark.parametrize("logit", [-1e4, 1e4])
@pytest.mark.parametrize("loss", [bce_dice_loss, mse_loss])
def test_losses_stay_finite(loss, logit):
    logits = np.full((1, 8, 8, 1), logit, np.float32)
    assert np.isfinite(float(loss(np.ones((1, 8, 8, 1), np.uint8), logits)))
    assert np.isfinite(float(loss(np.full((1, 8, 8, 1), INVALID, np.uint8), logits)))


# --- feeding


def test_training_sees_what_inference_sees(rng):
    from road_extract.prediction.preprocess import byte_scaling, to_model_input

    pixels = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
    labels = rng.integers(0, 4, (16, 16)).astype(np.uint8)
    spec = ModelSpec("x", mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    expected = to_model_input(pixels, labels != INVALID, byte_scaling(3), spec)
    assert np.allclose(np.asarray(to_input(pixels[None], labels[None], spec))[0], expected, atol=1e-5)


@pytest.mark.slow
def test_processes_draw_the_same_windows_as_a_thread(prepared):
    sampling = SamplingOptions(32, 2, seed=3)
    found = []
    for workers in (0, 2):
        with feeding(prepared, sampling, range(4, 9), workers) as batches:
            found.append(list(batches))
    assert [step for step, _, _ in found[1]] == [4, 5, 6, 7, 8]
    for (_, images, labels), (_, others, other_labels) in zip(*found, strict=True):
        assert np.array_equal(images, others)
        assert np.array_equal(labels, other_labels)


# --- averages


@pytest.mark.slow
def test_the_average_follows_its_formula_and_restores_the_weights():
    import keras

    from road_extract.training.averaging import WeightAverage

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.weights[0].assign([[1.0]])
    average = WeightAverage(model, 0.9)
    expected = 1.0
    for step in range(40):
        model.weights[0].assign([[float(step)]])
        average.update(step)
        if step % 8 == 7:
            decay = min(0.9**8, (1 + step / 8) / (10 + step / 8))
            expected = expected * decay + step * (1 - decay)
    with average.applied():
        assert float(np.asarray(model.weights[0])[0, 0]) == pytest.approx(expected, rel=1e-5)
    assert float(np.asarray(model.weights[0])[0, 0]) == 39
    none = WeightAverage(model, 0.0)
    none.update(7)
    with none.applied():
        assert float(np.asarray(model.weights[0])[0, 0]) == 39


# --- whole runs


@pytest.mark.slow
@pytest.mark.usefixtures("few_filters")
def test_a_resumed_run_equals_an_uninterrupted_one(prepared, tmp_path):
    """By the paper's recipe; the default one is that of the run that is killed."""
    options = replace(TINY, recipe="paper", steps=8, validate_every=4)
    train_prepared(prepared, tmp_path / "whole", options, SPEC)

    def stop_after_five(progress):
        if progress.done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_prepared(prepared, tmp_path / "parts", options, SPEC, report=stop_after_five)
    assert (tmp_path / "parts" / "weights.npz").exists()  # the best so far, from step 4
    train_prepared(prepared, tmp_path / "parts", options, SPEC)
    _assert_equal_runs(tmp_path / "whole", tmp_path / "parts")
    with pytest.raises(InputError, match="other options"):
        train_prepared(prepared, tmp_path / "parts", replace(options, seed=6), SPEC)


def _assert_equal_runs(one, other):
    for name in ("checkpoint.npz", "weights.npz"):
        with np.load(one / name) as first, np.load(other / name) as second:
            assert first.files == second.files
            for key in first.files:
                assert np.array_equal(first[key], second[key]), (name, key)
    assert read_spec(one) == read_spec(other)


_KILLED = """
import sys
from pathlib import Path
from tests.test_training import SIZES, SPEC, TINY
from road_extract.training import train_prepared
SIZES["standard"] = SPEC.filters
report = lambda p: print("step", p.done, flush=True)
for out in sys.argv[2:]:
    train_prepared(Path(sys.argv[1]), Path(out), TINY, SPEC, report=report)
"""


@pytest.mark.slow
def test_a_killed_run_resumes_as_if_nothing_had_happened(prepared, tmp_path):
    out = tmp_path / "killed"
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, prepared, out], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == "step 6":
                child.kill()
                break
        assert child.wait() == -signal.SIGKILL
    # the same program again, and then the uninterrupted run, in a separate process like the first
    subprocess.run(
        [sys.executable, "-c", _KILLED, prepared, out, tmp_path / "whole"], check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _assert_equal_runs(tmp_path / "whole", out)


@pytest.mark.slow
@pytest.mark.usefixtures("few_filters")
@pytest.mark.parametrize("recipe", ["default", "paper"])
def test_training_learns_and_its_model_folder_can_be_used(prepared, tmp_path, recipe):
    said = []
    rate = {"default": 3e-3, "paper": 1e-1}[recipe]
    options = replace(TINY, recipe=recipe, steps=40, learning_rate=rate, augment="none", average_decay=0.0, name="mine")
    options = replace(options, tensorboard=True)
    out = train_prepared(prepared, tmp_path / "m", options, SPEC, report=said.append)
    losses = [float(line.split(",")[1]) for line in (out / "steps.csv").read_text().split()]
    assert len(losses) == 40
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    rates = [float(line.split(",")[2]) for line in (out / "steps.csv").read_text().split()]
    assert max(rates) == pytest.approx(rate, rel=0.05)
    assert rates[-1] < rate / 10
    (events,) = (out / "tensorboard").iterdir()
    logged = [
        (event.step, value.simple_value)
        for event in EventFileLoader(str(events)).Load()
        for value in event.summary.value
        if value.tag == "loss"
    ]
    assert logged == [(step, pytest.approx(loss, abs=1e-5)) for step, loss in enumerate(losses, 1)]
    scored = [progress.scores.break_even for progress in said if progress.scores is not None]
    assert len(scored) == 5
    spec = read_spec(out)
    assert spec.name == "mine"
    assert spec.provenance["recipe"]["steps"] == 40
    assert spec.provenance["validation"]["pooled"]["relaxed_break_even"] == pytest.approx(max(scored), abs=1e-4)
    assert load_model(out).name == "RESUNET"


@pytest.mark.slow
@pytest.mark.usefixtures("few_filters", "eager")
def test_a_run_without_validation_ground_keeps_its_last_weights(prepared, tmp_path):
    folder = shutil.copytree(prepared, tmp_path / "prepared")
    (folder / "scenes.json").write_text('[{"name": "a", "group": "g", "share": 1.0}]')
    out = train_prepared(folder, tmp_path / "m", replace(TINY, steps=2), SPEC)
    assert "validation" not in read_spec(out).provenance
    assert load_model(out).name == "RESUNET"


@pytest.mark.slow
def test_the_command_trains_on_vector_roads_from_the_shipped_weights(tmp_path, write_scene, rng, capsys):
    import geopandas
    import shapely

    from tests.helpers.scenes import UTM

    pixels = rng.integers(40, 80, (3, 256, 300), dtype=np.uint8)
    pixels[:, 100:107] = pixels[:, :, 50:57] = pixels[:, :, 200:207] = 180
    scene = write_scene(pixels)
    lines: Any = [[(0, 103.5), (300, 103.5)], [(53.5, 0), (53.5, 256)], [(203.5, 0), (203.5, 256)]]
    roads = geopandas.GeoDataFrame(geometry=[shapely.LineString([UTM * p for p in line]) for line in lines], crs=32611)
    roads.to_crs(4326).to_file(tmp_path / "roads.geojson")
    arguments = ["train", str(scene), "--roads", str(tmp_path / "roads.geojson"), "--out", str(tmp_path / "m")]
    arguments += ["--init", "standard", "--steps", "3", "--batch-size", "2", "--window", "64", "--cell", "90"]
    assert run(arguments) == 0
    err = capsys.readouterr().err
    assert "validation: relaxed break-even" in err
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "checkpoint.npz", "sheets", "spec.json", "steps.csv", "validation.csv", "weights.npz",
    ]  # fmt: skip
    sheet = imread(tmp_path / "m" / "sheets" / "step_000003.png")
    assert sheet.shape[1] == 3 * 228
    truth = sheet[:224, 228 : 228 + 224]
    assert set(np.unique(truth)) == {0, 1}
    start = read_weights(shipped_model())
    assert all(np.abs(start[k] - v).mean() < 0.1 for k, v in read_weights(tmp_path / "m").items() if "kernel" in k)
    assert run([*arguments, "--seed", "9"]) == 1
    assert "contains a run with other options" in capsys.readouterr().err


def test_a_new_model_takes_its_gsd_from_the_option_or_else_from_its_initial_model(tmp_path):
    from road_extract.training.from_scenes import _new_spec

    (tmp_path / "spec.json").write_text(replace(SPEC, gsd_m=0.5, true_width=True).to_json())
    (tmp_path / "weights.npz").touch()
    assert _new_spec(None, DataOptions(), ()).gsd_m == 1
    assert _new_spec(tmp_path, DataOptions(), ()).gsd_m == 0.5
    assert _new_spec(tmp_path, DataOptions(gsd_m=2), ()).gsd_m == 2
    assert not _new_spec(
        tmp_path, DataOptions(), ()
    ).true_width  # lines drawn at one width contain no information about it
    assert _new_spec(None, DataOptions(width_field="w"), ()).true_width


def test_options_that_are_on_by_default_can_be_switched_off(monkeypatch):
    from road_extract.training import from_scenes

    seen = []
    monkeypatch.setattr(from_scenes, "train_model", lambda sources, out, *, options, **others: seen.append(options))
    for flags in ([], ["--no-bfloat16", "--tensorboard"]):
        assert run(["train", "x.tif", "--out", "m", *flags]) == 0
    assert [(options.bfloat16, options.tensorboard) for options in seen] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nowhere"], 1, "does not exist"),
        (["scene.tif=x"], 2, "expected SOURCE or SOURCE=SHARE"),
        (["scene.tif", "--window", "30"], 1, "multiple of 8"),
        (["scene.tif"], 1, "has no mask"),
        (["scene.tif", "--recipe", "secret"], 2, "recipe"),
    ],
)
def test_wrong_input_gives_one_error_message(tmp_path, monkeypatch, write_scene, capsys, arguments, code, sentence):
    write_scene(np.zeros((3, 40, 40), np.uint8))
    monkeypatch.chdir(tmp_path)
    assert run(["train", *arguments, "--out", "m"]) == code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "m" / "weights.npz").exists()


_LOSSES = """
import sys
import numpy as np
from road_extract.models import build_resunet, load_weights, logits_model, shipped_model
from road_extract.training.losses import bce_dice_loss, mse_loss
model = logits_model(build_resunet((32, 32, 3)))
load_weights(model, shipped_model())
rng = np.random.default_rng(7)
logits = model.predict_on_batch(rng.normal(0, 1, (1, 32, 32, 3)).astype(np.float32))
labels = rng.integers(0, 4, (1, 32, 32, 1)).astype(np.uint8)
assert not any(name.split(".")[0] in sys.argv[1:] for name in sys.modules), "needs more than it should"
print(float(bce_dice_loss(labels, logits)), float(mse_loss(labels, logits)))
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="needs JAX")
def test_network_and_losses_are_the_same_on_jax():
    found = []
    for backend, absent in (("jax", ["tensorflow", "rasterio"]), ("tensorflow", ["rasterio"])):
        environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, "-c", _LOSSES, *absent]
        done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
        found.append([float(value) for value in done.stdout.split()])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_student_of_half_the_filters_learns_from_a_teacher(prepared, teacher, tmp_path):
    options = replace(TINY, steps=2, size="fast", validate_every=2)
    student = train_prepared(prepared, tmp_path / "student", options, SPEC, BaseModels(teacher=teacher))
    assert read_spec(student).filters == (32, 64, 128, 256)
    assert sum(w.size for path, w in read_weights(student).items() if "moving" not in path) == 2_058_401
    alone = train_prepared(prepared, tmp_path / "alone", options, SPEC)
    path = "head_conv/kernel"
    assert not np.array_equal(read_weights(alone)[path], read_weights(student)[path])


def test_a_teacher_that_is_fed_otherwise_is_refused(prepared, teacher, tmp_path):
    other = replace(SPEC, normalization="percentiles")
    with pytest.raises(InputError, match="normalization"):
        train_prepared(prepared, tmp_path / "student", TINY, other, BaseModels(teacher=teacher))
