"""Which backend `auto` takes, and what `road-extract backends` says."""

from __future__ import annotations

import json
import logging

import pytest

from road_extract import list_backends
from road_extract.base.errors import BackendError, InputError
from road_extract.cli import run
from road_extract.models import build_resunet, save_model
from road_extract.models.backends import check_any_place, choosing, listing, open_backend, pytorch
from road_extract.models.backends.choosing import MODULES, Choice, choose_backend
from road_extract.models.backends.symmetries import D4Backend
from road_extract.models.spec import ModelSpec
from tests.helpers.backends import IdentityBackend

ALL = ("openvino", "pytorch", "onnxruntime", "tensorflow")


@pytest.fixture(autouse=True)
def _choose_anew():
    choose_backend.cache_clear()
    yield
    choose_backend.cache_clear()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder, filters = tmp_path_factory.mktemp("model"), (4, 4, 8, 8)
    save_model(build_resunet((32, 32, 3), filters), ModelSpec("m", tile_size_px=32, filters=filters), folder)
    return folder


@pytest.fixture
def machine(monkeypatch):
    """A machine: what is installed, what hints at a GPU, and the device that each runtime sees."""

    def make(installed, trace="", **devices):
        asked = []

        def find_device(name):
            asked.append(name)
            device = devices.get(name, "CPU")
            if isinstance(device, Exception):
                raise device
            return device

        monkeypatch.setattr(
            choosing, "find_spec", lambda module: module in [MODULES[name] for name in installed] or None
        )
        monkeypatch.setattr(choosing, "gpu_trace", lambda: trace)
        monkeypatch.setattr(choosing, "find_device", find_device)
        return asked

    return make


def test_without_a_sign_of_a_gpu_no_runtime_is_asked(machine):
    asked = machine(ALL, tensorflow="GPU", pytorch="NVIDIA")
    assert choose_backend() == Choice("openvino", "no sign of a GPU")
    assert asked == []


@pytest.mark.parametrize(
    ("installed", "devices", "chosen", "reason"),
    [
        (ALL, {"pytorch": "NVIDIA H100", "tensorflow": "GPU"}, "pytorch", "it sees NVIDIA H100"),
        (ALL, {"onnxruntime": "CUDA", "tensorflow": "GPU"}, "onnxruntime", "it sees CUDA"),
        (ALL, {"tensorflow": "GPU"}, "tensorflow", "it sees GPU"),
        # the driver's program lies there, and nothing was built for it: what used to run ten times slower
        (ALL, {}, "openvino", "nvidia-smi hints at a GPU, but pytorch and onnxruntime and tensorflow see none"),
        (["openvino", "tensorflow"], {}, "openvino", "nvidia-smi hints at a GPU, but tensorflow sees none"),
        (["openvino"], {}, "openvino", "no runtime for it is installed; install one that could use it"),
        (ALL, {"pytorch": BackendError("damaged"), "tensorflow": "GPU"}, "tensorflow", "it sees GPU"),
    ],
)
def test_a_gpu_is_taken_only_if_a_runtime_sees_it(machine, installed, devices, chosen, reason):
    machine(installed, "nvidia-smi", **devices)
    found = choose_backend()
    assert found.name == chosen
    assert reason in found.reason


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [(ALL, "openvino"), (ALL[1:], "pytorch"), (ALL[2:], "tensorflow"), (ALL[2:3], "onnxruntime")],
)
def test_on_the_processor_the_fastest_that_is_installed_is_taken(machine, installed, chosen):
    machine(installed)
    assert choose_backend().name == chosen


def test_on_apple_gpus_only_pytorch_is_asked(machine):
    asked = machine(ALL, "an Apple processor", onnxruntime="CoreML", tensorflow="GPU")
    assert choose_backend().name == "openvino"
    assert asked == ["pytorch"]


def test_without_any_runtime_there_is_one_clear_message(machine):
    machine([])
    with pytest.raises(BackendError, match="pip install openvino"):
        choose_backend()


