"""Writes the reference numbers that the operations of packages/ops are tested against.

    python op_fixtures.py [--out ../../packages/ops/fixtures]

`ops.json` lists the cases, `ops.bin` holds the tensors (little-endian float32 and int32). Inputs
are float32; outputs and gradients are computed from them in float64 and then rounded, and PyTorch's
own float32 results are checked against them on the way, so every case is well conditioned. All
tensors are in the project's layouts (see layouts.py). A case:

    { op, name, attributes,
      inputs:    { name: ref },   what the operation is given
      outputs:   { name: ref },   what it must return
      upstream:  { name: ref },   gradient of each differentiable output (absent if there is none)
      gradients: { name: ref } }  gradient of each differentiable input

with ref = { shape, dtype, offset } (offset in bytes into ops.bin).
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from files import write_atomically
from layouts import activation, parameter
from losses import supervised_contrast
from margin import ActivationMargin
from methods import move_average

Tensors = dict[str, Tensor]
Compute = Callable[[Tensors], Tensors]
DEFAULT_OUT = Path(__file__).resolve().parents[2] / "packages" / "ops" / "fixtures"
SIZE_LIMIT = 700_000
PARAMETERS = "weight"
"""How inputs in the layout of parameters are called first; others are activations, vectors, scalars."""
MARGIN = 2e-5
"""Least distance of an activation from ReLU's kink, so that rounding decides nothing."""


@dataclass
class Case:
    """One case before it is computed; `compute` maps named inputs to named outputs."""

    op: str
    name: str
    attributes: dict[str, Any]
    inputs: Tensors
    compute: Compute
    differentiable: tuple[str, ...] = ("x",)
    outputs_with_gradient: tuple[str, ...] = ("y",)
    results: dict[str, Tensors] = field(default_factory=dict)


