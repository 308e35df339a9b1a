"""One suite for every backend: whatever runs the model, the probabilities are TensorFlow's in float32."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
from affine import Affine

from road_extract.base.errors import BackendError, InputError
from road_extract.base.grid import RasterGrid
from road_extract.base.windows import TilePlan, Window
from road_extract.io.raster import Scene, SceneView
from road_extract.models import backends, build_resunet, inference_form, read_spec, save_model, shipped_model
from road_extract.models.backends import choose_backend, open_backend, openvino
from road_extract.models.backends.symmetries import D4Backend
from road_extract.models.spec import ModelSpec
from road_extract.prediction.blending import iter_blended
from road_extract.prediction.inference import Inference, iter_probability
from road_extract.prediction.preprocess import byte_scaling, to_model_input
from tests.helpers.paths import REPOSITORY, SAMPLES

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Way:
    """A runtime and its precision, and how far it may be from TensorFlow in float32.

    Masks are compared at the model's threshold, by their intersection over union: on imagery of the kind that the model
    was trained on, and on another sensor's, where more probabilities lie near the threshold.
    """

    name: str
    precision: str
    mean_difference: float
    iou: float
    iou_elsewhere: float

    def __str__(self) -> str:
        return f"{self.name}-{self.precision}"

    def open(self, batch_size=None, threads=None):
        return open_backend(self.name, shipped_model(), batch_size, self.precision, threads)


EVERY = [
    Way("tensorflow", "float32", 1e-5, 0.9995, 0.9995),
    Way("tensorflow", "bfloat16", 2e-3, 0.995, 0.98),
    Way("openvino", "float32", 1e-5, 0.9995, 0.9995),
    Way("openvino", "bfloat16", 2e-3, 0.995, 0.98),
    Way("openvino", "int8", 3e-3, 0.97, 0.95),
    Way("onnxruntime", "float32", 1e-5, 0.9995, 0.9995),
]
NAMES = sorted({way.name for way in EVERY})


@pytest.fixture(scope="module", params=EVERY, ids=str)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def backend(way):
    with closing(way.open()) as backend:
        yield backend


@pytest.fixture(scope="module")
def tiles():
    return read_tiles(SAMPLES / "vegas_utm.tif")


def read_pixels(scene):
    """(rows, cols, 3), uint8."""
    with rasterio.open(scene) as dataset:
        return dataset.read((1, 2, 3)).transpose(1, 2, 0)


def read_tiles(scene):
    """Eight windows of a scene as the shipped model wants them, on its grid, (8, 224, 224, 3)."""
    with Scene(str(scene), SceneView(read_spec(shipped_model()).gsd_m)) as source:
        pixels, size = source.read(Window(0, 0, source.grid.width, source.grid.height))[0], 224
    free = np.array(pixels.shape[:2]) - size
    corners = (np.array([(i, j) for i in (0, 0.3, 0.6, 1) for j in (0, 1)]) * free).astype(int)
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
    with closing(open_backend("tensorflow", shipped_model(), 8, "float32")) as backend:

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


def test_a_batch_gives_one_probability_a_pixel(way, backend, tiles):
    batch = tiles[: backend.batch_size]
    found = backend.predict(batch)
    assert found.shape == (backend.batch_size, 224, 224)
    assert found.dtype == np.float32
    assert 0 <= found.min() < 0.1
    assert 0.9 < found.max() <= 1
    assert way.precision in backend.description


@pytest.mark.parametrize("level", [-4.0, 0.0, 4.0])
def test_nothing_but_probabilities_comes_out_at_the_ends_of_the_scale(backend, level):
    found = backend.predict(np.full((backend.batch_size, 224, 224, 3), level, np.float32))
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1


def test_a_tile_has_one_answer_whatever_shares_its_batch(backend, tiles):
    empty = np.zeros_like(tiles[0])
    others = [tiles[2 + i] for i in range(backend.batch_size - 1)]
    for tile in tiles[:2]:
        alone = backend.predict(np.stack([tile, *[empty] * len(others)]))[0]
        first = backend.predict(np.stack([tile, *others]))[0]
        last = backend.predict(np.stack([*others, tile]))[-1]
        assert np.array_equal(first, alone)
        assert np.array_equal(last, alone)


def test_several_threads_may_ask_at_once(backend, tiles):
    callers = backend.in_flight + 2
    batches = [np.stack([tiles[(i + j) % 8] for j in range(backend.batch_size)]) for i in range(callers)]
    expected = [backend.predict(batch) for batch in batches]
    with ThreadPoolExecutor(callers) as pool:
        found = list(pool.map(backend.predict, batches))
    assert np.array_equal(np.stack(found), np.stack(expected))


def test_the_first_calls_may_come_from_two_threads_together():
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


def test_the_last_batch_of_a_scene_may_be_short(backend):
    """A scene of five windows, which is no multiple of any batch: each is answered as if it were alone."""
    pixels, spec = read_pixels(SAMPLES / "vegas_utm.tif")[:224, :640], read_spec(shipped_model())
    plan = TilePlan(224, 640, 224, 112)
    assert len(plan) == 5
    assert len(plan) % backend.batch_size
    source, scaling = PixelSource(pixels), byte_scaling(3)
    strips = list(iter_probability(source, plan, Inference(backend, spec, scaling)))
    alone = [
        (window, predict_all(backend, to_model_input(*source.read(window), scaling, spec)[None])[0]) for window in plan
    ]
    expected = np.concatenate([strip.probability for strip in iter_blended(plan, alone)])
    assert np.array_equal(np.concatenate([strip for strip, _ in strips]), expected)


def test_the_number_of_threads_hardly_matters(way, backend, tiles, tmp_path):
    """One thread runs in a process of its own: TensorFlow takes the number once."""
    np.save(tmp_path / "tiles.npy", tiles[:4])
    code = f"""
