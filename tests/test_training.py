from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from road_extract.errors import InputError
from road_extract.model import load_model, read_spec
from road_extract.training import TrainOptions, train_model
from road_extract.training.augment import random_photometry, random_symmetry
from road_extract.training.losses import bce_dice_loss
from road_extract.training.sampling import WindowSampler, open_groups

TINY = TrainOptions(steps=4, batch_size=1, window_px=32, warmup_steps=1, checkpoint_s=0.0, bfloat16=False, seed=5)


@pytest.fixture
def folder(tmp_path, write_scene, rng):
    """Two scenes whose roads are bright lines; a quarter of the first is unlabelled."""
    folder = tmp_path / "data"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for name in ("a.tif", "b.tif"):
        mask = np.zeros((1, 150, 120), np.uint8)
        mask[0, 70:78] = 1
        mask[0, :, 30:37] = 1
        image = np.repeat(mask * 150 + 50, 3, axis=0) + rng.integers(0, 30, (3, 150, 120), dtype=np.uint8)
        if name == "a.tif":
            mask[0, :75, :60] = 255
        write_scene(image, f"data/images/{name}")
        write_scene(mask, f"data/masks/{name}", nodata=255)
    return folder


def test_the_same_seed_and_step_give_the_same_batch_whatever_came_before(folder):
    groups = open_groups([(folder, 1.0)])
    first, second = (WindowSampler(groups, 32, 3, seed=1) for _ in range(2))
    for step in range(3):
        first.draw(step)
    for one, other in zip(first.draw(7), second.draw(7), strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(first.draw(7)[0], first.draw(8)[0])


def test_windows_carry_their_labels_and_unlabelled_ground_has_no_weight(folder):
    sampler = WindowSampler(open_groups([(folder, 1.0)]), 32, 8, seed=1)
    batches = [sampler.draw(step) for step in range(12)]
    images, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert images.shape == (96, 32, 32, 3)
    assert targets.shape == (96, 32, 32, 2)
    label, weight = targets[..., 0], targets[..., 1]
    assert 0 < weight.mean() < 1
    assert not (label * (1 - weight)).any()
    assert 0.1 < label.mean() < 0.6  # drawn for roads
    luminance = images.mean(-1)
    contrast = [
        im[la > 0].mean() - im[la == 0].mean() for im, la in zip(luminance, label, strict=True) if 0 < la.mean() < 1
    ]
    assert np.mean(contrast) > 0.2  # bright where labelled road: image and label were turned together


def test_scenes_left_out_are_never_drawn(folder):
    groups = open_groups([(folder, 1.0)], leave_out=("b",))
    assert len(groups[0].scenes) == 1
    with pytest.raises(InputError, match="found no scene"):
        open_groups([(folder, 1.0)], leave_out=("a", "b"))


def test_a_scene_without_mask_or_with_one_of_another_size_is_an_input_error(folder, write_scene):
    write_scene(np.zeros((1, 9, 9), np.uint8), "data/masks/b.tif")
    with pytest.raises(InputError, match="but its scene is"):
        open_groups([(folder, 1.0)])
    (folder / "masks" / "b.tif").unlink()
    with pytest.raises(InputError, match="does not exist"):
        open_groups([(folder, 1.0)])


def test_scenes_with_hardly_any_label_are_an_error_not_an_endless_search(folder, write_scene):
    mask = np.full((1, 150, 120), 255, np.uint8)
    for name in ("a.tif", "b.tif"):
        write_scene(mask, f"data/masks/{name}", nodata=255)
    with pytest.raises(InputError, match="no labelled pixel"):
        open_groups([(folder, 1.0)])
    mask[0, 5:9, 5:9] = 1
    write_scene(mask, "data/masks/a.tif", nodata=255)
    with pytest.raises(InputError, match="labelled ground"):
        WindowSampler(open_groups([(folder, 1.0)]), 32, 1, seed=0).draw(0)


def test_symmetries_are_the_eight_of_the_square_and_keep_image_and_label_together():
    image = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    seen = set()
    for seed in range(80):
        turned, label = random_symmetry(image, image, np.random.default_rng(seed))
        assert np.array_equal(turned, label)
        seen.add(turned.tobytes())
    assert len(seen) == 8


def test_photometry_stays_in_range_and_gives_grey_now_and_then(rng):
    image = rng.random((16, 16, 3), dtype=np.float32)
    grey = 0
    for seed in range(60):
        changed = random_photometry(image, np.random.default_rng(seed))
        assert changed.shape == image.shape
        assert changed.dtype == np.float32
        assert changed.min() >= 0
        assert changed.max() <= 1
        grey += np.ptp(changed, axis=-1).mean() < 0.05
    assert 3 <= grey <= 30
    assert random_photometry(image[..., :1], np.random.default_rng(0)).shape == (16, 16, 1)


def test_the_loss_equals_its_formula_and_ignores_what_has_no_weight(rng):
    logits = rng.normal(0, 3, (2, 8, 8, 1)).astype(np.float32)
    label = (rng.random((2, 8, 8, 1)) < 0.3).astype(np.float32)
    weight = (rng.random((2, 8, 8, 1)) < 0.7).astype(np.float32)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    bce = -(label * np.log(p) + (1 - label) * np.log(1 - p))
    dice = 1 - (2 * (p * label * weight).sum() + 1) / ((p * weight).sum() + (label * weight).sum() + 1)
    expected = (bce * weight).sum() / weight.sum() + 0.5 * dice
    target = np.concatenate([label, weight], -1)
    assert float(bce_dice_loss(target, logits)) == pytest.approx(expected, rel=1e-5)
    other = np.where(weight > 0, logits, 1000).astype(np.float32)
    assert float(bce_dice_loss(target, other)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_the_loss_stays_finite(logit):
    logits = np.full((1, 8, 8, 1), logit, np.float32)
    target = np.concatenate([np.ones((1, 8, 8, 1)), np.ones((1, 8, 8, 1))], -1).astype(np.float32)
    assert np.isfinite(float(bce_dice_loss(target, logits)))


@pytest.mark.slow
def test_a_resumed_run_equals_an_unbroken_one(folder, tmp_path):
    train_model([(folder, 1.0)], tmp_path / "whole", TINY)

    def stop_after_two(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_model([(folder, 1.0)], tmp_path / "parts", TINY, report=stop_after_two)
    assert not (tmp_path / "parts" / "weights.npz").exists()
    train_model([(folder, 1.0)], tmp_path / "parts", TINY)
    with np.load(tmp_path / "whole" / "checkpoint.npz") as one, np.load(tmp_path / "parts" / "checkpoint.npz") as other:
        assert one.files == other.files
        for name in one.files:
            assert np.array_equal(one[name], other[name]), name


@pytest.mark.slow
def test_training_learns_and_its_model_folder_can_be_used(folder, tmp_path):
    losses = []
    options = replace(TINY, steps=30, batch_size=2, learning_rate=2e-3)
    out = train_model([(folder, 1.0)], tmp_path / "m", options, report=lambda p: losses.append(p.loss))
    rows = [float(line.split(",")[1]) for line in (out / "log.csv").read_text().split()]
    assert len(rows) == 30
    assert np.mean(rows[-5:]) < 0.8 * np.mean(rows[:5])
    assert read_spec(out).provenance["recipe"]["steps"] == 30
    assert load_model(out).name == "RESUNET"
    with pytest.raises(InputError, match="other options"):
        train_model([(folder, 1.0)], out, TINY)