def noise(name: str) -> Callable[..., Tensor]:
    """Standard normal numbers that depend on the case's name only, so cases can come and go."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return lambda *shape: torch.randn(shape, generator=generator)


# ------------------------------------------------------------------------ running a case


def run(case: Case, dtype: torch.dtype) -> dict[str, Tensors]:
    """Outputs, upstream gradients and input gradients of a case at the given precision."""
    inputs = {k: v.to(dtype) if v.is_floating_point() else v for k, v in case.inputs.items()}
    for name in case.differentiable:
        inputs[name] = inputs[name].clone().requires_grad_()
    outputs = case.compute(inputs)
    randn = noise(f"{case.op}/{case.name}/upstream")
    upstream = {k: randn(*outputs[k].shape) for k in case.outputs_with_gradient}
    gradients: Tensors = {}
    if case.differentiable:
        objective = sum((outputs[k] * upstream[k].to(dtype)).sum() for k in case.outputs_with_gradient)
        wanted = [inputs[k] for k in case.differentiable]
        gradients = dict(zip(case.differentiable, torch.autograd.grad(objective, wanted), strict=True))
    return {
        "inputs": case.inputs,
        "outputs": {k: v.detach() for k, v in outputs.items()},
        "upstream": upstream,
        "gradients": gradients,
    }


def reference(case: Case) -> dict[str, Tensors]:
    """The float64 results, after checking that float32 agrees with them."""
    exact, single = run(case, torch.float64), run(case, torch.float32)
    for group in ("outputs", "gradients"):
        for name, value in exact[group].items():
            scale = max(1.0, value.abs().max().item())
            error = (single[group][name].double() - value).abs().max().item() / scale
            if error > 2e-5:
                raise AssertionError(
                    f"{case.op}/{case.name}: {group} {name} is ill conditioned ({error:.1e})"
                )
    return exact


# ------------------------------------------------------------------------------- cases


def convolutions() -> Iterator[Case]:
    for kernel, padding in ((1, 0), (1, 1), (3, 0), (3, 1), (7, 3)):
        for stride in (1, 2):
            for height, width in ((6, 6), (7, 7), (5, 8)):
                yield convolution(kernel, stride, padding, height, width)
    yield convolution(7, 2, 3, 12, 9, inputs=1, outputs=2)
    yield convolution(7, 1, 0, 8, 9, inputs=1, outputs=2)
    yield convolution(3, 1, 1, 1, 1)
    yield convolution(3, 2, 1, 1, 4, batch=1)
    yield convolution(3, 2, 1, 2, 2, batch=3)
    for groups in (2, 4):
        for kernel, padding in ((1, 0), (3, 1), (3, 0)):
            for stride in (1, 2):
                yield convolution(kernel, stride, padding, 5, 6, inputs=4, outputs=8, groups=groups)
    yield convolution(3, 1, 1, 4, 5, inputs=4, outputs=4, groups=4)
    yield convolution(7, 2, 3, 7, 8, inputs=4, outputs=4, groups=2, batch=1)
    yield convolution(3, 1, 1, 5, 4, bias=True)
    yield convolution(3, 2, 1, 6, 5, inputs=4, outputs=2, groups=2, bias=True)


def convolution(
    kernel: int,
    stride: int,
    padding: int,
    height: int,
    width: int,
    inputs: int = 3,
    outputs: int = 4,
    groups: int = 1,
    batch: int = 2,
    bias: bool = False,
) -> Case:
    if kernel == 7 and inputs == 3:
        inputs, outputs = 2, 3
    name = f"k{kernel} s{stride} p{padding} g{groups} {batch}x{height}x{width}x{inputs}-{outputs}"
    name += " bias" if bias else ""
    randn = noise(f"conv2d/{name}")
    tensors = {
        "x": randn(batch, inputs, height, width),
        "weight": randn(outputs, inputs // groups, kernel, kernel) / kernel,
    }
    if bias:
        tensors["bias"] = randn(outputs)
    return Case(
        "conv2d",
        name,
        {"kernel": kernel, "stride": stride, "padding": padding, "groups": groups},
        tensors,
        lambda t: {
            "y": F.conv2d(t["x"], t["weight"], t.get("bias"), stride=stride, padding=padding, groups=groups)
        },
        differentiable=tuple(tensors),
    )


def batch_norms() -> Iterator[Case]:
    for shape, name in (
        ((3, 4, 5, 3), "3x5x3x4"),
        ((2, 3, 1, 1), "2x1x1x3"),
        ((5, 6), "5x6 features"),
        ((1, 2, 3, 4), "1x3x4x2"),
    ):
        for training in (True, False):
            yield batch_norm(name, shape, training)
    yield batch_norm("off centre", (4, 3, 4, 4), True, scale=0.5, offset=6.0)
    yield batch_norm("almost constant channels", (4, 3, 3, 3), True, scale=0.01, offset=0.0)


def batch_norm(
    name: str, shape: tuple[int, ...], training: bool, scale: float = 1.5, offset: float = 0.5
) -> Case:
    randn = noise(f"batch_norm/{name}/{training}")
    channels = shape[1]
    tensors = {
        "x": randn(*shape) * scale + offset,
        "gamma": randn(channels) + 1.0,
        "beta": randn(channels),
        "running_mean": randn(channels),
        "running_variance": randn(channels).abs() + 0.5,
    }

    def compute(t: Tensors) -> Tensors:
        mean, variance = t["running_mean"].clone(), t["running_variance"].clone()
        y = F.batch_norm(t["x"], mean, variance, t["gamma"], t["beta"], training, momentum=0.1, eps=1e-5)
        return {"y": y, "running_mean": mean, "running_variance": variance} if training else {"y": y}

    attributes = {"training": training, "epsilon": 1e-5, "update_weight": 0.1}
    label = f"{'training' if training else 'evaluation'} {name}"
    return Case("batch_norm", label, attributes, tensors, compute, differentiable=("x", "gamma", "beta"))


def elementwise() -> Iterator[Case]:
    x = noise("relu")(2, 3, 4, 3)
    x[0, 0, 0, 0] = 0.0
    x[1, 2, 3, 2] = -0.0
    yield Case("relu", "2x4x3x3 with zeros", {}, {"x": x}, lambda t: {"y": F.relu(t["x"])})
    for name, shape in (("2x3x5x4", (2, 4, 3, 5)), ("3x7 features", (3, 7))):
        randn = noise(f"add/{name}")
        tensors = {"a": randn(*shape), "b": randn(*shape)}
        yield Case("add", name, {}, tensors, lambda t: {"y": t["a"] + t["b"]}, differentiable=("a", "b"))
    for batch, features, outputs in ((4, 7, 5), (1, 3, 10)):
        name = f"{batch}x{features}-{outputs}"
        randn = noise(f"linear/{name}")
        tensors = {"x": randn(batch, features), "weight": randn(outputs, features), "bias": randn(outputs)}
        yield Case(
            "linear",
            name,
            {},
            tensors,
            lambda t: {"y": F.linear(t["x"], t["weight"], t["bias"])},
            differentiable=("x", "weight", "bias"),
        )


def pools() -> Iterator[Case]:
    for window, stride, padding in ((3, 2, 1), (2, 2, 0)):
        for height, width in ((6, 6), (7, 5)):
            size = f"k{window} s{stride} p{padding} 2x{height}x{width}x3"
            attributes = {
                "window": [window, window],
                "stride": [stride, stride],
                "padding": [padding, padding],
            }
            x = noise(f"max_pool/{size}")(2, 3, height, width)
            # Every window is negative here: padding with zeros instead of minus infinity shows.
            for label, value in (("signed", x), ("all negative", -x.abs() - 0.5)):
                yield Case(
                    "max_pool",
                    f"{size} {label}",
                    attributes,
                    {"x": value},
                    lambda t, k=window, s=stride, p=padding: {"y": F.max_pool2d(t["x"], k, s, p)},
                )
            # ReLU first, as in the ImageNet stem: ties at zero then carry no gradient.
            yield Case(
                "relu_max_pool",
                size,
                attributes,
                {"x": x - 0.5},
                lambda t, k=window, s=stride, p=padding: {"y": F.max_pool2d(F.relu(t["x"]), k, s, p)},
            )
    for window, stride, padding, height, width in (
        ((2, 2), (2, 2), (0, 0), 6, 4),
        ((2, 2), (2, 2), (0, 0), 7, 5),
        ((4, 2), (4, 2), (0, 0), 8, 6),
        ((8, 4), (8, 4), (0, 0), 16, 8),
        ((2, 2), (2, 2), (1, 1), 6, 5),
        ((3, 3), (2, 2), (1, 1), 6, 7),
        ((3, 2), (3, 2), (1, 0), 7, 4),
    ):
        yield average_pool(window, stride, padding, height, width)
    for height, width, rows, columns in (
        (8, 8, 2, 2),
        (7, 7, 2, 2),
        (14, 14, 4, 4),
        (5, 5, 3, 3),
        (6, 9, 4, 2),
        (5, 7, 1, 1),
        (4, 4, 4, 4),
        (2, 3, 4, 5),
    ):
        name = f"{height}x{width} to {rows}x{columns}"
        yield Case(
            "adaptive_average_pool",
            name,
            {"output": [rows, columns]},
            {"x": noise(f"adaptive_average_pool/{name}")(2, 3, height, width)},
            lambda t, rows=rows, columns=columns: {"y": F.adaptive_avg_pool2d(t["x"], (rows, columns))},
        )
    for height, width in ((4, 4), (3, 5), (1, 1)):
        name = f"2x{height}x{width}x3"
        x = noise(f"global_average_pool/{name}")(2, 3, height, width)
        yield Case("global_average_pool", name, {}, {"x": x}, lambda t: {"y": t["x"].mean(dim=(2, 3))})


def average_pool(
    window: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], height: int, width: int
) -> Case:
    name = f"k{window[0]}x{window[1]} p{padding[0]}x{padding[1]} 2x{height}x{width}x3"
    attributes = {
        "window": list(window),
        "stride": list(stride),
        "padding": list(padding),
        "count_include_pad": True,
    }
    return Case(
        "average_pool",
        name,
        attributes,
        {"x": noise(f"average_pool/{name}")(2, 3, height, width)},
        lambda t: {"y": F.avg_pool2d(t["x"], window, stride, padding)},
    )


def resizes() -> Iterator[Case]:
    for (height, width), (rows, columns) in (
        ((4, 4), (8, 8)),
        ((3, 5), (7, 6)),
        ((8, 8), (4, 4)),
        ((7, 9), (3, 4)),
        ((5, 4), (5, 4)),
        ((1, 1), (3, 2)),
        ((4, 3), (1, 1)),
    ):
        name = f"{height}x{width} to {rows}x{columns}"
        yield Case(
            "bilinear_resize",
            name,
            {"output": [rows, columns], "align_corners": True},
            {"x": noise(f"bilinear_resize/{name}")(2, 3, height, width)},
            lambda t, size=(rows, columns): {
                "y": F.interpolate(t["x"], size=size, mode="bilinear", align_corners=True)
            },
        )


@dataclass(frozen=True)
class StackLayer:
    """A convolution of a stack with what stands behind it."""

    channels: int
    kernel: int = 3
    stride: int = 1
    bias: bool = False
    norm: bool = True
    relu: bool = True
    resize: tuple[int, int] | None = None

    def attributes(self) -> dict[str, Any]:
        resize = list(self.resize) if self.resize else None
        padding = self.kernel // 2
        return {"stride": self.stride, "padding": padding, "relu": self.relu, "resize": resize}


def stacks() -> Iterator[Case]:
    last = StackLayer(16, relu=False)
    yield stack("basic unit", (2, 16, 8, 9), [StackLayer(16), last], "identity")
    yield stack(
        "basic unit, one channel more",
        (3, 17, 5, 6),
        [StackLayer(17), StackLayer(17, relu=False)],
        "identity",
    )
    down = [StackLayer(10, stride=2), StackLayer(10, relu=False)]
    yield stack("strided unit with projection", (2, 6, 7, 8), down, "projection")
    bottleneck = [StackLayer(4, kernel=1), StackLayer(4, stride=2), StackLayer(12, kernel=1, relu=False)]
    yield stack("bottleneck with projection", (2, 8, 6, 5), bottleneck, "projection")
    decoder = [StackLayer(12, bias=True, resize=(8, 9)), StackLayer(3, bias=True, norm=False, relu=False)]
    yield stack("decoder that enlarges", (2, 5, 4, 3), decoder)
    yield stack("decoder of the same size", (2, 4, 6, 6), [StackLayer(12, bias=True), decoder[1]])
    yield stack("head", (3, 5, 6, 7), [StackLayer(9, stride=2), StackLayer(9)], pool=True)
    yield stack(
        "evaluation", (2, 8, 5, 5), [StackLayer(8), StackLayer(8, relu=False)], "identity", training=False
    )
    yield stack("evaluation with projection", (2, 3, 6, 4), down, "projection", training=False)


def stack(
    name: str,
    shape: tuple[int, int, int, int],
    layers: list[StackLayer],
    shortcut: str | None = None,
    pool: bool = False,
    training: bool = True,
) -> Case:
    """Tries seeds until no activation is near ReLU's kink."""
    for attempt in range(200):
        case = stack_of(name, attempt, shape, layers, shortcut, pool, training)
        with ActivationMargin() as margin:
            case.compute({k: v.double() for k, v in case.inputs.items()})
        if margin.value > MARGIN:
            return case
    raise AssertionError(f"convolution_stack/{name}: no seed keeps its activations {MARGIN} from zero")


