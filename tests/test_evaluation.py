"""`evaluate`, from files to scores."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from road_extract import DiffOptions, EvaluateOptions, Outputs, RoadExtractError, evaluate
from road_extract.cli import run
from tests.helpers.scenes import UTM

ROWS, COLS = 220, 260


def roads(*cols: int, width: int = 7, rows: int = ROWS, columns: int = COLS) -> np.ndarray:
    """Streets from top to bottom, as a mask."""
    mask = np.zeros((rows, columns), np.uint8)
    for col in cols:
        mask[:, col - width // 2 : col + width // 2 + 1] = 1
    return mask


def street(col: float, transform: Affine = UTM, rows: int = ROWS) -> shapely.LineString:
    """The centreline of such a street in map coordinates."""
    return shapely.LineString([transform * (col + 0.5, 0), transform * (col + 0.5, rows)])


@pytest.fixture
def raster(write_scene: Callable[..., Path]) -> Callable[..., Path]:
    def write(pixels: np.ndarray, name: str, **profile: object) -> Path:
        return write_scene(pixels[None], name, **({"nodata": 255} | profile))

    return write


def vectors(path: Path, geometries: list, crs: str = "EPSG:32611") -> Path:
    gpd.GeoDataFrame(geometry=geometries, crs="EPSG:32611").to_crs(crs).to_file(path)
    return path


def probability(mask: np.ndarray, level: int = 200) -> np.ndarray:
    return np.where(mask == 1, level, 20).astype(np.uint8)


def with_scale(path: Path, threshold: float | None = None) -> Path:
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (1 / 254,)
        if threshold is not None:
            dataset.update_tags(ROAD_EXTRACT_THRESHOLD=repr(threshold))
    return path


def exact(found) -> tuple[float, float, float]:
    return found.raster.exact_precision, found.raster.exact_recall, found.raster.exact_iou


def test_masks_by_hand(raster):
    """Two streets, one of which is found, and a false one of the same width."""
    found = evaluate(raster(roads(50, 200), "p.tif"), raster(roads(50, 120), "t.tif"))
    assert exact(found) == pytest.approx((1 / 2, 1 / 2, 1 / 3))
    assert found.raster.exact_iou == pytest.approx(found.raster.exact_f1 / (2 - found.raster.exact_f1))
    assert found.raster.relaxed_break_even is None  # a mask has no other threshold
    assert found.lines.wiedemann_completeness == pytest.approx(1 / 2)
    assert found.lines.wiedemann_correctness == pytest.approx(1 / 2)
    assert found.lines.wiedemann_quality == pytest.approx(1 / 3)
    assert found.total.area_m2 == pytest.approx(ROWS * COLS, rel=2e-3)


@pytest.mark.parametrize(("shift", "within"), [(3, 1), (-3, 1), (4, 0), (-4, 0)])
def test_a_shift_scores_the_same_on_both_sides_in_pixels_and_in_metres(raster, shift, within):
    options = EvaluateOptions(buffer_m=3.01)  # metres on the ground: 3 px of UTM are 3.0003 m here
    paths = raster(roads(100 + shift, width=1), "p.tif"), raster(roads(100, width=1), "t.tif")
    found = evaluate(*paths, options=options)
    assert (found.raster.relaxed_precision, found.raster.relaxed_recall) == (within, within)
    assert (found.lines.wiedemann_completeness, found.lines.wiedemann_correctness) == pytest.approx((within, within))


TRUTHS = {
    "mask": lambda tmp, raster: raster(roads(50, 120), "t.tif"),
    "mask on a grid of its own": lambda tmp, raster: raster(
        np.kron(roads(50, 120), np.ones((2, 2), np.uint8)), "t.tif", transform=UTM * Affine.scale(0.5)
    ),
    "lines in degrees": lambda tmp, raster: vectors(tmp / "t.geojson", [street(50), street(120)], "EPSG:4326"),
    "lines as one": lambda tmp, raster: vectors(tmp / "t.gpkg", [shapely.MultiLineString([street(50), street(120)])]),
    "polygons": lambda tmp, raster: vectors(
        tmp / "t.fgb", [street(col).buffer(3.5, cap_style="flat") for col in (50, 120)], "EPSG:3857"
    ),
}


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
@pytest.mark.parametrize("prediction", TRUTHS.values(), ids=TRUTHS)
def test_every_kind_of_file_gives_the_same_scores(raster, tmp_path, prediction, truth):
    (tmp_path / "p").mkdir()
    predicted = prediction(tmp_path / "p", lambda pixels, name, **profile: raster(pixels, "p.tif", **profile))
    found = evaluate(predicted, truth(tmp_path, raster), options=EvaluateOptions(within=None))
    assert found.raster.exact_iou > 0.93
    # rasterized lines have round ends, which extend a little beyond those of the polygons
    assert min(found.raster.relaxed_precision, found.raster.relaxed_recall) > 0.99
    assert found.lines.wiedemann_quality > 0.99
    assert found.lines.apls > 0.95
    assert found.lines.topo_f1 > 0.97


def test_nodata_on_either_side_is_excluded_from_all_metrics(raster, tmp_path):
    """The right half, where the two differ, has no data; lines are clipped there too."""
    predicted, truth = roads(50, 200), roads(50, 230)
    predicted[:, 130:] = 255
    lines = vectors(tmp_path / "t.gpkg", [street(50), street(230)])
    for other in (raster(truth, "t.tif"), lines):
        found = evaluate(raster(predicted, "p.tif"), other)
        assert exact(found) == pytest.approx((1, 1, 1))
        assert found.total.area_m2 == pytest.approx(ROWS * 130, rel=2e-3)
        assert found.lines.wiedemann_quality == pytest.approx(1)
    truth[:, 130:] = 255
    back = evaluate(raster(roads(50, 200), "p2.tif"), raster(truth, "t2.tif"))
    assert exact(back) == (1, 1, 1)
    assert back.lines.topo_f1 == 1


def test_only_roads_within_the_area_count(raster, tmp_path):
    left = shapely.box(*(UTM * (0, ROWS)), *(UTM * (130, 0)))
    area = vectors(tmp_path / "area.geojson", [left], "EPSG:4326")
    options = EvaluateOptions(within=str(area))
    found = evaluate(raster(roads(50, 200), "p.tif"), raster(roads(50), "t.tif"), options=options)
    assert exact(found) == (1, 1, 1)
    lines = [vectors(tmp_path / name, [street(col) for col in cols]) for name, cols in
             (("p.gpkg", (50, 90, 200)), ("t.gpkg", (50,)))]  # fmt: skip
    found = evaluate(*lines, options=options)  # the false line at 90 is outside the extent of the truth
    assert found.raster.exact_precision == pytest.approx(0.5, abs=0.01)
    assert found.lines.wiedemann_correctness == pytest.approx(0.5, abs=0.01)


def test_the_threshold_is_the_recorded_one_or_the_specified_one(raster):
    mask = roads(50)
    path = with_scale(raster(probability(mask, 100), "p.tif"), 0.3)
    truth = raster(mask, "t.tif")
    assert evaluate(path, truth).threshold == 0.3
    assert exact(evaluate(path, truth)) == (1, 1, 1)
    assert exact(evaluate(path, truth, options=EvaluateOptions(threshold=0.5))) == (0, 0, 0)
    assert evaluate(with_scale(raster(probability(mask), "q.tif")), truth).threshold == 0.5


@pytest.mark.parametrize("threshold", [0.3, 77 / 254, 0.5, 127 / 254, 0.999, 1.0])
def test_pixels_at_the_threshold_are_road_as_in_vectorize(raster, tmp_path, threshold):
    from road_extract import VectorizeOptions, vectorize_roads

    levels = np.tile(np.arange(255, dtype=np.uint8), (40, 1))
    levels[:, -1] = 254
    path = with_scale(raster(levels, "p.tif"))
    vectorize_roads(
        path,
        Outputs(tmp_path / "r.gpkg", mask=tmp_path / "m.tif"),
        options=VectorizeOptions(threshold=threshold, min_area_m2=0, min_hole_m2=0, simplify_m=0),
    )
    options = EvaluateOptions(threshold=threshold, metrics="raster")
    assert exact(evaluate(path, tmp_path / "m.tif", options=options)) == (1, 1, 1)


def test_float_probabilities_stay_on_their_side_of_the_threshold(raster):
    values = np.full((40, 60), 0.2999, np.float32)
    values[:, :20] = 0.3
    path = raster(values, "p.tif", nodata=None)
    truth = np.zeros((40, 60), np.uint8)
    truth[:, :20] = 1
    found = evaluate(path, raster(truth, "t.tif"), options=EvaluateOptions(threshold=0.3, metrics="raster"))
    assert exact(found) == (1, 1, 1)
    assert found.lines is None


def two_folders(tmp_path: Path, raster: Callable[..., Path]) -> tuple[Path, Path]:
    """Scene a: 1 of 2 streets found. Scene b, three times as high: all streets found, with lines as the truth."""
    for folder in ("p", "t", "e"):
        (tmp_path / folder).mkdir()
    raster(roads(50), "p/a_roads.tif")
    raster(roads(50, 120), "t/a.tif")
    raster(roads(50, rows=3 * ROWS), "p/b.tif")
    vectors(tmp_path / "t/b.geojson", [street(50, rows=3 * ROWS)], "EPSG:4326")
    return tmp_path / "p", tmp_path / "t"


def test_scenes_are_paired_by_name_and_counts_are_pooled(raster, tmp_path):
    found = evaluate(*two_folders(tmp_path, raster), error_map=tmp_path / "e")
    assert list(found.scenes) == ["a", "b"]
    assert exact(found) == pytest.approx((1, 4 / 5, 4 / 5), rel=1e-3)  # the mean of the scenes' IoU would be 3/4
    assert found.lines.wiedemann_completeness == pytest.approx(4 / 5, rel=1e-3)
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == ["a.tif", "b.tif"]


def test_unpaired_files_are_listed(raster, tmp_path, capsys):
    predictions, truths = two_folders(tmp_path, raster)
    raster(roads(50), "t/c.tif")
    assert run(["evaluate", str(predictions), str(truths)]) == 0
    captured = capsys.readouterr()
    assert "1 truths have no prediction and are skipped: c" in captured.err
    assert "truths skipped, without prediction           1" in captured.out
    raster(roads(50), "p/lonely.tif")
    with pytest.raises(RoadExtractError, match=r"contains no truth for lonely\.tif"):
        evaluate(predictions, truths)
    (predictions / "lonely.tif").unlink()
    raster(roads(50), "p/a.tif")
    with pytest.raises(RoadExtractError, match="contains several files for a;"):
        evaluate(predictions, truths)


def test_different_recorded_thresholds_are_not_mixed(raster, tmp_path):
    predictions, truths = two_folders(tmp_path, raster)
    (truths / "b.geojson").unlink()
    raster(roads(50), "t/b.tif")
    for name, threshold in (("a_roads", 0.3), ("b", 0.4)):
        with_scale(raster(probability(roads(50)), f"p/{name}.tif"), threshold)
    with pytest.raises(RoadExtractError, match=r"different thresholds \(0.3, 0.4\)"):
        evaluate(predictions, truths)
    assert evaluate(predictions, truths, options=EvaluateOptions(threshold=0.4)).threshold == 0.4


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_mask_without_georeferencing_is_compared_pixel_by_pixel(raster):
    prediction = raster(roads(50), "p.tif")
    found = evaluate(prediction, raster(roads(50), "t.tif", crs=None, transform=Affine.identity()))
    assert exact(found) == (1, 1, 1)
    with pytest.raises(RoadExtractError, match=r"no geotransform|no CRS"):
        evaluate(prediction, raster(roads(50)[:-1], "u.tif", crs=None, transform=Affine.identity()))


def test_a_truth_in_another_place_is_an_error(raster):
    far = UTM * Affine.translation(50_000, 0)
    with pytest.raises(RoadExtractError, match="has no valid pixels in the area of the other side"):
        evaluate(raster(roads(50), "p.tif"), raster(roads(50), "t.tif", transform=far))


def test_a_rotated_grid_works(raster, tmp_path):
    turned = UTM * Affine.rotation(30)
    lines = vectors(tmp_path / "t.gpkg", [street(50, turned), street(120, turned)])
    found = evaluate(raster(roads(50, 120), "p.tif", transform=turned), lines)
    assert found.raster.exact_iou > 0.93
    assert found.lines.wiedemann_quality > 0.99


def test_an_empty_prediction_scores_zero_and_undefined_ratios_stay_undefined(raster, tmp_path):
    found = evaluate(raster(roads(), "p.tif"), raster(roads(50), "t.tif"))
    assert exact(found) == (0, 0, 0)
    assert (found.lines.wiedemann_completeness, found.lines.wiedemann_correctness) == (0, None)
    assert (found.lines.apls, found.lines.topo_f1, found.lines.topo_precision) == (0, 0, None)
    empty = vectors(tmp_path / "p.gpkg", [shapely.Point(0, 0)])
    assert evaluate(empty, raster(roads(50), "t.tif")).lines.apls == 0


def test_the_error_map_shows_every_class_and_keeps_nodata(raster, tmp_path):
    predicted = roads(50, 200)
    predicted[:10] = 255
    evaluate(raster(predicted, "p.tif"), raster(roads(50, 120), "t.tif"), error_map=tmp_path / "e.tif")
    with rasterio.open(tmp_path / "e.tif") as dataset:
        classes, colours = dataset.read(1), dataset.colormap(1)
        assert (dataset.nodata, dataset.transform, dataset.crs) == (255, UTM, "EPSG:32611")
    assert [classes[100, col] for col in (10, 50, 200, 120)] == [0, 1, 2, 3]
    assert (classes[:10] == 255).all()
    counts = np.bincount(classes.ravel(), minlength=256)
    assert (counts[1], counts[2], counts[3]) == (210 * 7,) * 3
    assert len({colours[value] for value in (0, 1, 2, 3, 255)}) == 5


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_the_curve_is_drawn_and_requires_probabilities(raster, tmp_path):
    path, truth = with_scale(raster(probability(roads(50, 200)), "p.tif")), raster(roads(50), "t.tif")
    found = evaluate(path, truth, curve=tmp_path / "pr.png")
    assert found.raster.best_threshold * 254 == pytest.approx(21, abs=179)
    with rasterio.open(tmp_path / "pr.png") as picture:
        pixels = picture.read()[:3].astype(int)
    red = (pixels[0] > 180) & (pixels[1] < 90)
    blue = (pixels[2] > 180) & (pixels[0] < 90)
    assert red.sum() > 100
    assert blue.sum() > 100
    with pytest.raises(RoadExtractError, match="requires probability rasters"):
        evaluate(truth, truth, curve=tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()


def test_without_matplotlib_a_curve_is_refused_before_anything_is_done(raster, tmp_path, monkeypatch):
    path, truth = with_scale(raster(probability(roads(50, 200)), "p.tif")), raster(roads(50), "t.tif")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(RoadExtractError, match="requires matplotlib"):
        evaluate(path, truth, curve=tmp_path / "pr.png", error_map=tmp_path / "errors.tif")
    assert not (tmp_path / "errors.tif").exists()


def test_the_table_and_the_json_name_every_metric_in_full(raster, tmp_path, capsys):
    path, truth = with_scale(raster(probability(roads(50, 200)), "p.tif"), 0.4), raster(roads(50, 120), "t.tif")
    assert run(["evaluate", str(path), str(truth), "--json", str(tmp_path / "s.json"), "--rho", "2"]) == 0
    table = capsys.readouterr().out
    for words in (
        "raster metrics at threshold 0.400", "exact precision ", "exact IoU ", "relaxed precision (within 2 px)",
        "relaxed break-even point (within 2 px)", "Wiedemann completeness (buffer 3 m)", "APLS, truth onto prediction",
        "control points every 50 m, snapped within 4 m", "TOPO F1", "radius 300 m",
    ):  # fmt: skip
        assert words in table
    values = json.loads((tmp_path / "s.json").read_text())
    assert values["raster"]["exact_iou"] == pytest.approx(1 / 3)
    assert values["raster"]["best_exact_iou"] == pytest.approx(1 / 3)
    assert values["lines"]["wiedemann_quality"] == pytest.approx(1 / 3)
    assert values["options"]["rho_px"] == 2
    assert values["scenes"]["t"]["raster"] == values["raster"]
    assert run(["evaluate", str(path), str(truth), "--json", "-", "--metrics", "raster"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] is None


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["none.tif", "{t}"], "none.tif: cannot be opened as a raster"),
        (["{t}", "none.geojson"], "none.geojson: cannot be read"),
        (["{folder}", "{t}"], "only one is a folder"),
        (["{t}", "{t}", "--rho", "-1"], "expected 0 to 100 px"),
        (["{t}", "{mixed}"], "contains both lines and polygons"),
        (["{empty}", "{empty}"], "is empty"),
        (["{t}", "{t}", "--error-map", "{t}"], "already exists"),
        (["{lines}", "{lines}", "--gsd", "0.01"], "specify a larger --gsd"),
    ],
)
def test_bad_input_gives_one_error_message(raster, tmp_path, capsys, args, words):
    names = {
        "t": raster(roads(50), "t.tif"),
        "folder": tmp_path,
        "mixed": vectors(tmp_path / "m.gpkg", [street(50), street(120).buffer(3)]),
        "lines": vectors(tmp_path / "l.gpkg", [street(50), street(1200)]),
        "empty": tmp_path / "empty.geojson",
    }
    names["empty"].write_text('{"type": "FeatureCollection", "features": []}')
    assert run(["evaluate", *(arg.format(**names) for arg in args)]) == 1
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("Error: ") == 1
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(("command", "options"), [("evaluate", EvaluateOptions), ("diff", DiffOptions)])
def test_the_command_line_offers_every_option(command, options, capsys):
    run([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for field in options.__dataclass_fields__.values():
        assert "--" + (field.metadata["short"] or field.name).replace("_", "-") + " " in text


def test_lines_of_the_sample_tile_against_themselves():
    from tests.helpers.paths import SAMPLES

    truth = SAMPLES / "vegas_roads.geojson"
    found = evaluate(truth, truth)
    assert found.lines.apls == pytest.approx(1)
    assert found.lines.topo_f1 == 1
    assert found.raster.exact_iou == 1
    assert found.total.lines.lengths.reference_m == pytest.approx(1031, rel=1e-3)


def test_a_real_town_is_scored_in_seconds(shared_data):
    """1500 x 1500 m, with thousands of control points."""
    import time

    mask = sorted((shared_data / "massachusetts/valid/masks").glob("*.tif"))[2]
    started = time.monotonic()
    found = evaluate(mask, mask)
    assert found.lines.apls == pytest.approx(1)
    assert found.lines.topo_f1 == found.raster.exact_f1 == 1
    assert found.total.lines.lengths.reference_m > 10_000
    assert time.monotonic() - started < 60
