"""Train a network on a CPU, several times as fast as Keras does there, and distil a small one from a large one.

    python benchmarks/distil.py OUT SOURCE=SHARE ... [--validation PREFIX ...] [--init MODEL]
        [--teacher MODEL ...] [--views N] [--filters 32,64,128,256] [--minutes N]

This is how the fast model was made. Scenes, windows, losses and the form of the result are those of `road-extract
train`; the loop is PyTorch without Keras, channels last and in bfloat16, on one thread per process: threads that wait
for each other at the end of every operation lose if other programs run. If --init has more filters than --filters,
those are kept whose mean activation, times the absolute sum of the weights that read it, is largest. The learning rate
is constant for the share --hold of the CPU time, then falls linearly to zero. To go on after an interruption, run the
same command again. Of several teachers, and of several turned views of a window, the mean of the probabilities is
learned (Radosavovic et al. 2018, "Data Distillation").

The C library returns memory to the system after every operation; prevent it by setting MALLOC_MMAP_MAX_=0,
MALLOC_TRIM_THRESHOLD_=100000000000 and MALLOC_TOP_PAD_=268435456.
"""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("KERAS_BACKEND", "torch")  # the losses are written for any backend of Keras
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn
from torch.nn import functional

from road_extract.base.arrays import Float32Array
from road_extract.models import find_model, read_spec, read_weights
from road_extract.models.backends.openvino import build_int8
from road_extract.models.spec import ModelSpec
from road_extract.models.storage import SPEC_FILE, WEIGHTS_FILE
from road_extract.training.losses import HARD_SHARE, bce_dice_loss, distillation_loss
from road_extract.training.options import DataOptions
from road_extract.training.preparation import prepare_scenes
from road_extract.training.sampling import SamplingOptions, WindowSampler
from road_extract.training.scenes import INVALID
from road_extract.training.sources import TrainingSource

_STATE_FILE = "state.pt"
_WARMUP_STEPS, _WEIGHT_DECAY, _SAVE_S = 60, 0.05, 600.0
#: The blocks of the network, with the feature maps that they read and write.
_BLOCKS = {
    "encoder2": (("e1",), "e2"), "encoder3": (("e2",), "e3"), "bridge": (("e3",), "b"),
    "decoder1": (("b", "e3"), "d1"), "decoder2": (("d1", "e2"), "d2"), "decoder3": (("d2", "e1"), "d3"),
}  # fmt: skip
#: Which of the filters each feature map has.
_WIDTHS = {"e1": 0, "e2": 1, "e3": 2, "b": 3, "d1": 2, "d2": 1, "d3": 0}