def stack_of(
    name: str,
    attempt: int,
    shape: tuple[int, int, int, int],
    layers: list[StackLayer],
    shortcut: str | None,
    pool: bool,
    training: bool,
) -> Case:
    randn = noise(f"convolution_stack/{name}/{attempt}")
    stride = math.prod(layer.stride for layer in layers)
    projection = StackLayer(layers[-1].channels, kernel=1, stride=stride, relu=False)
    named = {str(i): layer for i, layer in enumerate(layers)}
    if shortcut == "projection":
        named["S"] = projection
    tensors = {"x": randn(*shape)}
    differentiable = ["x"]
    channels = shape[1]
    for key, layer in named.items():
        inputs = shape[1] if key == "S" else channels
        channels = layer.channels
        own = {f"weight{key}": randn(channels, inputs, layer.kernel, layer.kernel) / layer.kernel}
        if layer.bias:
            own[f"bias{key}"] = randn(channels)
        if layer.norm:
            own |= {f"gamma{key}": randn(channels) / 2 + 1, f"beta{key}": randn(channels)}
        differentiable += own
        if layer.norm:
            own |= {f"mean{key}": randn(channels), f"variance{key}": randn(channels).abs() + 0.5}
        tensors |= own

    def compute(t: Tensors) -> Tensors:
        moved: Tensors = {}

        def apply(key: str, layer: StackLayer, h: Tensor) -> Tensor:
            if layer.resize is not None:
                h = F.interpolate(h, size=layer.resize, mode="bilinear", align_corners=True)
            h = F.conv2d(
                h, t[f"weight{key}"], t.get(f"bias{key}"), stride=layer.stride, padding=layer.kernel // 2
            )
            if layer.norm:
                mean, variance = t[f"mean{key}"].clone(), t[f"variance{key}"].clone()
                weights = t[f"gamma{key}"], t[f"beta{key}"]
                h = F.batch_norm(h, mean, variance, *weights, training, momentum=0.1, eps=1e-5)
                if training:
                    moved.update({f"mean{key}": mean, f"variance{key}": variance})
            return h

        h = t["x"]
        for i, layer in enumerate(layers):
            h = apply(str(i), layer, h)
            if layer.relu:
                h = F.relu(h)
        if shortcut is not None:
            h = F.relu(h + (apply("S", projection, t["x"]) if shortcut == "projection" else t["x"]))
        return {"y": h.mean((2, 3)) if pool else h} | moved

    attributes = {
        "layers": [layer.attributes() for layer in layers],
        "shortcut": projection.attributes() if shortcut == "projection" else shortcut,
        "pool": pool,
        "training": training,
    }
    return Case("convolution_stack", name, attributes, tensors, compute, differentiable=tuple(differentiable))