import numpy as np
from tests.test_backends import Way, predict_all
backend = Way({way.name!r}, {way.precision!r}, 0, 0, 0).open(threads=1)
np.save("found.npy", predict_all(backend, np.load("tiles.npy")))
"""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    difference = np.abs(np.load(tmp_path / "found.npy") - predict_all(backend, tiles[:4]))
    assert difference.mean() <= way.mean_difference / 4


def test_probabilities_agree_with_tensorflow_on_another_sensor(way, backend, reference, tiles):
    found, expected = predict_all(backend, tiles), reference(tiles)
    assert np.abs(found - expected).mean() <= way.mean_difference
    assert overlap(found, expected) >= way.iou_elsewhere


def test_probabilities_agree_with_tensorflow_on_the_models_own_kind_of_imagery(way, backend, reference, shared_data):
    scenes = sorted((shared_data / "massachusetts" / "valid" / "images").glob("*.tif"))[:4]
    tiles = np.concatenate([read_tiles(scene) for scene in scenes])
    found, expected = predict_all(backend, tiles), reference(tiles)
    assert np.abs(found - expected).mean() <= way.mean_difference
    assert overlap(found, expected) >= way.iou


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    """A model of two bands and small tiles, whose every number is at random: nothing cancels out."""
    folder = tmp_path_factory.mktemp("random")
    network, rng = build_resunet((32, 32, 2)), np.random.default_rng(3)
    for weight in network.weights:
        spread = 0.5 if "bn" in weight.path else np.sqrt(2 / max(1, np.prod(weight.shape[:-1])))
        values = rng.normal(0, spread, weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    save_model(network, ModelSpec("m", ("a", "b"), (0.0, 0.0), (1.0, 1.0), tile_size_px=32), folder)
    return folder


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_the_inference_form_is_the_network_to_the_border(name, random_model, rng):
    tiles = rng.normal(0, 1, (2, 32, 32, 2)).astype(np.float32)
    with closing(open_backend("tensorflow", random_model, 2, "float32")) as backend:
        theirs = backend.predict(tiles)
    with closing(open_backend(name, random_model, 2, "float32")) as backend:
        ours = backend.predict(tiles)
    assert np.ptp(theirs) > 0.3
    assert np.abs(ours - theirs).max() < 1e-4


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
    network = build_resunet((32, 32, 3))
    network.get_layer("head_conv").bias.assign([np.nan])
    save_model(network, ModelSpec("m", tile_size_px=32), tmp_path)

    def run():
        with closing(open_backend(name, tmp_path, 1)) as backend:
            backend.predict(np.zeros((1, 32, 32, 3), np.float32))

    with pytest.raises(BackendError, match="no probabilities"):
        run()


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_another_network_are_an_input_error(name, tmp_path):
    save_model(build_resunet((32, 32, 1)), ModelSpec("m", ("grey",), (0.5,), (0.2,), tile_size_px=32), tmp_path)
    (tmp_path / "spec.json").write_text(ModelSpec("m", tile_size_px=32).to_json())
    with pytest.raises(InputError, match="fit a ResUNet"):
        open_backend(name, tmp_path, 1)


@pytest.mark.parametrize(
    ("name", "precision", "words"),
    [
        ("abacus", "auto", "backend 'abacus'"),
        ("openvino", "exact", "precision 'exact'"),
        ("onnxruntime", "bfloat16", "float32 only"),
    ],
)
def test_unknown_backends_and_precisions_are_input_errors(name, precision, words):
    with pytest.raises(InputError, match=words):
        open_backend(name, shipped_model(), precision=precision)


@pytest.mark.parametrize(
    ("gpu", "cuda", "installed", "chosen"),
    [
        (False, False, {"openvino", "tensorflow", "onnxruntime"}, "openvino"),
        (False, False, {"tensorflow", "onnxruntime"}, "tensorflow"),
        (True, True, {"openvino", "tensorflow", "onnxruntime"}, "onnxruntime"),
        (True, False, {"openvino", "tensorflow", "onnxruntime"}, "tensorflow"),
        (True, False, {"openvino"}, "openvino"),
    ],
)
def test_auto_takes_the_fastest_that_is_installed(monkeypatch, gpu, cuda, installed, chosen):
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi" if gpu else None)
    monkeypatch.setattr(backends, "find_spec", lambda name: name if name in installed else None)
    monkeypatch.setattr(backends, "_onnxruntime_has_cuda", lambda: cuda)
    assert choose_backend() == chosen


def test_without_any_runtime_there_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match="pip install openvino"):
        choose_backend()


class _Lopsided:
    """A model whose answer depends on which way a tile is turned: the mean of a pixel and its right neighbour."""

    batch_size, in_flight, description = 2, 3, "lopsided"
    closed = False

    def predict(self, batch):
        band = batch[..., 0]
        return (band + np.roll(band, -1, axis=2)) / 2

    def close(self):
        self.closed = True


def test_the_mean_over_symmetries_does_not_depend_on_how_a_tile_is_turned(rng):
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
    ("native", "flags", "ranges", "chosen"),
    [
        (["FP32", "INT8", "BF16"], "amx_bf16 amx_int8", True, "int8"),
        (["FP32", "INT8", "BF16"], "amx_bf16 amx_int8", False, "bfloat16"),
        (["FP32", "INT8"], "avx2 avx_vnni", True, "int8"),
        (["FP32", "INT8"], "avx2", True, "float32"),  # its 8-bit products saturate
        (["FP32", "INT8", "BF16"], "", True, "int8"),  # not Linux
        (["FP32", "INT8"], "", True, "float32"),
    ],
)
def test_auto_takes_8_bit_integers_where_the_processor_and_the_model_are_made_for_them(
    monkeypatch, tmp_path, native, flags, ranges, chosen
):
    class Core:
        def get_property(self, device, name):
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return native

    monkeypatch.setattr(openvino, "processor_flags", lambda: flags)
    if ranges:
        (tmp_path / "int8.json").touch()
    assert openvino._choose_precision(Core(), tmp_path) == chosen
