"""One suite for every backend: whatever runs the model, the probabilities are TensorFlow's in float32."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import openvino as ov
import pytest
import rasterio
from affine import Affine

from road_extract.base.errors import BackendError, InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import TilePlan, Window
from road_extract.io.raster import Scene, SceneView
from road_extract.models import (
    INT8_FILE,
    build_resunet,
    inference_form,
    read_spec,
    save_model,
    shipped_model,
)
from road_extract.models.backends import open_backend, openvino, openvino_int8
from road_extract.models.backends.rounding import round_convolution, round_transposed
from road_extract.models.backends.symmetries import D4Backend
from road_extract.models.spec import ModelSpec
from road_extract.models.storage import WEIGHTS_FILE
from road_extract.prediction.blending import iter_blended
from road_extract.prediction.inference import Inference, iter_probability
from road_extract.prediction.preprocess import byte_scaling, to_model_input
from tests.helpers.paths import REPOSITORY, SAMPLES

pytestmark = pytest.mark.slow

#: Tiles a batch. TensorFlow's answers depended on the third and the fourth place.
BATCH = 4
#: Pixels a side of the tiles on which the model itself is not what is tested: an eighth of its work.
SMALL = 80
#: Where processors without VNNI compute, on any that has it, too.
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "TF_ENABLE_ONEDNN_OPTS": "0"}
#: Filters of networks that are only there to be loaded.
FEW = (4, 4, 8, 8)
X86 = platform.machine().lower() in ("x86_64", "amd64")


@dataclass(frozen=True)
class Way:
    """A runtime and its precision, and how far it may be from TensorFlow in float32.

    Masks are compared at the model's threshold, by their intersection over union: on imagery of the kind that the model
    was trained on, two windows of as many ``scenes``, and on another sensor's, where more probabilities lie near the
    threshold.
    """

    name: str
    precision: str
    mean_difference: float
    iou: float
    iou_elsewhere: float
    scenes: int = 4

    def __str__(self) -> str:
        return f"{self.name}-{self.precision}"

    def open(self, model=None, batch_size=None, threads=None):
        return open_backend(self.name, model or shipped_model(), batch_size, self.precision, threads)


EVERY = [
    Way("tensorflow", "float32", 1e-5, 0.9995, 0.9995),
    Way("tensorflow", "bfloat16", 2e-3, 0.995, 0.98),
    Way("openvino", "float32", 1e-5, 0.9995, 0.9995),
    Way("openvino", "bfloat16", 2e-3, 0.995, 0.98),
    Way("openvino", "int8", 3e-3, 0.97, 0.95),
    Way("onnxruntime", "float32", 1e-5, 0.9995, 0.9995),
    Way("pytorch", "float32", 1e-5, 0.9995, 0.9995),
    # PyTorch rounds the output of every operation to bfloat16; the other runtimes keep more of some. On a processor
    # without bfloat16, a window takes half a minute
    Way("pytorch", "bfloat16", 2e-3, 0.99, 0.98, scenes=1),
]
NAMES = sorted({way.name for way in EVERY})


@pytest.fixture(scope="module", autouse=True)
def _cache_of_its_own(tmp_path_factory):
    """The networks of this suite would push those of other tests out of the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROAD_EXTRACT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", params=EVERY, ids=str)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def backend(way):
    with closing(way.open()) as backend:
        yield backend