def losses() -> Iterator[Case]:
    randn = noise("sigmoid_cross_entropy")
    ordinary = {"x": randn(2, 3, 4, 5) * 2, "targets": torch.sigmoid(randn(2, 3, 4, 5))}
    extreme = {
        "x": torch.tensor([[-100.0, -30.0, -1.0, 0.0], [0.5, 20.0, 80.0, -0.0]]),
        "targets": torch.tensor([[0.0, 1.0, 0.25, 0.5], [1.0, 0.0, 1.0, 1.0]]),
    }
    for name, tensors in (("2x4x5x3", ordinary), ("extreme logits", extreme)):
        yield Case(
            "sigmoid_cross_entropy",
            name,
            {"reduction": "mean over all elements"},
            tensors,
            lambda t: {"y": F.binary_cross_entropy_with_logits(t["x"], t["targets"])},
        )
    randn = noise("softmax_cross_entropy")
    labels = torch.tensor([0, 9, 3, 3, 7], dtype=torch.int32)
    for name, logits in (
        ("5x10", randn(5, 10) * 3),
        ("zero logits", torch.zeros(5, 10)),
        ("large logits", randn(5, 10) * 50 + 1000),
    ):
        yield Case(
            "softmax_cross_entropy",
            name,
            {"reduction": "mean over rows"},
            {"x": logits, "labels": labels},
            lambda t: {"y": F.cross_entropy(t["x"], t["labels"].long())},
        )


