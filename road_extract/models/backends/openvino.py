"""OpenVINO on the CPU: the network is built from the weights of the model folder; several requests are in flight."""

from __future__ import annotations

import os
import queue
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError, InputError
from road_extract.models import INT8_FILE, build_inference_form, model_hash, read_int8_ranges, read_spec, read_weights
from road_extract.models.backends.cache import make_key, read_entry, write_entry
from road_extract.models.backends.checks import check_probabilities, processor_flags
from road_extract.models.backends.openvino_int8 import KERNEL_7_BITS, KERNEL_8_BITS, products_saturate, quantize

#: Two windows per request make the best use of the CPU's caches; with more, each only waits longer.
BATCH_SIZE = 2
#: OpenVINO's names for the floating-point precisions.
_HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
#: What OpenVINO calls the precisions that a CPU supports natively, the fastest first.
_CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}


class OpenVinoBackend:
    """A `Backend` that does not need TensorFlow."""

    def __init__(
        self, model: Path, batch_size: int | None = None, precision: str = "auto", threads: int | None = None
    ) -> None:
        """Build and compile the network, or load it from the cache.

        Args:
            model: Model folder.
            batch_size: First dimension of every batch; the fastest by default.
            precision: ``float32``, ``bfloat16``, ``float16``, ``int8``, or ``auto``: the fastest that the CPU supports
                natively; int8 only for a model that has been prepared for it.
            threads: CPU threads; all by default.

        Raises:
            InputError: If the model folder cannot be used.
            BackendError: If OpenVINO cannot be imported or cannot use the network.
        """
        ov = _import_openvino()
        self.batch_size = batch_size or BATCH_SIZE
        core = ov.Core()
        native = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "auto":
            precision = _choose_precision(native, model)
        if precision == "float16" and _CAPABILITIES[precision] not in native:
            raise InputError("OpenVINO does not support float16 on this CPU; choose another --precision")
        largest = _largest_kernel(core) if precision == "int8" else None
        hint = _HINTS[_choose_float(native) if precision == "int8" else precision]
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": hint}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        compiled = _load(core, model, self.batch_size, largest, settings)
        self.in_flight = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        # each request belongs to one caller at a time
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.in_flight):
            self._requests.put(compiled.create_infer_request())
        kernels = " with kernels of 7 bits" if largest == KERNEL_7_BITS else ""
        self.description = f"OpenVINO {ov.__version__.split('-')[0]}, CPU, {precision}{kernels}"
        # The bindings load NumPy's interface on first use, behind a C++ guard that waits while holding the GIL. If two
        # threads get there at the same time, they deadlock; here, there is only one.
        ov.Type.f32.to_dtype()
        _ = ov.Tensor(np.zeros(1, np.float32), shared_memory=True).data

    def predict(self, batch: Float32Array) -> Float32Array:
        """See `Backend.predict`."""
        request = self._requests.get()
        try:
            result = request.infer({0: batch}, share_inputs=True)
            probability: Float32Array = np.array(result[0], np.float32)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO could not run the model: {error}") from error
        finally:
            self._requests.put(request)
        return check_probabilities(probability)

    def close(self) -> None:
        """See `Backend.close`."""
        for _ in range(self.in_flight):
            self._requests.get()


def find_device() -> str:
    """Return ``CPU``: this backend does not use OpenVINO's other devices.

    Raises:
        BackendError: If OpenVINO cannot be imported.
    """
    _import_openvino()
    return "CPU"


def build_int8(model: Path, batch_size: int = -1, largest: int = KERNEL_8_BITS) -> Any:
    """Build the network with 8-bit integers; ``largest`` is the largest integer in a kernel, see `quantize`.

    Raises:
        InputError: If the model folder cannot be used, or has no ranges for it.
        BackendError: If OpenVINO cannot be imported.
    """
    measured = read_int8_ranges(model)
    if measured is None:
        raise InputError(f"model {model}: has no {INT8_FILE}, which int8 needs; create it with `road-extract quantize`")
    network = build_openvino(model, batch_size)
    try:
        quantize(network, measured.ranges, largest)
    except KeyError as error:
        raise InputError(f"model {model}: {INT8_FILE} names no feature map of this network: {error}") from error
    return network


def build_openvino(model: Path, batch_size: int = -1) -> Any:
    """Build the network as an ``openvino.Model``: (batch, rows, cols, bands) -> (batch, rows, cols), float32.

    Args:
        model: Model folder.
        batch_size: -1 for any.

    Raises:
        InputError: If the model folder cannot be used.
        BackendError: If OpenVINO cannot be imported.
    """
    ov = _import_openvino()
    from openvino import opset13 as ops

    spec, weights = read_spec(model), read_weights(model)
    size, bands = spec.tile_size_px, len(spec.bands)
    image = ops.parameter([batch_size, size, size, bands], np.float32, name="input")
    image.output(0).get_tensor().set_names({"input"})
    channels_first = ops.transpose(image, ops.constant(np.array([0, 3, 1, 2])))
    logits = build_inference_form(_Operations(ops), channels_first, weights, bands)
    probability = ops.squeeze(ops.sigmoid(logits), ops.constant(np.array([1])))
    probability.output(0).get_tensor().set_names({"probability"})
    return ov.Model([probability], [image], "RESUNET")


