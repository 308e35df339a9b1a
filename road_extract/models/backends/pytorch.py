"""PyTorch on NVIDIA GPUs (CUDA), Apple GPUs (MPS) or the CPU.

The network is built from the weights of the model folder, without Keras or TensorFlow. It is a `torch.fx` graph written
by the inference form, so every feature map is freed after its last use.
"""

from __future__ import annotations

import queue
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from road_extract.base.arrays import Float32Array
from road_extract.base.errors import BackendError, InputError
from road_extract.models import build_inference_form, read_spec, read_weights
from road_extract.models.backends.checks import check_probabilities, processor_flags

PRECISIONS = ("float32", "bfloat16", "float16")
#: Windows per call for each device.
BATCH_SIZES = {"cuda": 32, "mps": 4, "cpu": 1}
#: Concurrent calls for each device. On CUDA, one batch is uploaded and one downloaded while another is computed.
IN_FLIGHT = {"cuda": 4, "mps": 2, "cpu": 1}


class PyTorchBackend:
    """A `Backend` that needs only PyTorch."""

    def __init__(
        self, model: Path, batch_size: int | None = None, precision: str = "auto", threads: int | None = None
    ) -> None:
        """Build the network on the best device that this PyTorch sees.

        Args:
            model: Model folder.
            batch_size: First dimension of every batch; a suitable one for the device by default.
            precision: ``float32``, ``bfloat16``, ``float16``, or ``auto``: the fastest native one.
            threads: CPU threads; all by default.

        Raises:
            InputError: If the model folder cannot be used, or the precision is not supported.
            BackendError: If PyTorch cannot be imported or cannot use the network.
        """
        if precision not in ("auto", *PRECISIONS):
            raise InputError(f"backend pytorch computes in {', '.join(PRECISIONS)}, not in {precision}")
        torch = _import_torch()
        if threads is not None:
            torch.set_num_threads(threads)
        self.device = _best_device(torch)
        self.batch_size, self.in_flight = batch_size or BATCH_SIZES[self.device], IN_FLIGHT[self.device]
        precision = _choose_precision(torch, self.device) if precision == "auto" else precision
        #: As measured on an H200 with cuDNN 9.19: in float16, the last bits depend on the place in the batch.
        self.any_place = not (self.device == "cuda" and precision == "float16")
        self._network = _on_device(torch, build_torch(model), self.device, precision)
        spec = read_spec(model)
        shape = (self.batch_size, spec.tile_size_px, spec.tile_size_px, len(spec.bands))
        # each lane belongs to one caller at a time
        self._lanes: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for _ in range(self.in_flight):
            self._lanes.put(_Lane(torch, self.device, shape))
        self.description = f"PyTorch {torch.__version__.split('+')[0]}, {_device_name(torch, self.device)}, {precision}"
        self.predict(np.zeros(shape, np.float32))  # kernels are chosen and loaded here, before the first windows

    def predict(self, batch: Float32Array) -> Float32Array:
        """See `Backend.predict`."""
        lane = self._lanes.get()
        try:
            probability = lane.run(self._network, batch)
        except RuntimeError as error:
            raise BackendError(f"PyTorch could not run the model: {error}") from error
        finally:
            self._lanes.put(lane)
        return check_probabilities(probability)

    def close(self) -> None:
        """See `Backend.close`."""
        for _ in range(self.in_flight):
            self._lanes.get()
        del self._network


def find_device() -> str:
    """Return the device that PyTorch sees: ``CPU``, ``MPS``, or the name of a GPU.

    Raises:
        BackendError: If PyTorch cannot be imported.
    """
    torch = _import_torch()
    return _device_name(torch, _best_device(torch))


def _best_device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def build_torch(model: Path) -> Any:
    """Build the network as a ``torch.nn.Module``: (batch, bands, rows, cols) -> logits (batch, 1, rows, cols), float32.

    Raises:
        InputError: If the model folder cannot be used.
        BackendError: If PyTorch cannot be imported.
    """
    torch = _import_torch()
    spec, weights = read_spec(model), read_weights(model)
    operations = _Operations(torch)
    logits = build_inference_form(operations, operations.graph.placeholder("image"), weights, len(spec.bands))
    operations.graph.output(logits)
    return torch.fx.GraphModule(operations.root, operations.graph).eval()