def comparisons() -> Iterator[Case]:
    """What compares the pictures of a batch with each other: PredSim's similarities, InfoPro's contrast."""
    name = "3x6-4 without bias"
    randn = noise(f"linear/{name}")
    tensors = {"x": randn(3, 6), "weight": randn(4, 6)}
    yield scalar_or_rows("linear", name, {}, tensors, lambda t: F.linear(t["x"], t["weight"]), "weight")

    for name, shape, scale, offset in (
        ("3x5x4x6", (3, 6, 5, 4), 1.0, 0.0),
        ("2x1x2x4 two pixels", (2, 4, 1, 2), 1.0, 0.0),
        ("2x4x4x5 far from zero", (2, 5, 4, 4), 0.5, 20.0),
        ("2x3x3x4 with a constant channel", (2, 4, 3, 3), 1.0, 0.0),
    ):
        x = noise(f"spatial_deviation/{name}")(*shape) * scale + offset
        if "constant" in name:
            x[1, 2] = 0.75
        yield scalar_or_rows("spatial_deviation", name, {}, {"x": x}, lambda t: t["x"].flatten(2).std(dim=2))

    for name, shape, center, epsilon in (
        ("4x7", (4, 7), False, 1e-12),
        ("4x7 centred", (4, 7), True, 1e-8),
        ("3x2 centred, large epsilon", (3, 2), True, 0.5),
        ("1x5", (1, 5), False, 1e-8),
    ):
        x = noise(f"normalize_rows/{name}")(*shape) + 0.5
        attributes = {"center": center, "epsilon": epsilon}
        yield scalar_or_rows(
            "normalize_rows",
            name,
            attributes,
            {"x": x},
            lambda t, c=center, e=epsilon: normalised(t["x"], c, e),
        )

    randn = noise("similarity_loss")
    targets = torch.tanh(randn(5, 5))
    unit = normalised(randn(5, 6))
    # Shorter than 1, so that rounding does not decide the diagonal; longer, so that some entries are cut off.
    for name, factor in (("5x6", 0.9), ("5x6 cut off", 1.4)):
        yield scalar_or_rows(
            "similarity_loss",
            name,
            {},
            {"x": unit * factor, "targets": targets},
            lambda t: ((t["x"] @ t["x"].t()).clamp(-1, 1) - t["targets"]).square().mean(),
        )

    for name, labels in (
        ("6x5", [0, 1, 0, 2, 1, 0]),
        ("5x5 with a row of no positives", [3, 1, 3, 1, 7]),
        ("3x5 without positives", [0, 1, 2]),
        ("4x5 of one class", [2, 2, 2, 2]),
    ):
        rows = normalised(noise(f"supervised_contrast/{name}")(len(labels), 5))
        yield scalar_or_rows(
            "supervised_contrast",
            name,
            {"temperature": 0.07},
            {"x": rows, "labels": torch.tensor(labels, dtype=torch.int32)},
            lambda t: supervised_contrast(t["x"], t["labels"], 0.07),
        )