def export_openvino(model: Path, folder: Path) -> None:
    """Write ``model.xml`` and ``model.bin`` into a folder, in float32."""
    _import_openvino().save_model(build_openvino(model), folder / "model.xml", compress_to_fp16=False)


class _Operations:
    """`Operations` on OpenVINO's nodes, channels-first. Each node gets a name, which quantization uses."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self._nodes = 0

    def convolution(self, x: Any, kernel: Float32Array, bias: Float32Array, stride: int, name: str) -> Any:
        # (rows, cols, in, out) -> (out, in, rows, cols)
        filters = self._constant(kernel.transpose(3, 2, 0, 1))
        y = self._ops.convolution(x, filters, [stride] * 2, [0, 0], [0, 0], [1, 1], auto_pad="same_upper")
        y = self._named(y, name)
        return self.add(y, self._per_channel(bias)) if bias.any() else y

    def transposed_convolution(self, x: Any, kernel: Float32Array, name: str) -> Any:
        # (rows, cols, in, out) -> (in, out, rows, cols)
        filters = self._constant(kernel.transpose(2, 3, 0, 1))
        y = self._ops.convolution_backprop_data(x, filters, [2, 2], pads_begin=[1, 1], pads_end=[1, 1])
        return self._named(y, name)

    def scaled_relu(self, x: Any, scale: Float32Array, shift: Float32Array) -> Any:
        scaled = self._named(self._ops.multiply(x, self._per_channel(scale)))
        return self.relu(self.add(scaled, self._per_channel(shift)))

    def relu(self, x: Any) -> Any:
        return self._named(self._ops.relu(x))

    def upsampled(self, x: Any) -> Any:
        y = self._ops.interpolate(
            x,
            self._constant(np.array([2, 2])),
            mode="nearest",
            shape_calculation_mode="scales",
            axes=self._ops.constant(np.array([2, 3])),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        return self._named(y)

    def add(self, x: Any, y: Any) -> Any:
        return self._named(self._ops.add(x, y))

    def _named(self, node: Any, name: str | None = None) -> Any:
        self._nodes += 1
        node.set_friendly_name(name or f"{node.get_type_name().lower()}_{self._nodes}")
        return node

    def _constant(self, values: NDArray[Any]) -> Any:
        return self._ops.constant(np.ascontiguousarray(values, np.float32))

    def _per_channel(self, values: Float32Array) -> Any:
        return self._constant(values.reshape(1, -1, 1, 1))


def _load(core: Any, model: Path, batch_size: int, largest: int | None, settings: dict[str, Any]) -> Any:
    """Return the compiled network. Building it takes a second, and loading it from the cache a tenth of that.

    ``largest`` is the largest integer in a kernel; None for a network without integers.
    """
    read_spec(model)  # reports a folder that is not a model in any case
    asked = repr((batch_size, largest, sorted(settings.items())))
    key = make_key([asked, model_hash(model), *_surroundings(core)])
    if (entry := read_entry(key)) is not None:
        try:
            return core.import_model(entry, "CPU", settings)
        except RuntimeError:  # of a different OpenVINO with the same version
            pass
    network = build_int8(model, batch_size, largest) if largest else build_openvino(model, batch_size)
    try:
        compiled = core.compile_model(network, "CPU", settings)
    except RuntimeError as error:
        raise BackendError(f"OpenVINO could not compile the model: {error}") from error
    write_entry(key, compiled.export_model().getvalue())
    return compiled


def _surroundings(core: Any) -> list[str]:
    """What a compiled network depends on apart from the model and its settings: this code, the runtime and the CPU."""
    models = resources.files("road_extract") / "models"
    sources = ("inference_form.py", "backends/openvino.py", "backends/openvino_int8.py", "backends/rounding.py")
    code = [models.joinpath(source).read_text(encoding="utf-8") for source in sources]
    device = [str(core.get_property("CPU", name)) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    limits = repr(sorted(item for item in os.environ.items() if item[0].startswith(("ONEDNN_", "DNNL_"))))
    return [*code, str(_import_openvino().__version__), *device, processor_flags(), limits]


def _largest_kernel(core: Any) -> int:
    """Largest integer in a kernel for which this CPU does not saturate. Measured in some 20 ms, and cached."""
    key = make_key(["largest kernel", *_surroundings(core)])
    if (entry := read_entry(key)) is not None:
        return int(entry)
    try:
        largest = KERNEL_7_BITS if products_saturate(core) else KERNEL_8_BITS
    except RuntimeError as error:
        raise BackendError(f"OpenVINO could not compile an 8-bit network: {error}") from error
    write_entry(key, str(largest).encode())
    return largest


def _choose_precision(native: Sequence[str], model: Path) -> str:
    return "int8" if "INT8" in native and (model / INT8_FILE).exists() else _choose_float(native)


def _choose_float(native: Sequence[str]) -> str:
    """The fastest floating-point precision that the CPU supports natively."""
    return next((name for name, capability in _CAPABILITIES.items() if capability in native), "float32")


def _import_openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise BackendError(f"OpenVINO cannot be imported ({error}); install it (pip install openvino)") from error
    return openvino
