"""CIFAR-style ResNet-(6n+2), its partitions into blocks, and the InfoPro auxiliary networks.

Written from the method specification only, as an independent reference for the TypeScript
packages. Everything here is float32 NCHW as PyTorch likes it; `layouts.py` converts tensors to
the project's own layouts when they are written to a file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

StemPlace = Literal["own", "merge"]
HeadKind = Literal["1c2f", "2c2f", "auto"]
"""InfoPro's; "auto" is the one for ImageNet from an eighth of the picture's size on, else "1c2f"."""
BlockEnd = Literal["stem"] | tuple[int, int]
"""Where a block ends: after the stem, or after zero-based unit i of stage s (1..3)."""

HIDDEN_FEATURES = 128
DECODER_CHANNELS = 12


# --------------------------------------------------------------------------- backbone


def conv3x3(inputs: int, outputs: int, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=bias)


class Stem(nn.Module):
    """conv3x3, batch norm, ReLU; no pooling, whatever the picture size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = conv3x3(3, width)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Projection(nn.Module):
    """Shortcut "option B": 1x1 convolution and batch norm, where stride or width change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class BasicUnit(nn.Module):
    """conv - BN - ReLU - conv - BN, plus the shortcut, then ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv3x3(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        changes_shape = stride != 1 or inputs != outputs
        self.shortcut = Projection(inputs, outputs, stride) if changes_shape else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Classifier(nn.Module):
    """Global average pool and one fully connected layer."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mean(dim=(2, 3)))


@dataclass(frozen=True)
class Layer:
    """The smallest piece a partition can cut at: the stem or one residual unit."""

    name: str
    end: BlockEnd
    module: nn.Module
    channels: int
    ratio: int
    """Picture size divided by the size of this layer's output."""

    @property
    def stage(self) -> int:
        """Stage number 1..3; the stem counts as part of stage 1."""
        return 1 if self.end == "stem" else self.end[0]


class ResNet(nn.Module):
    """ResNet-(6n+2) of widths w, 2w, 4w with n units per stage."""

    def __init__(self, units_per_stage: int, width: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.units_per_stage = units_per_stage
        self.classes = classes
        self.stem = Stem(width)
        channels = width
        for stage in (1, 2, 3):
            units = nn.ModuleDict()
            for i in range(units_per_stage):
                outputs = width * 2 ** (stage - 1)
                stride = 2 if stage > 1 and i == 0 else 1
                units[f"unit{i}"] = BasicUnit(channels, outputs, stride)
                channels = outputs
            self.add_module(f"stage{stage}", units)
        self.classifier = Classifier(channels, classes)
        initialise(self)

    def layers(self) -> list[Layer]:
        """The stem and all units, in order."""
        width = self.stem.conv.out_channels
        layers = [Layer("stem", "stem", self.stem, width, 1)]
        for stage in (1, 2, 3):
            factor = 2 ** (stage - 1)
            for i, unit in enumerate(self.get_submodule(f"stage{stage}").children()):
                name = f"stage{stage}.unit{i}"
                layers.append(Layer(name, (stage, i), unit, width * factor, factor))
        return layers

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers():
            x = layer.module(x)
        return self.classifier(x)


def resnet(depth: int, width: int = 16, classes: int = 10) -> ResNet:
    """ResNet of the given depth, which must be 6n+2."""
    if depth < 8 or (depth - 2) % 6 != 0:
        raise ValueError(f"depth must be 6n+2 with n >= 1, got {depth}")
    return ResNet((depth - 2) // 6, width, classes)


def initialise(module: nn.Module) -> None:
    """He-initialise every convolution (fan-out); the rest keeps PyTorch's defaults.

    Batch norms start at weight 1 and bias 0; fully connected layers and convolution biases at
    U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan_out = part.kernel_size[0] * part.kernel_size[1] * part.out_channels
            nn.init.normal_(part.weight, 0.0, math.sqrt(2.0 / fan_out))


# -------------------------------------------------------------------------- partitions

_ENDS_RESNET32_K8: list[BlockEnd] = [
    (1, 0), (1, 2), (1, 4), (2, 1), (2, 3), (3, 0), (3, 2), (3, 4),
]  # fmt: skip
_STAGE12_RESNET110_K32 = (1, 2, 4, 5, 7, 9, 11, 13, 14, 16, 17)
_STAGE3_RESNET110_K32 = (1, 3, 4, 6, 7, 9, 11, 13, 15, 17)
_ENDS_RESNET110_K32: list[BlockEnd] = [
    *((stage, i) for stage in (1, 2) for i in _STAGE12_RESNET110_K32),
    *((3, i) for i in _STAGE3_RESNET110_K32),
]


def block_ends(units_per_stage: int, blocks: int, stem: StemPlace | None = None) -> list[BlockEnd]:
    """The end point of every block for a named setting.

    `blocks` counts as the paper does. `stem=None` is the published layout (own block for 16 and
    55, merged for 8 and 32); "merge" at 16/55 reproduces the released 15/54 blocks, "own" at
    8/32 gives 9/33.
    """
    n = units_per_stage
    ends: list[BlockEnd]
    if blocks == 1:
        return [(3, n - 1)]
    if blocks == 3 * n + 1:
        ends, default = [(s, i) for s in (1, 2, 3) for i in range(n)], "own"
    elif (n, blocks) == (5, 8):
        ends, default = list(_ENDS_RESNET32_K8), "merge"
    elif (n, blocks) == (18, 32):
        ends, default = list(_ENDS_RESNET110_K32), "merge"
    else:
        raise ValueError(f"no table for {blocks} blocks of ResNet-{6 * n + 2}; pass end points")
    return ["stem", *ends] if (stem or default) == "own" else ends


def cut(net: ResNet, ends: Sequence[BlockEnd]) -> list[list[Layer]]:
    """The layers of every block; the classifier always belongs to the last one."""
    blocks: list[list[Layer]] = [[]]
    remaining = list(ends)
    for layer in net.layers():
        if not remaining:
            raise ValueError(f"end points stop before {layer.name}")
        blocks[-1].append(layer)
        if layer.end == remaining[0]:
            remaining.pop(0)
            blocks.append([])
    if remaining:
        raise ValueError(f"no layer matches the end point {remaining[0]}")
    return blocks[:-1]


# ------------------------------------------------------------------ auxiliary networks


class Head(nn.Module):
    """InfoPro's classification head: one or two convolutions, global pool, two linear layers.

    Up to half resolution the first convolution halves the map and doubles the width; from a
    quarter on it keeps both.
    """

    def __init__(self, channels: int, ratio: int, classes: int, kind: HeadKind = "1c2f") -> None:
        super().__init__()
        stride, width = (2, 2 * channels) if ratio <= 2 else (1, channels)
        self.conv1 = conv3x3(channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        if kind == "2c2f":
            self.conv2 = conv3x3(width, width)
            self.bn2 = nn.BatchNorm2d(width)
        self.two = kind == "2c2f"
        self.hidden = nn.Linear(width, HIDDEN_FEATURES)
        self.output = nn.Linear(HIDDEN_FEATURES, classes)

    def forward(self, z: Tensor) -> Tensor:
        z = F.relu(self.bn1(self.conv1(z)))
        if self.two:
            z = F.relu(self.bn2(self.conv2(z)))
        return self.output(F.relu(self.hidden(z.mean(dim=(2, 3)))))


class Decoder(nn.Module):
    """InfoPro's decoder; returns the logits of the reconstructed picture, before the sigmoid."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, DECODER_CHANNELS, bias=True)
        self.bn = nn.BatchNorm2d(DECODER_CHANNELS)
        self.conv2 = conv3x3(DECODER_CHANNELS, 3, bias=True)

    def forward(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        if tuple(z.shape[2:]) != size:
            z = F.interpolate(z, size=size, mode="bilinear", align_corners=True)
        return self.conv2(F.relu(self.bn(self.conv1(z))))


class ImageNetHead(nn.Module):
    """InfoPro's head for ImageNet: four convolutions, global pool, one linear layer.

    `eighth`: the features are an eighth of the picture's size, else less.
    """

    def __init__(self, channels: int, eighth: bool, outputs: int) -> None:
        super().__init__()
        narrow = 128 if eighth else 256
        self.conv1 = nn.Conv2d(channels, narrow, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.conv2 = conv3x3(narrow, 256, 2)
        self.bn2 = nn.BatchNorm2d(256)
        self.conv3 = conv3x3(256, 512, 2)
        self.bn3 = nn.BatchNorm2d(512)
        self.conv4 = nn.Conv2d(512, 2048, 1, bias=False)
        self.bn4 = nn.BatchNorm2d(2048)
        self.output = nn.Linear(2048, outputs)

    def forward(self, z: Tensor) -> Tensor:
        for i in (1, 2, 3, 4):
            z = F.relu(self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(z)))
        return self.output(z.mean(dim=(2, 3)))


class ImageNetDecoder(nn.Module):
    """InfoPro's decoder for ImageNet: a convolution at each size, of which each is twice the one before."""

    def __init__(self, channels: int, eighth: bool) -> None:
        super().__init__()
        # Outputs, kernel, and by how much the picture is larger than what the convolution reads.
        plan = [(128, 1, 8)] if eighth else [(192, 1, 16), (64, 1, 8)]
        plan += [(32, 3, 4), (12, 3, 2), (3, 3, 1)]
        self.parts = [part for _, _, part in plan]
        for i, (outputs, kernel, part) in enumerate(plan, 1):
            self.add_module(f"conv{i}", nn.Conv2d(channels, outputs, kernel, padding=kernel // 2))
            if part > 1:
                self.add_module(f"bn{i}", nn.BatchNorm2d(outputs))
            channels = outputs

    def forward(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        for i, part in enumerate(self.parts, 1):
            if i > 1:
                target = tuple(math.ceil(length / part) for length in size)
                z = F.interpolate(z, size=target, mode="bilinear", align_corners=True)
            z = self.get_submodule(f"conv{i}")(z)
            if part > 1:
                z = F.relu(self.get_submodule(f"bn{i}")(z))
        return z


def count_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@dataclass(frozen=True)
class Normalisation:
    """Per-channel mean and standard deviation in units of 0..255."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def normalise(self, pixels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """uint8 pictures [n,c,h,w] to network input."""
        mean, std = self._constants(dtype)
        return (pixels.to(dtype) - mean) / std

    def pixels(self, images: Tensor) -> Tensor:
        """Network input back to pixel values in [0,1], clamped against rounding."""
        mean, std = self._constants(images.dtype)
        return (images * (std / 255.0) + mean / 255.0).clamp_(0.0, 1.0)

    def _constants(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        mean = torch.tensor(self.mean, dtype=torch.float64).to(dtype).view(1, 3, 1, 1)
        std = torch.tensor(self.std, dtype=torch.float64).to(dtype).view(1, 3, 1, 1)
        return mean, std


CIFAR10 = Normalisation(mean=(125.3, 123.0, 113.9), std=(63.0, 62.1, 66.7))