def transformers() -> Iterator[Case]:
    """What the layers of a transformer need."""
    for name, shape, scale, offset, epsilon in (
        ("2x5x8", (2, 5, 8), 1.0, 0.0, 1e-6),
        ("3x6 far from zero", (3, 6), 0.5, 10.0, 1e-6),
        ("3x4 large epsilon", (3, 4), 1.0, 0.0, 0.5),
    ):
        randn = noise(f"layer_norm/{name}")
        width = shape[-1]
        tensors = {"x": randn(*shape) * scale + offset, "weight": randn(width) + 1, "bias": randn(width)}
        yield scalar_or_rows(
            "layer_norm",
            name,
            {"epsilon": epsilon},
            tensors,
            lambda t, w=width, e=epsilon: F.layer_norm(t["x"], (w,), t["weight"], t["bias"], e),
            "weight",
            "bias",
        )
    x = noise("gelu")(3, 7) * 2
    yield scalar_or_rows("gelu", "3x7", {}, {"x": x}, lambda t: F.gelu(t["x"]))
    far = torch.tensor([[-30.0, -5.0, -0.0], [1e-4, 5.0, 30.0]])
    yield scalar_or_rows("gelu", "far from zero", {}, {"x": far}, lambda t: F.gelu(t["x"]))


def scalar_or_rows(
    op: str,
    name: str,
    attributes: dict[str, Any],
    tensors: Tensors,
    y: Callable[[Tensors], Tensor],
    *more: str,
) -> Case:
    """A case of one output; `x` is differentiable, and what `more` names."""
    return Case(op, name, attributes, tensors, lambda t: {"y": y(t)}, differentiable=("x", *more))


def normalised(x: Tensor, center: bool = False, epsilon: float = 0.0) -> Tensor:
    """Rows over their length, perhaps without their own mean."""
    rows = x - x.mean(dim=1, keepdim=True) if center else x
    return rows / (epsilon + rows.square().sum(dim=1, keepdim=True).sqrt())


def updates() -> Iterator[Case]:
    yield sgd()
    randn = noise("ema")
    shapes = {"filter": (3, 3, 2, 3), "bias": (5,)}
    tensors = {f"average/{k}": randn(*shape) for k, shape in shapes.items()}
    for step in (1, 2, 3):
        tensors |= {f"step{step}/source/{k}": randn(*shape) for k, shape in shapes.items()}
    yield ema("three updates", 0.995, tensors)
    yield ema("copy", 0.0, tensors)
    yield ema("frozen", 1.0, tensors)
    oracle = {"average/scalar": torch.ones(())}
    oracle |= {f"step{i + 1}/source/scalar": torch.tensor(v) for i, v in enumerate((0.0, 0.5, 1.0))}
    yield ema("0.995, 0.992525, 0.992562375", 0.995, oracle)


def ema(name: str, momentum: float, tensors: Tensors) -> Case:
    names = [k.removeprefix("average/") for k in tensors if k.startswith("average/")]

    def compute(t: Tensors) -> Tensors:
        averages = {k: t[f"average/{k}"].clone() for k in names}
        after: Tensors = {}
        for step in (1, 2, 3):
            move_average(averages.values(), (t[f"step{step}/source/{k}"] for k in names), momentum)
            after |= {f"step{step}/average/{k}": v.clone() for k, v in averages.items()}
        return after

    attributes = {"momentum": momentum, "steps": 3, "tensors": names}
    return Case("ema", name, attributes, tensors, compute, differentiable=(), outputs_with_gradient=())


