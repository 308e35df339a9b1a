from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from road_extract.base.errors import InputError
from road_extract.roads.masks.cleaning import MaskStrip
from road_extract.roads.polygons import RoadPolygon, iter_polygons
from road_extract.roads.polygons.boundaries import KEY_SLOTS, Arcs
from road_extract.roads.polygons.rings import build_polygons

Mask = NDArray[np.bool_]


def cut(mask: Mask, heights: list[int], probability: NDArray[np.generic] | None = None) -> Iterator[MaskStrip]:
    probability = mask.astype(np.float32) if probability is None else probability
    row, turn = 0, 0
    while row < len(mask):
        part = slice(row, row + heights[turn % len(heights)])
        yield MaskStrip(row, mask[part], np.ones_like(mask[part]), probability[part])  # type: ignore[arg-type]
        row, turn = part.stop, turn + 1


def polygons(mask: Mask, heights: list[int] | None = None, **options: Any) -> list[RoadPolygon]:
    return list(iter_polygons(cut(mask, heights or [len(mask)]), mask.shape[1], **options))


def identity(results: list[RoadPolygon]) -> list[tuple[bytes, int, float]]:
    return [(p.geometry.wkb, p.area_px, p.probability) for p in results]


def check_exact(mask: Mask, results: list[RoadPolygon]) -> None:
    """Compare with rasterio: the polygons cover exactly the pixels of the mask, one polygon per component."""
    labels, count = ndimage.label(mask)
    geometries = [p.geometry for p in results]
    burnt = rasterize(list(zip(geometries, range(1, count + 1), strict=True)), mask.shape) if count else labels
    np.testing.assert_array_equal(burnt > 0, mask)
    first = np.unique(np.stack([labels[mask], burnt[mask]]), axis=1)
    assert first.shape[1] == count
    assert [p.area_px for p in results] == [g.area for g in geometries]
    check_partition(results)


def check_partition(results: list[RoadPolygon]) -> None:
    """Check that polygons are valid and disjoint, with shells counterclockwise in (col, row)."""
    geometries = np.array([p.geometry for p in results], dtype=object)
    assert shapely.is_valid(geometries).all(), shapely.is_valid_reason(geometries)
    assert all(g.exterior.is_ccw and not any(hole.is_ccw for hole in g.interiors) for g in geometries)
    one, other = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    pairs = one < other
    assert not shapely.relate_pattern(geometries[one[pairs]], geometries[other[pairs]], "T********").any()


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Noise of any density: unchanged, smoothed into blobs, or enlarged into blocks."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    noise = rng.random((draw(st.integers(1, 40)), draw(st.integers(1, 40))))
    kind = draw(st.sampled_from(["noise", "blobs", "blocks"]))
    if kind == "blobs":
        return ndimage.uniform_filter(noise, 3) < draw(st.sampled_from([0.4, 0.45, 0.5, 0.55]))
    mask = noise < draw(st.floats(0, 1))
    return np.kron(mask[:20, :20], np.ones((2, 3), bool)) if kind == "blocks" else mask


heights = st.lists(st.integers(1, 9), min_size=1, max_size=4)
cells = st.integers(1, 45)


@given(masks(), heights, cells)
def test_exact_outlines_cover_the_mask(mask: Mask, heights: list[int], cell_px: int) -> None:
    results = polygons(mask, heights, cell_px=cell_px)
    check_exact(mask, results)


@given(masks(), heights, heights, cells, st.sampled_from([0, 0.75, 2]))
def test_strip_heights_do_not_matter(
    mask: Mask, some: list[int], others: list[int], cell_px: int, tolerance_m: float
) -> None:
    one = polygons(mask, some, cell_px=cell_px, tolerance_m=tolerance_m)
    other = polygons(mask, others, cell_px=cell_px, tolerance_m=tolerance_m)
    assert identity(one) == identity(other)


@given(masks(), cells, cells)
def test_exact_outlines_do_not_depend_on_cells(mask: Mask, one: int, other: int) -> None:
    results = [identity(polygons(mask, cell_px=cell_px)) for cell_px in (one, other)]
    assert sorted(results[0]) == sorted(results[1])


@given(masks(), cells, st.sampled_from([0.5, 0.75, 1, 1.5, 2, 3]), st.sampled_from([(1, 1), (0.5, 0.7), (1.3, 0.9)]))
def test_simplified_outlines_are_valid_disjoint_and_close(
    mask: Mask, cell_px: int, tolerance_m: float, pixel_size_m: tuple[float, float]
) -> None:
    exact = polygons(mask, cell_px=cell_px)
    results = polygons(mask, cell_px=cell_px, tolerance_m=tolerance_m, pixel_size_m=pixel_size_m)
    check_partition(results)
    assert [(p.area_px, p.probability) for p in results] == [(p.area_px, p.probability) for p in exact]
    for near, far in zip(results, exact, strict=True):
        assert len(near.geometry.interiors) == len(far.geometry.interiors)
        lines = [shapely.transform(p.geometry.boundary, lambda xy: xy * pixel_size_m) for p in (near, far)]
        assert shapely.hausdorff_distance(*lines) <= tolerance_m * (1 + 1e-4)