class Network(nn.Module):
    """The ResUNet of `road_extract.models.resunet`: (batch, bands, rows, cols) -> logits (batch, 1, rows, cols)."""

    def __init__(self, filters: tuple[int, ...], bands: int) -> None:
        super().__init__()
        self.named = nn.ModuleDict()
        width = {name: filters[number] for name, number in _WIDTHS.items()}
        first = width["e1"]
        self._add_conv("encoder1_1_conv", bands, first, 3)
        self._add_norm("encoder1_2_bn", first)
        self._add_conv("encoder1_2_conv", first, first, 3)
        self._add_conv("encoder1_shortcut", bands, first, 1)
        for name, (read, written) in _BLOCKS.items():
            inputs, outputs = sum(width[each] for each in read), width[written]
            stride = 1 if name.startswith("decoder") else 2
            self._add_norm(f"{name}_1_bn", inputs)
            self._add_conv(f"{name}_1_conv", inputs, outputs, 3, stride)
            self._add_norm(f"{name}_2_bn", outputs)
            self._add_conv(f"{name}_2_conv", outputs, outputs, 3)
            self._add_conv(f"{name}_shortcut", inputs, outputs, 1, stride)
        self._add_conv("head_conv", width["d3"], 1, 1)

    def forward(self, image: Any) -> Any:
        """See the class."""
        maps = {"e1": self._block("encoder1", image)}
        for name, (read, written) in _BLOCKS.items():
            inputs = maps[read[0]]
            if name.startswith("decoder"):
                inputs = torch.cat([functional.interpolate(inputs, scale_factor=2, mode="nearest"), maps[read[1]]], 1)
            maps[written] = self._block(name, inputs)
        return self._conv("head_conv", maps["d3"])

    def _block(self, name: str, x: Any) -> Any:
        y = x if name == "encoder1" else functional.relu(self.named[f"{name}_1_bn"](x))
        y = self._conv(f"{name}_1_conv", y)
        y = self._conv(f"{name}_2_conv", functional.relu(self.named[f"{name}_2_bn"](y)))
        return y + self._conv(f"{name}_shortcut", x)

    def _conv(self, name: str, x: Any) -> Any:
        layer: Any = self.named[name]
        if layer.stride[0] == 2 and layer.kernel_size[0] == 3:
            x = functional.pad(x, (0, 1, 0, 1))  # as Keras pads
        return layer(x)

    def _add_conv(self, name: str, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        self.named[name] = nn.Conv2d(inputs, outputs, size, stride, 0 if stride == 2 else size // 2)

    def _add_norm(self, name: str, channels: int) -> None:
        self.named[name] = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)

    def load(self, weights: dict[str, Float32Array]) -> None:
        """Take the weights of a model folder."""
        state = {}
        for key in self.state_dict():
            layer, what = key.removeprefix("named.").rsplit(".", 1)
            if what != "num_batches_tracked":
                state[key] = torch.tensor(_to_torch(weights[f"{layer}/{self._name(layer, what)}"]))
        self.load_state_dict(state, strict=False)

    def arrays(self, state: dict[str, Any]) -> dict[str, NDArray[np.float16]]:
        """Return a state of this network as the weights of a model folder."""
        found = {}
        for key, value in state.items():
            layer, what = key.removeprefix("named.").rsplit(".", 1)
            if what != "num_batches_tracked":
                values = value.float().numpy()
                values = values.transpose(2, 3, 1, 0) if values.ndim == 4 else values
                found[f"{layer}/{self._name(layer, what)}"] = values.astype(np.float16)
        return found

    def _name(self, layer: str, what: str) -> str:
        if isinstance(self.named[layer], nn.Conv2d):
            return {"weight": "kernel", "bias": "bias"}[what]
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        return names[what]


def _to_torch(values: Float32Array) -> Float32Array:
    return np.ascontiguousarray(values.transpose(3, 2, 0, 1)) if values.ndim == 4 else values


def prune(
    weights: dict[str, Float32Array], filters: tuple[int, ...], kept: tuple[int, ...], images: Any
) -> dict[str, Float32Array]:
    """Keep the most active filters of a network.

    Args:
        weights: Weights of the large network.
        filters: Its filters.
        kept: Filters of the small network.
        images: Inputs to measure activations with, (batch, bands, rows, cols).
    """
    large = Network(filters, images.shape[1])
    large.load(weights)
    large.eval()
    activations: dict[str, Any] = {}
    for name, layer in large.named.items():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(
                lambda _layer, _inputs, out, name=name: activations.update({name: functional.relu(out).mean((0, 2, 3))})
            )
    with torch.no_grad():
        large(images)

    def worth(norm: str, conv: str) -> Float32Array:
        layer: Any = large.named[conv]
        values: Float32Array = (activations[norm] * layer.weight.detach().abs().sum((0, 2, 3))).numpy()
        return np.asarray(values / values.mean(), np.float32)

    size = {name: filters[number] for name, number in _WIDTHS.items()}
    totals = {name: np.zeros(size[name], np.float32) for name in _WIDTHS}
    for name, (read, _) in _BLOCKS.items():
        parts = np.split(worth(f"{name}_1_bn", f"{name}_1_conv"), np.cumsum([size[each] for each in read])[:-1])
        for each, part in zip(read, parts, strict=True):
            totals[each] += part
    head: Any = large.named["head_conv"]
    totals["d3"] += head.weight.detach().abs().sum((0, 2, 3)).numpy()
    chosen = {name: _largest(values, kept[_WIDTHS[name]]) for name, values in totals.items()}

    small: dict[str, Float32Array] = {}

    def take(layer: str, inputs: NDArray[np.int_] | slice, outputs: NDArray[np.int_] | slice) -> None:
        small[f"{layer}/kernel"] = weights[f"{layer}/kernel"][:, :, inputs][..., outputs]
        small[f"{layer}/bias"] = weights[f"{layer}/bias"][outputs]

    def take_norm(layer: str, channels: NDArray[np.int_]) -> None:
        for what in ("gamma", "beta", "moving_mean", "moving_variance"):
            small[f"{layer}/{what}"] = weights[f"{layer}/{what}"][channels]

    everything = slice(None)
    for name, (read, written) in {"encoder1": ((), "e1"), **_BLOCKS}.items():
        starts = np.cumsum([0, *(size[each] for each in read)])
        inputs = np.concatenate([chosen[each] + start for each, start in zip(read, starts, strict=False)] or [[]])
        inputs = inputs.astype(int)
        inside = _largest(worth(f"{name}_2_bn", f"{name}_2_conv"), kept[_WIDTHS[written]])
        if read:
            take_norm(f"{name}_1_bn", inputs)
        take(f"{name}_1_conv", inputs if read else everything, inside)
        take_norm(f"{name}_2_bn", inside)
        take(f"{name}_2_conv", inside, chosen[written])
        take(f"{name}_shortcut", inputs if read else everything, chosen[written])
    take("head_conv", chosen["d3"], everything)
    return small


def _largest(values: Float32Array, count: int) -> NDArray[np.int_]:
    return np.sort(np.argsort(-values)[:count])


@dataclass(frozen=True, slots=True)
class Teachers:
    """Models whose mean probability is learned, over 1, 2 or 4 turned views of each window."""

    models: tuple[Path, ...]
    views: int

    def open(self, shape: list[int]) -> Callable[[Float32Array], Float32Array | None]:
        """Return a function from inputs of a shape, (batch, rows, cols, bands), to probabilities."""
        if not self.models:
            return lambda inputs: None
        import openvino as ov

        settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
        networks = []
        for model in self.models:
            network = build_int8(model)
            network.reshape(shape)
            networks.append(ov.Core().compile_model(network, "CPU", settings))
        turns = range(0, 4, 4 // self.views)

        def answer(inputs: Float32Array) -> Float32Array:
            total = np.zeros(inputs.shape[:3], np.float32)
            for turn in turns:
                turned = np.ascontiguousarray(np.rot90(inputs, turn, (1, 2)))
                for network in networks:
                    total += np.rot90(network([turned])[0], -turn, (1, 2))
            return total / np.float32(len(turns) * len(networks))

        return answer


def draw(
    queue: Any, prepared: Path, sampling: SamplingOptions, spec: ModelSpec, teachers: Teachers, first: int
) -> None:
    """Put (images, labels, the teachers' probabilities) into a queue for ever; runs in a process of its own.

    Args:
        queue: Where to put them.
        prepared: Folder of prepared scenes.
        sampling: How to draw a batch.
        spec: Spec of the model.
        teachers: They may be none; the last part is None then.
        first: Step to begin with.
    """
    sampler = WindowSampler(prepared, sampling)
    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
    answer = teachers.open([sampling.batch_size, sampling.window_px, sampling.window_px, len(spec.bands)])
    step = first
    while True:
        images, labels = sampler.draw(step)
        inputs = images.astype(np.float32) / (255 * std) - mean / std
        inputs *= (labels != INVALID)[..., None]
        queue.put((inputs, labels, answer(inputs)))
        step += 1


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True)
@click.option("--validation", multiple=True, help="Leave out scenes whose names start with this; repeatable.")
@click.option("--init", default="standard", show_default=True, help="Model to start from.")
@click.option(
    "--teacher", multiple=True, help="Model whose probabilities are learned, too; it needs 8-bit ranges. Repeatable."
)
@click.option("--views", type=click.IntRange(1, 4), default=1, show_default=True, help="Turned views: 1, 2 or 4.")
@click.option("--filters", default="32,64,128,256", show_default=True)
@click.option("--minutes", default=82.0, show_default=True, help="CPU time of training.")
@click.option("--rate", default=1.5e-3, show_default=True, help="Learning rate.")
@click.option("--hold", default=0.55, show_default=True, help="Share of the time before the rate falls.")
@click.option("--average-decay", default=0.998, show_default=True)
@click.option("--window", "window_px", default=160, show_default=True)
@click.option("--batch-size", default=8, show_default=True)
@click.option("--augment", default="full", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--compile", "compiled", is_flag=True, help="Compile the network: faster for a large one.")
def main(out: Path, sources: tuple[str, ...], validation: tuple[str, ...], **given: Any) -> None:
    """Train, and write a model folder every ten minutes and at the end."""
    filters = tuple(int(part) for part in given["filters"].split(","))
    start = find_model(given["init"])
    spec = replace(read_spec(start), filters=filters, name=out.name, provenance={"recipe": dict(given)})
    pairs = [text.rpartition("=") for text in sources]
    found = [TrainingSource(Path(path or share), float(share) if path else 1.0) for path, _, share in pairs]
    prepared = prepare_scenes(found, out / "prepared", DataOptions(validation_share=0), spec, validation)
    sampling = SamplingOptions(
        given["window_px"], given["batch_size"], augment=given["augment"], seed=given["seed"]
    )  # fmt: skip
    WindowSampler(prepared, sampling)  # raise errors here, not in a process
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(6)
    teachers = Teachers(tuple(map(find_model, given["teacher"])), given["views"])
    state = out / _STATE_FILE
    first = torch.load(state, weights_only=True)["step"] if state.exists() else 0
    feeder = context.Process(target=draw, args=(queue, prepared, sampling, spec, teachers, first), daemon=True)
    feeder.start()
    try:
        _train(out, queue, spec, start, given)
    finally:
        feeder.terminate()


def _train(out: Path, queue: Any, spec: ModelSpec, start: Path, given: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    weights, filters = read_weights(start), read_spec(start).filters
    if filters != spec.filters:
        images = np.concatenate([queue.get()[0] for _ in range(4)])
        weights = prune(weights, filters, spec.filters, _channels_first(images))
    network = Network(spec.filters, len(spec.bands))
    network.load(weights)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kernels = [value for value in network.parameters() if value.ndim == 4]
    others = [value for value in network.parameters() if value.ndim != 4]
    groups = [{"params": kernels, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=given["rate"], fused=True)
    average, used, step = copy.deepcopy(network.state_dict()), 0.0, 0
    if (out / _STATE_FILE).exists():
        state = torch.load(out / _STATE_FILE, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        average, used, step = state["average"], state["used"], state["step"]
    run: Any = torch.compile(network) if given["compiled"] else network
    network.train()
    total, saved, smooth = given["minutes"] * 60, time.monotonic(), float("nan")
    while used < total:
        began = time.process_time()
        images, labels, answers = queue.get()
        fall = min(1.0, max(0.0, 1 - used / total) / (1 - given["hold"] or 1))
        for group in optimizer.param_groups:
            group["lr"] = given["rate"] * min(1.0, (step + 1) / _WARMUP_STEPS) * fall
        with torch.autocast("cpu", torch.bfloat16):
            logits = run(_channels_first(images))
        loss = _loss(logits.float().permute(0, 2, 3, 1), labels, answers)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        decay = min(given["average_decay"], (1 + step) / (10 + step))
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                average[key].lerp_(value, 1 - decay)
        smooth = loss.item() if step == 1 or smooth != smooth else 0.98 * smooth + 0.02 * loss.item()
        used += time.process_time() - began
        if step % 100 == 0:
            click.echo(f"step {step}: loss {smooth:.4f}, {used / 60:.1f} minutes", err=True)
        if used >= total or time.monotonic() - saved > _SAVE_S:
            _save(out, network, average, spec, step)
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "average": average}
            torch.save({**state, "used": used, "step": step}, out / _STATE_FILE)
            saved = time.monotonic()


def _loss(logits: Any, labels: NDArray[np.uint8], answers: Float32Array | None) -> Any:
    truth = torch.tensor(labels[..., None])
    if answers is None:
        return bce_dice_loss(truth, logits)
    return distillation_loss(torch.cat([truth.float(), torch.tensor(answers[..., None])], dim=-1), logits)


def _channels_first(images: Float32Array) -> Any:
    return torch.tensor(images).permute(0, 3, 1, 2)


def _save(out: Path, network: Network, state: dict[str, Any], spec: ModelSpec, step: int) -> None:
    np.savez_compressed(out / WEIGHTS_FILE, **network.arrays(state))  # type: ignore[arg-type]
    recipe = {**spec.provenance["recipe"], "steps": step, "hard_share": HARD_SHARE}
    made = replace(spec, provenance={**spec.provenance, "recipe": json.loads(json.dumps(recipe))})
    (out / SPEC_FILE).write_text(made.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
