"""One suite for every backend: whatever runs the model, the probabilities are TensorFlow's in float32."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
import rasterio

from road_extract import backends
from road_extract.backends import choose_backend, open_backend
from road_extract.backends.symmetries import D4Backend
from road_extract.errors import BackendError, InputError
from road_extract.model import build_resunet, inference_form, read_spec, save_model, shipped_model
from road_extract.model_spec import ModelSpec
from tests.conftest import SAMPLES

#: Runtime and precision, and the largest mean difference from TensorFlow in float32 that is allowed.
EVERY = [
    ("tensorflow", "bfloat16", 2e-3),
    ("openvino", "float32", 1e-5),
    ("openvino", "bfloat16", 2e-3),
    ("openvino", "int8", 3e-3),
    ("onnxruntime", "float32", 1e-5),
]
NAMES = sorted({name for name, _, _ in EVERY})

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tiles():
    return read_tiles(SAMPLES / "vegas_utm.tif")


def read_tiles(scene):
    """Eight windows of a scene as the shipped model wants them, (8, 224, 224, 3)."""
    with rasterio.open(scene) as dataset:
        pixels = dataset.read((1, 2, 3)).transpose(1, 2, 0).astype(np.float32) / 255
    spec, size = read_spec(shipped_model()), 224
    free = np.array(pixels.shape[:2]) - size
    corners = (np.array([(i, j) for i in (0, 0.3, 0.6, 1) for j in (0, 1)]) * free).astype(int)
    cut = np.stack([pixels[row : row + size, col : col + size] for row, col in corners])
    return ((cut - np.array(spec.mean)) / np.array(spec.std)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(tiles):
    with closing(open_backend("tensorflow", shipped_model(), 8, "float32")) as backend:
        return backend.predict(tiles)


@pytest.mark.parametrize(("name", "precision", "allowed"), EVERY)
def test_probabilities_are_tensorflows_in_float32(name, precision, allowed, tiles, expected):
    with closing(open_backend(name, shipped_model(), 8, precision)) as backend:
        found = backend.predict(tiles)
        assert precision in backend.description
    assert found.shape == (8, 224, 224)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.abs(found - expected).mean() <= allowed
    threshold = read_spec(shipped_model()).threshold
    ours, theirs = found >= threshold, expected >= threshold
    assert theirs.mean() > 0.02
    # another sensor than the model was trained on: many probabilities lie near the threshold
    least = 0.95 if precision == "int8" else 0.98
    assert (ours & theirs).sum() >= least * (ours | theirs).sum()


@pytest.mark.parametrize(("name", "precision", "allowed"), EVERY)
def test_masks_are_tensorflows_in_float32_on_the_models_own_kind_of_imagery(name, precision, allowed, shared_data):
    scenes = sorted((shared_data / "massachusetts" / "valid" / "images").glob("*.tif"))[:4]
    tiles = np.concatenate([read_tiles(scene) for scene in scenes])
    masks = []
    for runtime in (("tensorflow", "float32"), (name, precision)):
        with closing(open_backend(runtime[0], shipped_model(), 8, runtime[1])) as backend:
            batches = [backend.predict(tiles[first : first + 8]) for first in range(0, len(tiles), 8)]
        masks.append(np.concatenate(batches) >= read_spec(shipped_model()).threshold)
    theirs, ours = masks
    least = 0.97 if precision == "int8" else 0.995
    assert (ours & theirs).sum() >= least * (ours | theirs).sum()


@pytest.mark.parametrize("name", NAMES)
def test_a_tile_has_one_answer_whatever_shares_its_batch_and_whoever_asks_beside_it(name, tiles):
    with closing(open_backend(name, shipped_model(), 2)) as backend:
        alone = [backend.predict(np.stack([tile, np.zeros_like(tile)]))[0] for tile in tiles]
        pairs = [np.stack([tiles[(i + 3) % 8], tiles[i]]) for i in range(8)]
        with ThreadPoolExecutor(max(2, backend.in_flight)) as pool:
            together = [pair[1] for pair in pool.map(backend.predict, pairs)]
    assert np.array_equal(np.stack(alone), np.stack(together))


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_threads_changes_nothing(name, tiles):
    if name == "tensorflow":
        pytest.skip("TensorFlow takes its number of threads once in a process")
    found = []
    for threads in (1, 2):
        with closing(open_backend(name, shipped_model(), 2, threads=threads)) as backend:
            found.append(backend.predict(tiles[:2]))
    assert np.array_equal(*found)


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
    with (
        closing(open_backend(name, tmp_path, 1)) as backend,
        pytest.raises(BackendError, match="no probabilities"),
    ):
        backend.predict(np.zeros((1, 32, 32, 3), np.float32))


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
    monkeypatch.setattr(backends.shutil, "which", lambda name: "/usr/bin/nvidia-smi" if gpu else None)
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