@pytest.fixture(scope="module")
def small_model(tmp_path_factory):
    """The shipped model, for tiles of `SMALL` pixels."""
    return write_small_model(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def small_backend(way, small_model):
    with closing(way.open(small_model, BATCH)) as backend:
        yield backend


@pytest.fixture(scope="module")
def tiles():
    return read_tiles(SAMPLES / "vegas_utm.tif")


@pytest.fixture(scope="module")
def answers(backend, tiles):
    return predict_all(backend, tiles)


@pytest.fixture(scope="module")
def small_tiles(tiles):
    return np.concatenate([tiles[:, :SMALL, :SMALL], tiles[:, -SMALL:, -SMALL:]])


def write_small_model(folder):
    for name in (WEIGHTS_FILE, INT8_FILE):
        shutil.copy(shipped_model() / name, folder)
    (folder / "spec.json").write_text(replace(read_spec(shipped_model()), tile_size_px=SMALL).to_json())
    return folder


def read_pixels(scene):
    """(rows, cols, 3), uint8."""
    with rasterio.open(scene) as dataset:
        return dataset.read((1, 2, 3)).transpose(1, 2, 0)


def read_tiles(scene):
    """The windows at the corners of a scene as the shipped model wants them, on its grid, (4, 224, 224, 3)."""
    with Scene(str(scene), SceneView(read_spec(shipped_model()).gsd_m)) as source:
        pixels, size = source.read(Window(0, 0, source.grid.width, source.grid.height))[0], 224
    free = np.array(pixels.shape[:2]) - size
    corners = np.array([(i, j) for i in (0, 1) for j in (0, 1)]) * free
    cut = [pixels[row : row + size, col : col + size] for row, col in corners]
    valid = np.ones((size, size), bool)
    return np.stack([to_model_input(tile, valid, byte_scaling(3), read_spec(shipped_model())) for tile in cut])


def predict_all(backend, tiles):
    """Any number of tiles, in full batches."""
    size = backend.batch_size
    short = -len(tiles) % size
    filled = np.concatenate([tiles, np.zeros((short, *tiles.shape[1:]), np.float32)])
    found = [backend.predict(filled[first : first + size]) for first in range(0, len(filled), size)]
    return np.concatenate(found)[: len(tiles)]


@pytest.fixture(scope="module")
def reference():
    """TensorFlow's answers in float32, each tile asked for once."""
    answers = {}
    with closing(open_backend("tensorflow", shipped_model(), 4, "float32")) as backend:

        def answer(tiles):
            key = tiles.tobytes()
            if key not in answers:
                answers[key] = predict_all(backend, tiles)
            return answers[key]

        yield answer


def overlap(one, other):
    """Intersection over union of two probability maps' masks."""
    threshold = read_spec(shipped_model()).threshold
    ours, theirs = one >= threshold, other >= threshold
    assert theirs.mean() > 0.01
    return (ours & theirs).sum() / (ours | theirs).sum()


def test_a_batch_gives_one_probability_per_pixel(way, backend, answers, tiles):
    assert answers.shape == (len(tiles), 224, 224)
    assert answers.dtype == np.float32
    assert 0 <= answers.min() < 0.1
    assert 0.9 < answers.max() <= 1
    assert way.precision in backend.description


def test_extreme_inputs_give_valid_probabilities(small_backend):
    levels = np.array([-4, 0, 4, 4], np.float32)[:, None, None, None]
    found = small_backend.predict(np.tile(levels, (1, SMALL, SMALL, 3)))
    assert found.shape == (BATCH, SMALL, SMALL)
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1


def test_the_result_of_a_tile_does_not_depend_on_its_batch_or_its_place_in_it(small_backend, small_tiles):
    first, second = small_tiles[:BATCH], small_tiles[BATCH : 2 * BATCH]
    expected = small_backend.predict(first)
    alone = small_backend.predict(np.concatenate([first[:1], np.zeros_like(first[1:])]))
    assert np.array_equal(alone[0], expected[0])
    for place in range(1, BATCH):
        found = small_backend.predict(np.roll(first, place, axis=0))
        assert np.array_equal(np.roll(found, -place, axis=0), expected)
        others = second.copy()
        others[place] = first[0]
        assert np.array_equal(small_backend.predict(others)[place], expected[0])


def test_several_threads_can_predict_at_once(small_backend, small_tiles):
    callers = small_backend.in_flight + 2
    batches = [np.roll(small_tiles, shift, axis=0)[:BATCH] for shift in range(callers)]
    expected = [small_backend.predict(batch) for batch in batches]
    with ThreadPoolExecutor(callers) as pool:
        found = list(pool.map(small_backend.predict, batches))
    assert np.array_equal(np.stack(found), np.stack(expected))


def test_the_first_calls_can_come_from_two_threads_at_once():
    """Of a network from the cache, so that nothing else has set the runtime up before. It hung most of the time."""
    code = """
import sys, threading
import numpy as np
from road_extract.models.backends import open_backend
from road_extract.models import shipped_model
sys.setswitchinterval(1e-6)
backend, ready = open_backend("openvino", shipped_model(), 1, "int8"), threading.Barrier(2)
def call():
    ready.wait()
    backend.predict(np.zeros((1, 224, 224, 3), np.float32))
threads = [threading.Thread(target=call) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    for _ in range(4):  # the first one may fill the cache
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)


class PixelSource:
    """A scene in memory, all of it valid."""

    def __init__(self, pixels):
        self.pixels = pixels
        self.grid = RasterGrid(len(pixels), pixels.shape[1], Affine.identity(), "")

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        pixels = self.pixels[window.row_off : window.row_end, window.col_off : window.col_end]
        return pixels, np.ones(pixels.shape[:2], bool)


def test_the_last_batch_of_a_scene_may_be_short(small_backend, small_model):
    """A scene of five windows, which is no multiple of the batch: each is answered as if it were alone."""
    pixels, spec = read_pixels(SAMPLES / "vegas_utm.tif")[:SMALL, : 3 * SMALL], read_spec(small_model)
    plan = TilePlan(SMALL, 3 * SMALL, SMALL, SMALL // 2)
    assert len(plan) == BATCH + 1
    source, scaling = PixelSource(pixels), byte_scaling(3)
    strips = list(iter_probability(source, plan, Inference(small_backend, spec, scaling)))
    alone = [
        (window, predict_all(small_backend, to_model_input(*source.read(window), scaling, spec)[None])[0])
        for window in plan
    ]
    expected = np.concatenate([strip.probability for strip in iter_blended(plan, alone)])
    assert np.array_equal(np.concatenate([strip for strip, _ in strips]), expected)


def test_the_number_of_threads_hardly_matters(way, small_backend, small_model, small_tiles, tmp_path):
    """One thread runs in a process of its own: TensorFlow takes the number once."""
    np.save(tmp_path / "tiles.npy", small_tiles[:BATCH])
    code = f"""
from pathlib import Path
import numpy as np
from road_extract.models.backends import open_backend
backend = open_backend({way.name!r}, Path({str(small_model)!r}), {BATCH}, {way.precision!r}, threads=1)
np.save("found.npy", backend.predict(np.load("tiles.npy")))
"""
    run_python(code, tmp_path)
    difference = np.abs(np.load(tmp_path / "found.npy") - small_backend.predict(small_tiles[:BATCH]))
    assert difference.mean() <= way.mean_difference / 4


def run_python(code, folder, **environment):
    """Run code in a process of its own; returns what it printed."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_probabilities_agree_with_tensorflow_on_another_sensor(way, answers, reference, tiles):
    expected = reference(tiles)
    assert np.abs(answers - expected).mean() <= way.mean_difference
    assert overlap(answers, expected) >= way.iou_elsewhere


def test_probabilities_agree_with_tensorflow_on_the_models_own_kind_of_imagery(way, backend, reference, shared_data):
    scenes = sorted((shared_data / "massachusetts" / "valid" / "images").glob("*.tif"))[: way.scenes]
    tiles = np.concatenate([read_tiles(scene)[[0, 3]] for scene in scenes])
    found, expected = predict_all(backend, tiles), reference(tiles)
    assert np.abs(found - expected).mean() <= way.mean_difference
    assert overlap(found, expected) >= way.iou


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    """A small model of two bands, whose every number is at random: nothing cancels out."""
    folder, filters = tmp_path_factory.mktemp("random"), (8, 12, 20, 16)
    network, rng = build_resunet((32, 32, 2), filters), np.random.default_rng(3)
    for weight in network.weights:
        spread = 0.5 if "bn" in weight.path else np.sqrt(2 / max(1, np.prod(weight.shape[:-1])))
        values = rng.normal(0, spread, weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    spec = ModelSpec("m", ("a", "b"), (0.0, 0.0), (1.0, 1.0), tile_size_px=32, filters=filters)
    save_model(network, spec, folder)
    return folder


@pytest.fixture(scope="module")
def random_answers(random_model):
    tiles = np.random.default_rng(4).normal(0, 1, (2, 32, 32, 2)).astype(np.float32)
    with closing(open_backend("tensorflow", random_model, 2, "float32")) as backend:
        answers = backend.predict(tiles)
    assert np.ptp(answers) > 0.3
    return tiles, answers


@pytest.mark.parametrize(
    ("name", "precision", "largest"),
    [
        ("openvino", "float32", 1e-4),
        ("onnxruntime", "float32", 1e-4),
        ("pytorch", "float32", 1e-4),
        ("pytorch", "float16", 2e-2),
    ],
)
def test_the_inference_form_equals_the_network_up_to_the_border(name, precision, largest, random_model, random_answers):
    tiles, expected = random_answers
    with closing(open_backend(name, random_model, 2, precision)) as backend:
        assert np.abs(backend.predict(tiles) - expected).max() < largest
        assert precision in backend.description


def test_upsampling_and_a_convolution_are_one_transposed_convolution(rng):
    from scipy.signal import convolve2d, correlate2d

    kernel = rng.normal(size=(3, 3)).astype(np.float32)
    small = rng.normal(size=(5, 7)).astype(np.float32)
    expected = correlate2d(np.kron(small, np.ones((2, 2))), kernel, mode="same")
    spread = np.zeros((10, 14), np.float32)
    spread[::2, ::2] = small
    wide = inference_form.upsampling_kernel(kernel[:, :, None, None])[:, :, 0, 0]
    assert np.allclose(convolve2d(spread, wide)[1:11, 1:15], expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_weights_are_a_backend_error_not_a_result(name, tmp_path):
    network = build_resunet((32, 32, 3), FEW)
    network.get_layer("head_conv").bias.assign([np.nan])
    save_model(network, ModelSpec("m", tile_size_px=32, filters=FEW), tmp_path)

    def run():
        with closing(open_backend(name, tmp_path, 1, "float32")) as backend:
            backend.predict(np.zeros((1, 32, 32, 3), np.float32))

    with pytest.raises(BackendError, match="not probabilities"):
        run()


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_another_network_are_an_input_error(name, tmp_path):
    grey = ModelSpec("m", ("grey",), (0.5,), (0.2,), tile_size_px=32, filters=FEW)
    save_model(build_resunet((32, 32, 1), FEW), grey, tmp_path)
    (tmp_path / "spec.json").write_text(ModelSpec("m", tile_size_px=32, filters=FEW).to_json())
    with pytest.raises(InputError, match="match the ResUNet"):
        open_backend(name, tmp_path, 1)


@pytest.mark.parametrize(
    ("name", "precision", "words"),
    [
        ("abacus", "auto", "backend 'abacus'"),
        ("openvino", "exact", "precision 'exact'"),
        ("onnxruntime", "bfloat16", "float32 only"),
        ("tensorflow", "int8", "not in int8"),
        ("tensorflow", "float16", "not in float16"),
        ("pytorch", "int8", "not in int8"),
    ],
)
def test_unknown_backends_and_precisions_are_input_errors(name, precision, words):
    with pytest.raises(InputError, match=words):
        open_backend(name, shipped_model(), precision=precision)


class _Lopsided:
    """A model whose answer depends on which way a tile is turned: the mean of a pixel and its right neighbour."""

    batch_size, in_flight, description = 2, 3, "lopsided"
    closed = False

    def predict(self, batch):
        band = batch[..., 0]
        return (band + np.roll(band, -1, axis=2)) / 2

    def close(self):
        self.closed = True


def test_the_mean_over_symmetries_does_not_depend_on_how_a_tile_is_rotated(rng):
    inner = _Lopsided()
    backend = D4Backend(inner)
    assert (backend.batch_size, backend.in_flight) == (2, 3)
    tile = rng.random((2, 8, 8, 1), dtype=np.float32)
    found = backend.predict(tile)
    band = tile[..., 0]
    around = [np.roll(band, shift, axis) for axis in (1, 2) for shift in (-1, 1)]
    assert np.allclose(found, band / 2 + sum(around) / 8, atol=1e-6)  # every neighbour counts alike
    for turns in range(4):
        for flip in (False, True):
            turned = np.rot90(tile[:, ::-1] if flip else tile, turns, axes=(1, 2))
            expected = np.rot90(found[:, ::-1] if flip else found, turns, axes=(1, 2))
            assert np.allclose(backend.predict(np.ascontiguousarray(turned)), expected, atol=1e-6)
    backend.close()
    assert inner.closed


@pytest.mark.parametrize(
    ("native", "ranges", "chosen", "beside"),
    [
        (["FP32", "INT8", "BF16"], True, "int8", "bfloat16"),
        (["FP32", "INT8", "BF16"], False, "bfloat16", "bfloat16"),
        (["FP32", "INT8"], True, "int8", "float32"),
        (["FP32", "INT8"], False, "float32", "float32"),
        (["FP32", "FP16"], True, "float16", "float16"),  # ARM
        (["FP32", "FP16", "INT8"], True, "int8", "float16"),
    ],
)
def test_auto_uses_what_processor_and_model_support(tmp_path, native, ranges, chosen, beside):
    if ranges:
        (tmp_path / INT8_FILE).touch()
    assert openvino._choose_precision(native, tmp_path) == chosen
    assert openvino._choose_float(native) == beside


@pytest.mark.parametrize(("saturates", "bits"), [(True, 7), (False, 8)])
def test_kernels_take_7_bits_where_products_saturate(monkeypatch, small_model, small_tiles, saturates, bits):
    """Whatever this processor does: with 7 bits nothing saturates anywhere, with 8 bits the kernels are seen."""
    monkeypatch.setattr(openvino, "products_saturate", lambda core: saturates)
    monkeypatch.setenv("ROAD_EXTRACT_CACHE", "")
    with closing(open_backend("openvino", small_model, BATCH, "int8")) as backend:
        assert ("kernels of 7 bits" in backend.description) == (bits == 7)
        if bits == 7:
            with closing(open_backend("openvino", small_model, BATCH, "float32")) as exact:
                difference = backend.predict(small_tiles[:BATCH]) - exact.predict(small_tiles[:BATCH])
            assert np.abs(difference).mean() < 0.006  # of tiles of 80 px, whose borders are nearer


def test_largest_integers_of_kernels(small_model):
    for largest in (openvino_int8.KERNEL_7_BITS, openvino_int8.KERNEL_8_BITS):
        for node in openvino.build_int8(small_model, 1, largest).get_ordered_ops():
            if node.get_type_name() != "FakeQuantize":
                continue
            source, low, high = (node.input(port).get_source_output().get_node() for port in range(3))
            if source.get_type_name() == "Constant":
                step = (high.data - low.data) / (node.get_levels() - 1)
                assert np.isclose(np.abs(source.data / step).max(), largest)


@pytest.mark.parametrize("round_kernel", [round_convolution, round_transposed])
def test_kernels_are_rounded_so_that_errors_cancel_out(rng, round_kernel):
    kernel = rng.normal(0, 20, (24, 24, 4, 4)).astype(np.float32)
    rounded = round_kernel(kernel)
    errors = rounded - kernel
    assert np.array_equal(rounded, np.round(rounded))
    assert np.abs(errors).max() < 1
    if round_kernel is round_convolution:  # what a pixel of the result meets: the taps of an input channel, of all
        taps = errors.reshape(24, 24, 16)
    else:
        taps = errors.reshape(24, 24, 2, 2, 2, 2).transpose(1, 3, 5, 0, 2, 4).reshape(96, 24, 4)
    assert np.abs(taps.sum(axis=2)).max() < 1.5
    assert np.abs(taps.sum(axis=(1, 2))).max() <= 0.5 + 1e-3
    plain = np.round(kernel) - kernel
    assert np.abs(plain.sum(axis=(1, 2, 3))).max() > 2


@pytest.mark.skipif(not X86, reason="ONEDNN_MAX_CPU_ISA limits x86 processors")
def test_saturation_is_measured(tmp_path):
    """In processes whose oneDNN is kept to AVX2, where products saturate, as on processors that have no more."""
    code = """
import openvino
from road_extract.models.backends.openvino_int8 import products_saturate
print(products_saturate(openvino.Core()))
"""
    assert run_python(code, tmp_path, **AVX2).strip() == "True"


@pytest.mark.skipif(not X86, reason="ONEDNN_MAX_CPU_ISA limits x86 processors")
@pytest.mark.skipif(AVX2.items() <= os.environ.items(), reason="is what runs")
def test_the_suite_holds_without_vnni():
    """The same tests, in a process that computes as processors with AVX2 alone do."""
    if openvino_int8.products_saturate(ov.Core()):
        pytest.skip("this processor computes so")
    ways = "tensorflow-float32 or openvino-int8 or openvino-float32"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", ways]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | AVX2, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