def sgd() -> Case:
    """Three steps; "shift" gets no gradient in step 2 and "late" none in step 1."""
    randn = noise("sgd")
    shapes = {"filter": (3, 3, 2, 3), "matrix": (4, 5), "shift": (6,), "late": (3,)}
    without = {1: ["late"], 2: ["shift"], 3: []}
    rates = [0.1, 0.05, 0.2]
    tensors = {f"parameter/{k}": randn(*shape) for k, shape in shapes.items()}
    for step in without:
        present = {k: shape for k, shape in shapes.items() if k not in without[step]}
        tensors |= {f"step{step}/gradient/{k}": randn(*shape) for k, shape in present.items()}

    def compute(t: Tensors) -> Tensors:
        parameters = {k: t[f"parameter/{k}"].clone().requires_grad_() for k in shapes}
        optimizer = torch.optim.SGD(
            parameters.values(), lr=0.1, momentum=0.9, weight_decay=1e-2, nesterov=True
        )
        after: Tensors = {}
        for step, rate in enumerate(rates, start=1):
            optimizer.param_groups[0]["lr"] = rate
            for k, p in parameters.items():
                gradient = t.get(f"step{step}/gradient/{k}")
                p.grad = None if gradient is None else gradient.clone()
            optimizer.step()
            for k, p in parameters.items():
                buffer = optimizer.state[p].get("momentum_buffer")
                after[f"step{step}/parameter/{k}"] = p.detach().clone()
                after[f"step{step}/momentum/{k}"] = torch.zeros_like(p) if buffer is None else buffer.clone()
        return after

    attributes = {
        "learning_rates": rates,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 1e-2,
        "steps": len(rates),
        "tensors": list(shapes),
        "without_gradient": without,
    }
    return Case(
        "sgd", "three steps", attributes, tensors, compute, differentiable=(), outputs_with_gradient=()
    )


def all_cases() -> Iterator[Case]:
    for family in (
        convolutions,
        batch_norms,
        elementwise,
        pools,
        resizes,
        stacks,
        losses,
        updates,
        comparisons,
        transformers,
    ):
        yield from family()


# ------------------------------------------------------------------------------ writing


class Pack:
    """Appends tensors to one buffer and hands out references to them."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def add(self, values: Mapping[str, Tensor], updates: bool) -> dict[str, Any]:
        return {name: self._add(name, value, updates) for name, value in values.items()}

    def _add(self, name: str, value: Tensor, updates: bool) -> dict[str, Any]:
        if not updates:
            value = parameter(value) if name.startswith(PARAMETERS) else activation(value)
        array = value.detach().contiguous().numpy()
        dtype = "int32" if array.dtype.kind == "i" else "float32"
        data = np.ascontiguousarray(array).astype("<i4" if dtype == "int32" else "<f4")
        reference = {"shape": list(data.shape), "dtype": dtype, "offset": len(self.buffer)}
        self.buffer += data.tobytes()
        return reference


def build() -> tuple[bytes, bytes]:
    """The contents of ops.json and ops.bin."""
    pack = Pack()
    entries = []
    seen: set[tuple[str, str]] = set()
    for case in all_cases():
        if (case.op, case.name) in seen:
            raise AssertionError(f"two cases are called {case.op}/{case.name}")
        seen.add((case.op, case.name))
        entry: dict[str, Any] = {"op": case.op, "name": case.name, "attributes": case.attributes}
        # Update rules act element by element: their tensors are named shapes without a layout.
        updates = case.op in ("sgd", "ema")
        entry |= {group: pack.add(values, updates) for group, values in reference(case).items()}
        entries.append(entry)
    lines = ",\n".join("    " + json.dumps(entry) for entry in entries)
    head = {"format": 1, "source": f"tools/peer/op_fixtures.py, PyTorch {torch.__version__.split('+')[0]}"}
    text = json.dumps(head)[:-1] + ',\n  "cases": [\n' + lines + "\n  ]\n}\n"
    return text.encode(), bytes(pack.buffer)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    index, data = build()
    if len(index) + len(data) > SIZE_LIMIT:
        raise SystemExit(f"the fixtures take {len(index) + len(data)} bytes, more than {SIZE_LIMIT}")
    write_atomically(args.out / "ops.json", index)
    write_atomically(args.out / "ops.bin", data)
    print(f"{len(json.loads(index)['cases'])} cases, {len(index)} + {len(data)} bytes in {args.out}")


if __name__ == "__main__":
    main()
