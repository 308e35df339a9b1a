"""Thinning, half widths, and skeletons that do not depend on strips."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import thin as skimage_thin

from road_extract.base.errors import InputError
from road_extract.roads.centrelines import SkeletonPixels, skeleton, trace_skeleton
from road_extract.roads.centrelines.half_widths import half_widths_m, steps_to_middle
from road_extract.roads.centrelines.thinning import thin
from road_extract.roads.masks.strips import MaskStrip

EIGHT = np.ones((3, 3), bool)


def strips(mask: np.ndarray, rows: int) -> list[MaskStrip]:
    probability = np.linspace(0, 254, mask.size).astype(np.uint8).reshape(mask.shape)
    valid = np.ones_like(mask)
    return [
        MaskStrip(row, mask[row : row + rows], valid[row : row + rows], probability[row : row + rows])
        for row in range(0, len(mask), rows)
    ]


def drawn(pixels: SkeletonPixels, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[pixels.row, pixels.col] = True
    return mask


def random_mask(seed: int, rows: int, cols: int) -> np.ndarray:
    """Masks from salt-and-pepper noise to blobs of a hundred pixels."""
    rng = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(rng.random((rows, cols)), rng.choice([0, 1, 2, 4, 8, 20]))
    return rough > np.quantile(rough, rng.uniform(0.1, 0.9))


def holes_and_pieces(mask: np.ndarray) -> tuple[int, int]:
    return ndimage.label(~np.pad(mask, 1))[1], ndimage.label(mask, EIGHT)[1]


@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60))
def test_thinning_keeps_every_piece_and_every_hole(seed, rows, cols):
    mask = random_mask(seed, rows, cols)
    skeleton_ = thin(mask)
    assert not (skeleton_ & ~mask).any()
    assert holes_and_pieces(skeleton_) == holes_and_pieces(mask)


@given(st.integers(0, 10**6), st.integers(1, 90), st.integers(1, 90))
def test_thinning_keeps_the_pixels_that_scikit_image_keeps(seed, rows, cols):
    mask = random_mask(seed, rows, cols)
    assert np.array_equal(thin(mask), skimage_thin(mask))


def test_thinning_keeps_the_pixels_that_scikit_image_keeps_of_real_masks(shared_data):
    paths = sorted((shared_data / "massachusetts" / "valid" / "masks").glob("*.tif"))
    assert paths
    for path in paths:
        with rasterio.open(path) as dataset:
            mask = dataset.read(1) == 1
        assert np.array_equal(thin(mask), skimage_thin(mask)), path.name


@given(st.integers(0, 10**6))
def test_a_skeleton_cannot_be_thinned_further_and_is_thin(seed):
    skeleton_ = thin(ndimage.binary_opening(random_mask(seed, 70, 50), EIGHT))
    assert np.array_equal(thin(skeleton_), skeleton_)
    # where many lines meet, at most three by three pixels can remain
    assert not ndimage.binary_erosion(skeleton_, np.ones((4, 4))).any()


@given(st.integers(0, 10**6), st.sampled_from([(1.0, 1.0), (0.5, 2.0), (3.0, 1.0)]))
def test_half_widths_are_the_distance_transform(seed, pixel_size):
    mask = random_mask(seed, 90, 70)
    pixels = np.argwhere(thin(mask))
    expected = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=pixel_size[::-1])[1:-1, 1:-1]
    half_pixel = 0.5 * np.sqrt(pixel_size[0] * pixel_size[1])
    found = half_widths_m(mask, pixels, pixel_size)
    assert np.allclose(found, expected[tuple(pixels.T)] - half_pixel, atol=1e-4)


def test_the_middle_of_an_even_bar_lies_between_its_pixels():
    mask = np.zeros((30, 40), bool)
    mask[10:18, 5:35] = True  # the middle is at row 14, between the pixels of rows 13 and 14
    for row, step in ((13, 1), (14, -1)):
        assert steps_to_middle(mask, np.array([[row, 20]])).tolist() == [[step, 0]]
    assert steps_to_middle(mask[9:17].T, np.array([[20, 4]])).tolist() == [[0, 0]]
    assert steps_to_middle(mask, np.array([[11, 20]])).tolist() == [[0, 0]]  # too far away to be the same road


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 300), st.integers(1, 300))
def test_the_skeleton_does_not_depend_on_the_strips(seed, rows, other_rows):
    mask = random_mask(seed, 280, 60)
    with pytest.MonkeyPatch.context() as patch:
        shrink_blocks(patch)
        one, other = trace_skeleton(strips(mask, rows)), trace_skeleton(strips(mask, other_rows))
    for name in ("row", "col", "probability", "half_width_m", "to_middle"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    keys = one.row.astype(int) * 60 + one.col
    assert (np.diff(keys) > 0).all()


def shrink_blocks(patch: pytest.MonkeyPatch) -> None:
    """Blocks so small that ordinary blobs lie on seams and exceed the halo."""
    for name, value in (("BLOCK_ROWS", 64), ("HALO_PX", 32), ("SOLID_PX", 16)):
        patch.setattr(skeleton, name, value)


@settings(max_examples=80)
@given(st.integers(0, 10**6))
def test_blobs_wider_than_the_halo_stay_connected_across_seams(seed):
    mask = random_mask(seed, 300, 150)
    with pytest.MonkeyPatch.context() as patch:
        shrink_blocks(patch)
        found = drawn(trace_skeleton(strips(mask, 100)), mask.shape)
    labels, pieces = ndimage.label(mask, EIGHT)
    assert ndimage.label(found, EIGHT)[1] == pieces
    assert len(np.unique(labels[found])) == pieces


def test_a_blob_across_a_seam_is_cut_except_for_one_pixel(monkeypatch):
    shrink_blocks(monkeypatch)
    mask = np.zeros((128, 90), bool)
    mask[30:98, 10:80] = True
    found = drawn(trace_skeleton(strips(mask, 128)), mask.shape)
    assert found[63].sum() == found[64].sum() == 1
    mask[:, :] = False
    mask[60:68, 10:80] = True  # a road along the seam does not count
    assert np.array_equal(drawn(trace_skeleton(strips(mask, 128)), mask.shape), thin(mask))


@pytest.mark.slow
def test_real_roads_give_the_skeleton_of_the_whole(shared_data):
    """Blocks of 1024 rows with a halo of 128, on 3000 rows of real masks: not one pixel differs."""
    masks = []
    for path in sorted((shared_data / "massachusetts" / "valid" / "masks").glob("*.tif"))[:4]:
        with rasterio.open(path) as dataset:
            masks.append(dataset.read(1) == 1)
    mask = np.vstack([np.hstack(masks[:2]), np.hstack(masks[2:])])
    assert np.array_equal(drawn(trace_skeleton(strips(mask, 512)), mask.shape), thin(mask))


def test_an_empty_mask_gives_no_pixels():
    for shape in ((0, 0), (0, 5), (5, 0), (7, 9)):
        assert len(trace_skeleton(strips(np.zeros(shape, bool), 4))) == 0


def test_probability_is_carried_along():
    mask = np.zeros((40, 60), bool)
    mask[18:23, 5:55] = True
    found = trace_skeleton(strips(mask, 7))
    expected = np.concatenate([strip.probability for strip in strips(mask, 7)])
    assert np.array_equal(found.probability, expected[found.row, found.col])


def test_probability_of_another_type_is_refused():
    mask = np.ones((9, 9), bool)
    with pytest.raises(InputError, match="is float32; expected uint8"):
        trace_skeleton([MaskStrip(0, mask, mask, mask.astype(np.float32))])
