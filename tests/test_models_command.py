"""`road-extract models`: lists, checks and installs models; STAC MLM Items and ONNX files that other programs read."""

import hashlib
import json
import shutil
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pystac
import pytest
from pystac.validation import RegisteredValidator
from stac_model.schema import SCHEMA_URI, MLModelProperties

from road_extract import InputError, describe_model, export_model, install_model, list_models, verify_model
from road_extract.cli import run
from road_extract.io import fetching
from road_extract.models import SHIPPED_MODELS, find_model, model_hash, shipped_model
from road_extract.models.backends import open_backend
from road_extract.pipeline import installing
from tests.helpers.file_server import serve

FILES = ("weights.npz", "spec.json", "int8.json")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ROAD_EXTRACT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(fetching, "WAITS_S", ())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "models"


@pytest.fixture
def model(tmp_path) -> Path:
    """A copy of the shipped model with its STAC Item."""
    folder = tmp_path / "mine"
    shutil.copytree(shipped_model(), folder)
    (folder / "item.json").write_text(json.dumps(describe_model(folder)))
    return folder


def zipped(folder: Path, out: Path, prefix: str = "model/") -> Path:
    with zipfile.ZipFile(out, "w") as archive:
        for name in FILES:
            archive.write(folder / name, prefix + name)
    return out


def tarred(folder: Path, out: Path) -> Path:
    with tarfile.open(out, "w:gz") as archive:
        for name in FILES:
            archive.add(folder / name, f"a/b/{name}")
    return out


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- STAC MLM


def test_a_model_is_a_valid_stac_item_with_the_mlm_extension(tmp_path):
    """stac-model checks the fields of the extension, pystac's schema those of STAC itself."""
    item = describe_model()
    assert SCHEMA_URI in item["stac_extensions"]
    RegisteredValidator.get_validator().validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    checked = MLModelProperties.model_validate(item["properties"])
    assert checked.input[0].input.shape == [-1, 224, 224, 3]
    assert [scaling.type for scaling in checked.input[0].value_scaling] == ["z-score"] * 3
    assert checked.output[0].result.dim_order == ["batch", "height", "width"]
    assert checked.total_parameters == sum(a.size for a in np.load(shipped_model() / "weights.npz").values())
    weights = item["assets"]["weights"]
    assert weights["file:checksum"] == "1220" + sha256(shipped_model() / "weights.npz")


def test_stac_model_would_refuse_a_wrong_item():
    properties = describe_model()["properties"]
    with pytest.raises(ValueError, match="architecture"):
        MLModelProperties.model_validate({**properties, "mlm:architecture": ""})


# ---- install


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz", "item", "url of a zip", "url of an item"])
def test_a_model_is_installed_and_found_by_its_name(tmp_path, model, home, kind, capsys):
    with serve(tmp_path, tmp_path / "log") as server:
        source = {
            "folder": lambda: [model],
            "zip": lambda: [zipped(model, tmp_path / "m.zip")],
            "tar.gz": lambda: [tarred(model, tmp_path / "m.tar.gz")],
            "item": lambda: [model / "item.json"],
            "url of a zip": lambda: [
                f"{server.url}/{zipped(model, tmp_path / 'm.zip').name}", "--sha256", sha256(tmp_path / "m.zip")
            ],
            "url of an item": lambda: [f"{server.url}/mine/item.json"],
        }[kind]()  # fmt: skip
        assert run(["models", "install", *map(str, source), "--name", "town"]) == 0
    assert "use it with --model town" in capsys.readouterr().out
    assert find_model("town") == home / "town"
    assert model_hash(home / "town") == model_hash(shipped_model())
    assert verify_model("town").title == "many-sensors-4"
    assert [info.name for info in list_models()] == [*SHIPPED_MODELS, "town"]
    assert [path.name for path in home.iterdir()] == ["town"]
    assert sorted(path.name for path in (home / "town").iterdir()) == [
        "int8.json",
        "item.json",
        "spec.json",
        "weights.npz",
    ]


def test_the_default_name_is_that_of_the_spec_and_is_not_replaced_silently(model, home):
    assert install_model(model).name == "many-sensors-4"
    with pytest.raises(InputError, match="already installed"):
        install_model(model)
    assert install_model(model, overwrite=True).folder == home / "many-sensors-4"


@pytest.mark.parametrize("name", ["standard", "../up", "a/b", ".hidden", "C:\\x"])
def test_a_name_stays_in_the_folder(model, home, name):
    with pytest.raises(InputError, match="cannot be the name"):
        install_model(model, name=name)
    assert not home.exists() or list(home.iterdir()) == []


@pytest.mark.parametrize("prefix", ["../../../", "/etc/", "..\\..\\", "C:/"])
def test_paths_in_an_archive_lead_nowhere(tmp_path, model, home, prefix):
    install_model(zipped(model, tmp_path / "m.zip", prefix), name="town")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.zip", "mine", "models"]
    assert [path.name for path in home.iterdir()] == ["town"]


def test_links_in_an_archive_are_not_followed(tmp_path, model, home):
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        for name in FILES:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, str(model / name)
            archive.addfile(entry)
    with pytest.raises(InputError, match="does not contain a model"):
        install_model(tmp_path / "m.tar")
    assert list(home.glob("*")) == []


