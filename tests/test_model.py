from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from road_extract.base.errors import InputError
from road_extract.models import (
    SHIPPED_MODELS,
    build_resunet,
    find_model,
    load_model,
    logits_model,
    read_int8_ranges,
    read_spec,
    save_model,
    shipped_model,
)
from road_extract.models.spec import ModelSpec

# Computed by hand from the table of the architecture. A k x k convolution from i to o channels has k*k*i*o + o
# parameters, a batch normalization of c channels has 4c, and a residual block from i to o is BN(i) + conv3(i,o) + BN(o)
# + conv3(o,o) + conv1(i,o). Example, encoder 2: 4*64 + (9*64*128 + 128) + 4*128 + (9*128*128 + 128) + (64*128 + 128)
# = 230,528.
STAGES = [
    # stage, parameters, (rows, cols, channels) for a 224 px input, last layer
    ("encoder1", 39_232, (224, 224, 64), "encoder1_add"),
    ("encoder2", 230_528, (112, 112, 128), "encoder2_add"),
    ("encoder3", 919_808, (56, 56, 256), "encoder3_add"),
    ("bridge", 3_674_624, (28, 28, 512), "bridge_add"),
    ("decoder1", 2_560_768, (56, 56, 256), "decoder1_add"),
    ("decoder2", 641_408, (112, 112, 128), "decoder2_add"),
    ("decoder3", 160_960, (224, 224, 64), "decoder3_add"),
    ("head", 65, (224, 224, 1), "head_sigmoid"),
]


@pytest.fixture(scope="module")
def model():
    return build_resunet()


def test_the_network_has_the_parameters_of_the_paper(model):
    assert model.name == "RESUNET"
    assert model.count_params() == 8_227_393
    assert sum(parameters for _, parameters, _, _ in STAGES) == 8_227_393


@pytest.mark.parametrize(("stage", "parameters", "shape", "last"), STAGES)
def test_every_stage_has_its_parameters_and_shape(model, stage, parameters, shape, last):
    layers = [layer for layer in model.layers if layer.name.startswith(stage)]
    assert sum(layer.count_params() for layer in layers) == parameters
    assert model.get_layer(last).output.shape == (None, *shape)


def test_every_layer_is_named_explicitly(model):
    stages = tuple(stage for stage, *_ in STAGES)
    assert all(layer.name == "input" or layer.name.startswith(stages) for layer in model.layers)
    again = build_resunet()
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_it_takes_any_size_divisible_by_8_and_any_number_of_bands():
    network = build_resunet((None, None, 5))
    probability = network(np.zeros((1, 24, 40, 5), np.float32), training=False)
    assert probability.shape == (1, 24, 40, 1)
    with pytest.raises(ValueError, match="multiples of 8"):
        build_resunet((220, 224, 3))
    with pytest.raises(ValueError, match="bands"):
        build_resunet((224, 224, 0))


def test_the_sigmoid_of_the_logits_is_the_probability():
    network = build_resunet((32, 32, 3))
    tiles = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
    logits = np.asarray(logits_model(network)(tiles, training=False))
    probability = np.asarray(network(tiles, training=False))
    assert probability.dtype == np.float32
    assert np.allclose(1 / (1 + np.exp(-logits)), probability, atol=1e-6)
    assert np.ptp(logits) > 0


def test_a_model_folder_round_trips_except_for_float16(tmp_path):
    network = build_resunet((32, 32, 3))
    save_model(network, ModelSpec("m", tile_size_px=32, threshold=0.3), tmp_path)
    loaded = load_model(tmp_path)
    assert read_spec(tmp_path) == ModelSpec("m", tile_size_px=32, threshold=0.3)
    assert loaded.input_shape == (None, 32, 32, 3)
    for saved, read in zip(network.weights, loaded.weights, strict=True):
        assert saved.path == read.path
        assert np.array_equal(np.asarray(saved).astype(np.float16), np.asarray(read).astype(np.float16))


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def test_weights_with_python_objects_are_refused_and_run_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = build_resunet((32, 32, 3))
    save_model(network, ModelSpec("m", tile_size_px=32), tmp_path)
    arrays = {weight.path: np.array([Bomb()], dtype=object) for weight in network.weights}
    np.savez(tmp_path / "weights.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="does not match"):
        load_model(tmp_path)
    assert not Path("exploded").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_damaged_weights_are_an_input_error(tmp_path, content):
    (tmp_path / "spec.json").write_text(ModelSpec("m", tile_size_px=32).to_json())
    (tmp_path / "weights.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.npz does not match"):
        load_model(tmp_path)


def test_weights_of_another_network_are_an_input_error(tmp_path):
    save_model(build_resunet((32, 32, 1)), ModelSpec("m", ("grey",), (0.5,), (0.2,), tile_size_px=32), tmp_path)
    (tmp_path / "spec.json").write_text(ModelSpec("m", tile_size_px=32).to_json())
    with pytest.raises(InputError, match="not \\(3, 3, 3, 64\\)"):
        load_model(tmp_path)


def test_a_folder_without_a_model_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"has no spec\.json"):
        read_spec(tmp_path)


def test_a_spec_survives_json():
    spec = ModelSpec(
        "m",
        ("a", "b"),
        (0.1, 0.2),
        (0.3, 0.4),
        0.5,
        64,
        0.2,
        True,
        "percentiles",
        (8, 8, 16, 16),
        {"data": "x", "epochs": 3},
    )
    assert ModelSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": 0}, "threshold is 0"),
        ({"threshold": "high"}, "must be numbers"),
        ({"mean": ["a", "b", "c"]}, "must be numbers"),
        ({"bands": "rgb"}, "must be a list"),
        ({"tile_size_px": 224.0}, "an integer"),
        ({"tile_size_px": 100}, "multiple of 8"),
        ({"mean": [0.5]}, "3 bands, but 1 means"),
        ({"std": [0.5, 0, 0.5]}, "above 0"),
        ({"normalization": "histogram"}, "'histogram'.*one of none, percentiles"),
        ({"filters": [64, 128, 256]}, "four"),
        ({"filters": [0, 128, 256, 512]}, "between 1 and 4096"),
        ({"filters": [64, 128, 256, 9999]}, "between 1 and 4096"),
        ({"colour": "red"}, "keys among"),
    ],
)
def test_wrong_specs_are_input_errors(change, words):
    values = json.loads(ModelSpec("m").to_json()) | change
    with pytest.raises(InputError, match=words):
        ModelSpec.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"gsd_m": 1}'])
def test_text_that_is_not_a_spec_is_an_input_error(text):
    with pytest.raises(InputError, match="model spec"):
        ModelSpec.from_json(text)


def test_a_model_is_named_or_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model(SHIPPED_MODELS[0]) == shipped_model()
    assert find_model("./standard") == tmp_path.relative_to(tmp_path) / "standard"
    assert find_model(tmp_path) == tmp_path


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_every_shipped_model_is_complete(name):
    assert read_spec(find_model(name)).normalization == "percentiles"
    assert read_int8_ranges(find_model(name)) is not None
    load_model(find_model(name))


def test_the_fast_model_has_half_the_filters():
    standard, fast = (read_spec(find_model(name)) for name in SHIPPED_MODELS)
    assert [2 * n for n in fast.filters] == list(standard.filters)
    assert (fast.bands, fast.gsd_m, fast.tile_size_px) == (standard.bands, standard.gsd_m, standard.tile_size_px)