class _Operations:
    """`Operations` that write a `torch.fx` graph, channels-first, whatever the layout in memory.

    Additions and ReLUs are computed in place. This is correct because the inference form uses each of their inputs only
    once; the conformance suite would show if it did not.
    """

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self.root, self.graph = torch.nn.Module(), torch.fx.Graph()
        self._constants = 0

    def convolution(self, x: Any, kernel: Float32Array, bias: Float32Array, stride: int, name: str) -> Any:
        size = kernel.shape[0]
        if size > stride > 1:  # the odd pixel of padding belongs at the end, which conv2d does not support
            x, padding = self._call(self._torch.nn.functional.pad, x, (0, 1, 0, 1)), 0
        else:
            padding = size // 2
        # (rows, cols, in, out) -> (out, in, rows, cols)
        filters = self._constant(kernel.transpose(3, 2, 0, 1))
        offsets = self._constant(bias) if bias.any() else None
        return self._call(self._torch.conv2d, x, filters, offsets, stride, padding)

    def transposed_convolution(self, x: Any, kernel: Float32Array, name: str) -> Any:
        # (rows, cols, in, out) -> (in, out, rows, cols)
        filters = self._constant(kernel.transpose(2, 3, 0, 1))
        return self._call(self._torch.conv_transpose2d, x, filters, None, 2, 1)

    def scaled_relu(self, x: Any, scale: Float32Array, shift: Float32Array) -> Any:
        scale_, shift_ = (self._constant(values.reshape(1, -1, 1, 1)) for values in (scale, shift))
        return self.relu(self._call(self._torch.addcmul, shift_, x, scale_))

    def relu(self, x: Any) -> Any:
        return self._call(self._torch.relu_, x)

    def upsampled(self, x: Any) -> Any:
        return self._call(self._torch.nn.functional.interpolate, x, None, 2)

    def add(self, x: Any, y: Any) -> Any:
        return self.graph.call_method("add_", (x, y))

    def _call(self, function: Any, *arguments: Any) -> Any:
        return self.graph.call_function(function, arguments)

    def _constant(self, values: Float32Array) -> Any:
        name = f"constant_{self._constants}"
        self._constants += 1
        self.root.register_buffer(name, self._torch.from_numpy(np.ascontiguousarray(values, np.float32)))
        return self.graph.get_attr(name)


class _Lane:
    """Resources of one call in flight. On CUDA: a stream, and page-locked memory for asynchronous copies."""

    def __init__(self, torch: Any, device: str, shape: tuple[int, ...]) -> None:
        self._torch, self._device = torch, device
        self._stream = torch.cuda.Stream() if device == "cuda" else None
        self._inputs = torch.empty(shape, pin_memory=device == "cuda")
        self._outputs = torch.empty(shape[:3], pin_memory=device == "cuda")

    def run(self, network: Any, batch: Float32Array) -> Float32Array:
        """Return the probabilities of a batch. The GIL is released while waiting."""
        with self._torch.inference_mode(), self._on_stream():
            np.copyto(self._inputs.numpy(), batch)
            image = self._inputs.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
            logits = network(image.to(next(network.buffers()).dtype))
            # in 16 bits, a sigmoid is inaccurate near 0 and 1
            self._outputs.copy_(logits[:, 0].float().sigmoid(), non_blocking=self._stream is not None)
            self._wait()
            probability: Float32Array = self._outputs.numpy().copy()
        return probability

    def _on_stream(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._stream is None else self._torch.cuda.stream(self._stream)

    def _wait(self) -> None:
        if self._stream is not None:
            # blocking, because a spinning thread would take CPU time from reading and blending
            event = self._torch.cuda.Event(blocking=True)
            event.record()
            event.synchronize()


def _on_device(torch: Any, network: Any, device: str, precision: str) -> Any:
    """Move the network to its device. This also sets how PyTorch computes convolutions in the whole process."""
    # TF32 is not float32, and kernels chosen by benchmarking differ between runs
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    network = network.to(device, getattr(torch, precision), memory_format=torch.channels_last)
    return network.requires_grad_(False)


def _choose_precision(torch: Any, device: str) -> str:
    if device == "cuda":
        major, _ = torch.cuda.get_device_capability()
        return "bfloat16" if major >= 8 else "float32"
    if device == "cpu" and any(flag in processor_flags() for flag in ("amx_bf16", "avx512_bf16")):
        return "bfloat16"
    return "float32"


def _device_name(torch: Any, device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device.upper()


def _import_torch() -> Any:
    try:
        import torch
        import torch.fx
    except ImportError as error:
        raise BackendError(
            f"PyTorch cannot be imported ({error}); install it (pip install 'road-extract[torch]')"
        ) from error
    return torch