def break_hash(tmp_path: Path, model: Path) -> Path:
    (model / "weights.npz").write_bytes((model / "weights.npz").read_bytes()[:-1] + b"x")
    return model / "item.json"


def leave_out_hash(tmp_path: Path, model: Path) -> Path:
    item = describe_model(model)
    del item["assets"]["weights"]["file:checksum"]
    (model / "item.json").write_text(json.dumps(item))
    return model / "item.json"


def two_models(tmp_path: Path, model: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for folder in ("a", "b"):
            archive.write(model / "spec.json", f"{folder}/spec.json")
    return tmp_path / "m.zip"


def wrong_weights(tmp_path: Path, model: Path) -> Path:
    np.savez(model / "weights.npz", x=np.zeros(3))
    return model


def infinite_weights(tmp_path: Path, model: Path) -> Path:
    arrays = dict(np.load(model / "weights.npz"))
    arrays["head_conv/bias"][:] = np.inf
    np.savez(model / "weights.npz", **arrays)
    return model


def pickled_weights(tmp_path: Path, model: Path) -> Path:
    np.savez(model / "weights.npz", x=np.array([print], dtype=object))
    return model


def some_json(tmp_path: Path, model: Path) -> Path:
    (tmp_path / "x.json").write_text('{"assets": {}}')
    return tmp_path / "x.json"


def no_archive(tmp_path: Path, model: Path) -> Path:
    (tmp_path / "x.zip").write_bytes(b"no archive")
    return tmp_path / "x.zip"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (break_hash, "has the SHA-256"),
        (leave_out_hash, "does not state its SHA-256"),
        (two_models, "several models"),
        (wrong_weights, "is missing"),
        (infinite_weights, "not finite"),
        (pickled_weights, "does not match the ResUNet"),
        (some_json, "not a STAC Item with the MLM"),
        (no_archive, "not a readable archive"),
        (lambda tmp_path, model: tmp_path / "nothing.zip", "cannot be read"),
    ],
)
def test_what_is_no_model_is_refused_in_one_sentence_and_leaves_nothing(tmp_path, model, home, spoil, words, capsys):
    source = spoil(tmp_path, model)
    assert run(["models", "install", str(source)]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1
    assert str(home) not in said
    assert not home.exists() or list(home.iterdir()) == []


def test_an_archive_has_the_hash_that_is_stated(tmp_path, model):
    path = zipped(model, tmp_path / "m.zip")
    with pytest.raises(InputError, match="has the SHA-256"):
        install_model(path, sha256="0" * 64)
    assert install_model(path, sha256=sha256(path).upper()).name == "many-sensors-4"
    with serve(tmp_path, tmp_path / "log") as server, pytest.raises(InputError, match="--sha256"):
        install_model(f"{server.url}/m.zip", name="other")


def test_a_bomb_is_not_unpacked(tmp_path, model, monkeypatch):
    monkeypatch.setattr(installing, "MAX_BYTES", 4 * 2**20)
    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(model / "spec.json", "spec.json")
        archive.writestr("weights.npz", bytes(80 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="larger than 4 MB"):
            install_model(tmp_path / "m.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**20  # it is not held, not even for a moment


def test_verify_notices_a_change_after_the_installation(model, home, capsys):
    install_model(model, name="town")
    assert run(["models", "verify", "town"]) == 0
    spec = (home / "town" / "spec.json").read_text()
    (home / "town" / "spec.json").write_text(spec.replace('"threshold": 0.3', '"threshold": 0.4'))
    assert run(["models", "verify", "town"]) == 1
    assert "spec.json: has the SHA-256" in capsys.readouterr().err
    (home / "town" / "spec.json").write_text("{")
    assert run(["models", "list", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["models"]
    assert [(row["name"], bool(row["sha256"])) for row in values] == [
        *((name, True) for name in SHIPPED_MODELS),
        ("town", False),
    ]


# ---- ONNX for Deepness


def test_an_onnx_file_has_the_layout_and_the_metadata_that_deepness_reads(tmp_path, rng):
    """Deepness opens the file with ONNX Runtime, takes rows and columns from the end of the shape, and reads JSON."""
    export_model(None, tmp_path / "onnx")
    path = tmp_path / "onnx" / "model.onnx"
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert given.shape == ["batch", 3, 224, 224]
    assert result.shape == ["batch", 1, 224, 224]
    told = {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}
    assert (told["model_type"], told["class_names"]) == ("Segmentor", {"0": "background", "1": "road"})
    assert (told["resolution"], told["tile_size"], told["tiles_size"]) == (100, 224, 224)
    assert (told["tiles_overlap"], told["seg_thresh"]) == (14, 0.3)
    tile = rng.integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    # what Deepness does with a tile
    pixels = np.float32(tile / 255.0)
    pixels = (pixels - told["standardization_mean"]) / told["standardization_std"]
    (found,) = session.run(None, {given.name: np.transpose(pixels, (0, 3, 1, 2)).astype(np.float32)})
    backend = open_backend("onnxruntime", shipped_model(), 1, "float32")
    expected = backend.predict(((tile / 255.0 - 0.5) / 0.25).astype(np.float32))
    backend.close()
    assert np.allclose(found[:, 0], expected, atol=1e-5)
