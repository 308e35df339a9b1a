"""ONNX Runtime on NVIDIA, AMD and other devices through its providers, or on the CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError, InputError
from road_extract.models import build_inference_form, read_spec, read_weights
from road_extract.models.backends.checks import check_probabilities
from road_extract.models.spec import ModelSpec

BATCH_SIZE = 4
#: Overlap of windows in pixels that other programs are advised to use; the default of `PredictOptions`.
DEFAULT_OVERLAP_PX = 32
_OPSET = 17
#: Version of ONNX files with that opset; any reader since 2022 supports it.
_IR_VERSION = 8


class OnnxRuntimeBackend:
    """A `Backend` that does not need TensorFlow. It computes in float32 on every device."""

    def __init__(
        self, model: Path, batch_size: int | None = None, precision: str = "auto", threads: int | None = None
    ) -> None:
        """Build the network and start a session on the best device that this ONNX Runtime was built for.

        Args:
            model: Model folder.
            batch_size: First dimension of every batch; a suitable one by default.
            precision: ``float32`` or ``auto``, which is the same here.
            threads: CPU threads; all by default.

        Raises:
            InputError: If the model folder cannot be used, or the precision is not supported.
            BackendError: If ONNX Runtime or onnx cannot be imported, or no session can be started.
        """
        if precision not in ("auto", "float32"):
            raise InputError(f"backend onnxruntime computes in float32 only, not in {precision}")
        self.batch_size, self.in_flight = batch_size or BATCH_SIZE, 1
        self._session = _start_session(build_onnx(model, self.batch_size), threads)
        version = _import("onnxruntime").__version__
        self.description = f"ONNX Runtime {version}, {_device_of(self._session)}, float32"

    def predict(self, batch: Float32Array) -> Float32Array:
        """See `Backend.predict`."""
        try:
            (probability,) = self._session.run(None, {"input": batch})
        except Exception as error:
            raise BackendError(f"ONNX Runtime could not run the model: {error}") from error
        return check_probabilities(probability)

    def close(self) -> None:
        """See `Backend.close`."""
        del self._session


def find_device() -> str:
    """Return the device that ONNX Runtime would use: ``CPU``, ``CUDA``, or the name of another provider.

    A provider that ONNX Runtime was built with may lack its device. Only a session that starts shows that it is there.

    Raises:
        BackendError: If ONNX Runtime or onnx cannot be imported, or no session can be started.
    """
    onnx = _import("onnx")
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "probe", value[:1], value[1:])
    opsets = [onnx.helper.make_opsetid("", _OPSET)]
    return _device_of(_start_session(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION), None))


def build_onnx(model: Path, batch_size: int | None = None, *, channels_first: bool = False) -> Any:
    """Build the network as an ``onnx.ModelProto``: (batch, rows, cols, bands) -> (batch, rows, cols), float32.

    Args:
        model: Model folder.
        batch_size: None for any.
        channels_first: Make it (batch, bands, rows, cols) -> (batch, 1, rows, cols) instead, as other tools expect.

    Raises:
        InputError: If the model folder cannot be used.
        BackendError: If onnx cannot be imported.
    """
    onnx = _import("onnx")
    spec, weights = read_spec(model), read_weights(model)
    size, bands = spec.tile_size_px, len(spec.bands)
    graph = _Operations(onnx)
    batch = "batch" if batch_size is None else batch_size
    if channels_first:
        graph.node("Sigmoid", [build_inference_form(graph, "input", weights, bands)], output="probability")
        shapes = [batch, bands, size, size], [batch, 1, size, size]
    else:
        logits = build_inference_form(graph, graph.node("Transpose", ["input"], perm=[0, 3, 1, 2]), weights, bands)
        graph.node("Squeeze", [graph.node("Sigmoid", [logits]), graph.constant(np.array([1]))], output="probability")
        shapes = [batch, size, size, bands], [batch, size, size]
    value = onnx.helper.make_tensor_value_info
    made = onnx.helper.make_graph(
        graph.nodes,
        "RESUNET",
        [value("input", onnx.TensorProto.FLOAT, shapes[0])],
        [value("probability", onnx.TensorProto.FLOAT, shapes[1])],
        graph.constants,
    )
    opsets = [onnx.helper.make_opsetid("", _OPSET)]
    return onnx.helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="road_extract")


def export_onnx(model: Path, folder: Path) -> None:
    """Write ``model.onnx`` into a folder: channels first, with the metadata that the QGIS plugin Deepness reads."""
    network = build_onnx(model, channels_first=True)
    _import("onnx").helper.set_model_props(network, deepness_metadata(read_spec(model)))
    (folder / "model.onnx").write_bytes(network.SerializeToString())


def deepness_metadata(spec: ModelSpec) -> dict[str, str]:
    """What the QGIS plugin Deepness reads from an ONNX file, each value as JSON.

    See qgis-plugin-deepness.readthedocs.io, "Model metadata". Its documentation calls the size of a tile
    ``tiles_size``, its code ``tile_size``. The resolution is in centimetres, the overlap in percent.
    """
    size = spec.tile_size_px
    values = {
        "model_type": "Segmentor",
        "class_names": {"0": "background", "1": "road"},
        "resolution": spec.gsd_m * 100,
        "tile_size": size,
        "tiles_size": size,
        "tiles_overlap": round(100 * DEFAULT_OVERLAP_PX / size),
        "seg_thresh": spec.threshold,
        "seg_small_segment": 11,
        "standardization_mean": list(spec.mean),
        "standardization_std": list(spec.std),
    }
    return {name: json.dumps(value) for name, value in values.items()}


def _start_session(network: Any, threads: int | None) -> Any:
    ort = _import("onnxruntime")
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = threads or 0
    # Azure's provider is a web service, not a device
    providers = [name for name in ort.get_available_providers() if name != "AzureExecutionProvider"]
    try:
        return ort.InferenceSession(network.SerializeToString(), settings, providers=providers)
    except Exception as error:
        raise BackendError(f"ONNX Runtime could not load the model: {error}") from error


def _device_of(session: Any) -> str:
    name: str = session.get_providers()[0]
    return name.removesuffix("ExecutionProvider")


class _Operations:
    """`Operations` that write an ONNX graph, channels-first. A feature map is the name of a value."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def convolution(self, x: str, kernel: Float32Array, bias: Float32Array, stride: int, name: str) -> str:
        inputs = [x, self.constant(kernel.transpose(3, 2, 0, 1)), self.constant(bias)]
        return self.node("Conv", inputs, output=name, auto_pad="SAME_UPPER", strides=[stride, stride])

    def transposed_convolution(self, x: str, kernel: Float32Array, name: str) -> str:
        inputs = [x, self.constant(kernel.transpose(2, 3, 0, 1))]
        return self.node("ConvTranspose", inputs, output=name, strides=[2, 2], pads=[1, 1, 1, 1])

    def scaled_relu(self, x: str, scale: Float32Array, shift: Float32Array) -> str:
        scaled = self.node("Mul", [x, self.constant(scale.reshape(1, -1, 1, 1))])
        return self.relu(self.add(scaled, self.constant(shift.reshape(1, -1, 1, 1))))

    def relu(self, x: str) -> str:
        return self.node("Relu", [x])

    def upsampled(self, x: str) -> str:
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.node(
            "Resize", [x, "", scales], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )

    def add(self, x: str, y: str) -> str:
        return self.node("Add", [x, y])

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node; returns the name of its result."""
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        """Add an initializer; returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _import(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        hint = "pip install onnx onnxruntime"
        raise BackendError(f"{name} cannot be imported ({error}); install it ({hint})") from error