@pytest.mark.parametrize(
    ("platform", "processor", "program", "devices", "trace"),
    [
        ("linux", "x86_64", False, [], ""),
        ("linux", "x86_64", True, [], "nvidia-smi"),
        ("linux", "x86_64", False, ["/dev/dxg"], "/dev/dxg"),
        ("win32", "AMD64", True, [], "nvidia-smi"),
        ("darwin", "arm64", False, [], "an Apple processor"),
        ("darwin", "x86_64", False, [], ""),
    ],
)
def test_what_hints_at_a_gpu(monkeypatch, platform, processor, program, devices, trace):
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("platform.machine", lambda: processor)
    monkeypatch.setattr("shutil.which", lambda name: name if program else None)
    monkeypatch.setattr("pathlib.Path.exists", lambda path: path.as_posix() in devices)
    assert choosing.gpu_trace() == trace


def test_the_log_says_which_and_why(machine, model, caplog):
    machine(["openvino"])
    caplog.set_level(logging.INFO, "road_extract")
    open_backend("auto", model, 1).close()
    assert "backend openvino: no sign of a GPU" in caplog.text


@pytest.mark.slow
def test_every_runtime_says_what_it_sees_and_how_fast_it_is(model):
    found = {report.name: report for report in list_backends(model=model)}
    assert tuple(found) == ALL
    for report in found.values():
        assert report.problem == ""
        assert report.device in report.description
        assert report.windows_s > 1
    assert [report.name for report in found.values() if report.chosen] == [choose_backend().name]


def test_backends_that_cannot_run_are_reported_with_advice(machine, model, monkeypatch, capsys):
    machine(["openvino", "onnxruntime"])

    def find_device(name):
        if name == "onnxruntime":
            raise BackendError("onnx cannot be imported (broken); install it")
        return "CPU"

    monkeypatch.setattr(listing, "find_device", find_device)
    assert run(["backends", "--model", str(model), "--no-timing", "--json"]) == 0
    found = {report["name"]: report for report in json.loads(capsys.readouterr().out)["backends"]}
    assert found["openvino"]["device"] == "CPU"
    assert found["openvino"]["chosen"] == "no sign of a GPU"
    assert found["pytorch"]["problem"] == "not installed (pip install 'road-extract[torch]')"
    assert found["tensorflow"]["problem"] == "not installed (pip install tensorflow)"
    assert "broken" in found["onnxruntime"]["problem"]
    assert run(["backends", "--model", str(model), "--no-timing"]) == 0
    text = capsys.readouterr().out
    assert "chosen by auto: no sign of a GPU" in text
    assert "pip install 'road-extract[torch]'" in text


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"spec\.json"):
        list_backends(model=tmp_path)


class _Torch:
    """As much of PyTorch as the choice of a device looks at."""

    def __init__(self, cuda=None, mps=False):
        self.cuda = self
        self.backends = self
        self.mps = self
        self._capability, self._mps, self._asked = cuda, mps, 0

    def is_available(self):
        self._asked += 1  # of CUDA first
        return self._capability is not None if self._asked == 1 else self._mps

    def get_device_capability(self):
        return self._capability

    def get_device_name(self):
        return "NVIDIA"


@pytest.mark.parametrize(
    ("torch", "device", "precision"),
    [
        (_Torch((9, 0)), "cuda", "bfloat16"),
        (_Torch((7, 5)), "cuda", "float32"),
        (_Torch(mps=True), "mps", "float32"),
    ],
)
def test_pytorch_takes_the_arithmetic_that_its_device_is_made_for(torch, device, precision):
    assert pytorch._best_device(torch) == device
    assert pytorch._choose_precision(torch, device) == precision


@pytest.mark.parametrize(("flags", "precision"), [("avx2", "float32"), ("avx2 avx512_bf16", "bfloat16")])
def test_pytorch_on_a_processor(monkeypatch, flags, precision):
    monkeypatch.setattr(pytorch, "processor_flags", lambda: flags)
    torch = _Torch()
    assert pytorch._best_device(torch) == "cpu"
    assert pytorch._choose_precision(torch, "cpu") == precision


def test_a_backend_whose_answers_depend_on_the_batch_is_not_taken_for_shards():
    class Half(IdentityBackend):
        any_place = False

    check_any_place(IdentityBackend())
    for backend in (Half(), D4Backend(Half())):
        with pytest.raises(InputError, match="choose another --precision"):
            check_any_place(backend)