@given(masks(), cells, st.sampled_from([np.uint8, np.float32]))
def test_probability_is_the_mean_over_the_components_pixels(mask: Mask, cell_px: int, dtype: type) -> None:
    probability = (np.random.default_rng(0).random(mask.shape) * 254).astype(dtype)
    results = list(iter_polygons(cut(mask, [5], probability), mask.shape[1], cell_px=cell_px))
    labels, count = ndimage.label(mask)
    expected = {}
    for label in range(1, count + 1):
        row, col = np.argwhere(labels == label)[0]
        expected[row, col] = probability[labels == label].astype(np.float64).mean()
    for polygon in results:
        col, row = polygon.geometry.exterior.coords[0]
        assert polygon.probability == pytest.approx(expected[row, col], rel=1e-12)


@pytest.mark.parametrize("cell_px", [1, 2, 3, 512])
@pytest.mark.parametrize("flip", [False, True])
def test_checkerboard(cell_px: int, flip: bool) -> None:
    mask = (np.indices((6, 7)).sum(axis=0) % 2 == 0) ^ flip
    results = polygons(mask, cell_px=cell_px)
    assert len(results) == 21
    check_exact(mask, results)
    check_partition(polygons(mask, cell_px=cell_px, tolerance_m=2))


@pytest.mark.parametrize("cell_px", [1, 2, 3, 5, 512])
def test_holes_that_meet_at_a_corner_are_two(cell_px: int) -> None:
    mask = np.ones((4, 5), bool)
    mask[1, 1] = mask[2, 2] = mask[1, 3] = False
    (polygon,) = polygons(mask, [1], cell_px=cell_px)
    check_exact(mask, [polygon])
    assert [hole.bounds for hole in polygon.geometry.interiors] == [(1, 1, 2, 2), (3, 1, 4, 2), (2, 2, 3, 3)]


@pytest.mark.parametrize("cell_px", [1, 2, 3, 5, 512])
def test_a_ring_that_closes_only_at_a_corner_keeps_its_hole(cell_px: int) -> None:
    # the two ends of the road meet at a corner: the enclosed area is a hole that touches the shell there
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    (polygon,) = polygons(mask, cell_px=cell_px)
    check_exact(mask, [polygon])
    assert [hole.bounds for hole in polygon.geometry.interiors] == [(1, 1, 2, 2)]


@pytest.mark.parametrize("cell_px", [1, 3, 4, 512])
def test_nested_rings(cell_px: int) -> None:
    row, col = np.indices((13, 15))
    depth = np.minimum.reduce([row, col, 12 - row, 14 - col])
    results = polygons(depth % 2 == 0, cell_px=cell_px)
    check_exact(depth % 2 == 0, results)
    assert sorted(len(p.geometry.interiors) for p in results) == [0, 1, 1, 1]


@pytest.mark.parametrize("cell_px", [1, 4, 7, 512])
def test_spiral(cell_px: int) -> None:
    mask = np.zeros((21, 21), bool)
    row, col = 0, 0
    for turn, length in enumerate([20, *np.repeat(range(20, 0, -2), 2)]):
        down, right = ((0, 1), (1, 0), (0, -1), (-1, 0))[turn % 4]
        for _ in range(length):
            mask[row, col] = True
            row, col = row + down, col + right
    results = polygons(mask, [2], cell_px=cell_px)
    assert len(results) == 1
    check_exact(mask, results)
    check_partition(polygons(mask, cell_px=cell_px, tolerance_m=0.9))


@pytest.mark.parametrize("cell_px", [1, 2, 3, 512])
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (3, 4), (6, 6)])
def test_a_full_mask_is_one_rectangle(shape: tuple[int, int], cell_px: int) -> None:
    (polygon,) = polygons(np.ones(shape, bool), [1], cell_px=cell_px)
    assert polygon.geometry.exterior.coords[:] == [(0, 0), (shape[1], 0), shape[::-1], (0, shape[0]), (0, 0)]


def test_an_empty_mask_and_no_strips_give_nothing() -> None:
    assert polygons(np.zeros((5, 4), bool), cell_px=2) == []
    assert list(iter_polygons([], 4)) == []


def test_polygons_are_ordered_by_their_last_row_then_by_their_first_pixel() -> None:
    mask = np.zeros((8, 7), bool)
    mask[1:7, 0] = mask[0:7, 4] = mask[2, 6] = mask[0, 2] = mask[6, 2] = True
    starts = [p.geometry.exterior.coords[0] for p in polygons(mask, cell_px=4)]
    assert starts == [(2, 0), (6, 2), (4, 0), (0, 1), (2, 6)]


def test_a_finished_polygon_comes_before_most_strips_after_it_are_read() -> None:
    """Each stage that reads ahead holds only a few cell rows, whatever the height of the mask."""
    mask = np.zeros((1000, 5), bool)
    mask[1::4, 1] = True
    read = []

    def iter_noted() -> Iterator[MaskStrip]:
        for strip in cut(mask, [4]):
            read.append(strip.row_off)
            yield strip

    with closing(iter_polygons(iter_noted(), 5, cell_px=4)) as found:
        next(found)
        time.sleep(0.2)  # the stages run as far as they can
        assert max(read) <= 40


def test_closing_ends_the_search_through_ground_without_roads() -> None:
    mask = np.zeros((4000, 5), bool)
    mask[1:80:4, 1] = True
    read = []

    def strips() -> Iterator[MaskStrip]:
        for strip in cut(mask, [4]):
            time.sleep(0.002)
            read.append(strip.row_off)
            yield strip

    with closing(iter_polygons(strips(), 5, cell_px=4)) as found:
        for _ in range(20):
            next(found)
    assert max(read) < 2000


def test_an_outline_is_not_flattened_onto_the_border_of_its_cell() -> None:
    # three sides lie in the first cell; the fourth, on column 4, belongs to the next cell
    mask = np.zeros((7, 8), bool)
    mask[1:3, 3] = True
    (polygon,) = polygons(mask, cell_px=4, tolerance_m=3)
    check_partition([polygon])
    assert polygon.geometry.area > 0


def test_loops_that_meet_at_a_corner_are_simplified_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "road_extract"):
        results = polygons(np.eye(9, dtype=bool), tolerance_m=1)
    check_partition(results)
    assert not caplog.records
    assert sum(shapely.get_num_coordinates(p.geometry) for p in results) < 9 * 5


def test_a_tolerance_between_the_pixel_sizes_moves_the_long_side_only() -> None:
    stairs = np.tril(np.ones((12, 12), bool))
    wide = polygons(stairs, tolerance_m=0.5, pixel_size_m=(1, 1))
    narrow = polygons(stairs, tolerance_m=0.5, pixel_size_m=(0.5, 0.5))
    assert len(narrow[0].geometry.exterior.coords) < len(wide[0].geometry.exterior.coords)


@pytest.mark.parametrize(
    "options", [{"tolerance_m": -1}, {"tolerance_m": float("nan")}, {"pixel_size_m": (1, 0)}, {"cell_px": 0}]
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected a tolerance"):
        iter_polygons([], 4, **options)


def test_strips_of_another_width_are_refused() -> None:
    with pytest.raises(InputError, match="expected row 0, 5 columns"):
        list(iter_polygons(cut(np.ones((3, 4), bool), [3]), 5))


def two_arcs(there: list[tuple[int, int]], back: list[tuple[int, int]], *, pinned: bool) -> Arcs:
    """A ring of two arcs, cut where they meet; only the first arc has the pins."""
    zero, no = np.zeros(2, np.int64), np.zeros(2, bool)
    start = np.array([0, 1]) * KEY_SLOTS + 4
    pin = np.array([pinned, False])
    sizes = np.array([len(there), len(back)])
    return Arcs(np.array(there + back, np.int32), sizes, zero, start, start[::-1], pin, pin | no, zero, zero)


@pytest.mark.parametrize(("pinned", "points"), [(False, 4), (True, 6)])
def test_a_straight_joint_is_removed_and_a_straight_pin_kept(pinned: bool, points: int) -> None:
    arcs = two_arcs([(2, 0), (4, 0), (4, 4), (2, 4)], [(2, 4), (0, 4), (0, 0), (2, 0)], pinned=pinned)
    (polygon,) = build_polygons(arcs, 1)
    assert len(polygon.exterior.coords) - 1 == points


@pytest.mark.parametrize("turned", [False, True])
def test_a_ring_that_simplification_turned_inside_out_is_turned_back(turned: bool) -> None:
    there, back = [(2, 0), (4, 0), (4, 4)], [(4, 4), (2, 4), (2, 0)]
    if turned:
        there, back = back[::-1], there[::-1]
    (polygon,) = build_polygons(two_arcs(there, back, pinned=False), 1)
    assert polygon.exterior.coords[:] == [(2, 0), (4, 0), (4, 4), (2, 4), (2, 0)]


def real_masks(folder: Path) -> Mask:
    """A mosaic of six labelled scenes, (rows, cols)."""
    found = sorted((folder / "massachusetts" / "train" / "masks").glob("*.tif"))[:6]
    if len(found) < 6:
        pytest.skip(f"there are no Massachusetts masks in {folder}")
    scenes = [rasterio.open(path).read(1)[:1500, :1500] == 1 for path in found]
    return np.block([scenes[:3], scenes[3:]])


def test_real_masks(shared_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    mask = real_masks(shared_data)
    exact = polygons(mask, [700])
    check_exact(mask, exact)
    with caplog.at_level(logging.WARNING, "road_extract"):
        results = polygons(mask, [301], tolerance_m=1)
    check_partition(results)
    assert not caplog.records
    assert identity(results) == identity(polygons(mask, [64, 5], tolerance_m=1))
    points = [sum(shapely.get_num_coordinates(p.geometry) for p in r) for r in (exact, results)]
    assert points[1] < points[0] / 3
