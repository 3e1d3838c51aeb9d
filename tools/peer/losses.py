"""Local losses of DGL, PredSim, InfoPro and AugLocal, with the networks they need, and supervised contrast.

Written from the descriptions of the methods, as an independent reference for the TypeScript packages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models import HIDDEN_FEATURES, BasicUnit, Decoder, Head, HeadKind, ImageNetDecoder, ImageNetHead

DglKind = Literal["auglocal", "original", "manpp"]


@dataclass(frozen=True)
class LossParts:
    """A local loss: what is minimised, and its unweighted terms by name."""

    total: Tensor
    terms: dict[str, Tensor]
    logits: Tensor | None


class FlattenedLinear(nn.Linear):
    """A linear layer behind a flattened map of `places` pixels.

    PyTorch flattens channels first, the project channels last: `layouts.py` reorders its inputs.
    """

    def __init__(self, channels: int, places: int, outputs: int, bias: bool = True) -> None:
        super().__init__(channels * places, outputs, bias=bias)
        self.channels = channels


# --------------------------------------------------------------------------------- DGL


class PointwiseUnit(nn.Module):
    """1x1 convolutions with batch norm and ReLU, three in a row."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        for i in (1, 2, 3):
            self.add_module(f"conv{i}", nn.Conv2d(inputs if i == 1 else outputs, outputs, 1, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(outputs))

    def pointwise(self, x: Tensor) -> Tensor:
        for i in (1, 2, 3):
            x = F.relu(self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(x)))
        return x


class Hidden(nn.Module):
    """Linear layer, batch norm over the batch, ReLU."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.bn = nn.BatchNorm1d(linear.out_features)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.linear(x)))


class DglHead(PointwiseUnit):
    """Pool, three 1x1 convolutions, pool, two or three hidden layers, output.

    "auglocal" has two hidden layers without bias, "original" three with; both pool to a quarter of the
    size and then to 2x2 (1x1 where the quarter is that small). "manpp" pools to 8x8 and then globally,
    and has fixed widths of 128 and 512.
    """

    def __init__(self, channels: int, size: int, classes: int, kind: DglKind = "auglocal") -> None:
        fixed = kind == "manpp"
        width = 128 if fixed else channels
        super().__init__(channels, width)
        self.first = 8 if fixed else math.ceil(size / 4)
        self.second = 1 if fixed else min(self.first, 2)
        features = width * self.second**2
        hidden = 512 if fixed else features
        self.layers = 2 if kind == "auglocal" else 3
        bias = kind != "auglocal"
        self.hidden1 = Hidden(FlattenedLinear(width, self.second**2, hidden, bias=bias))
        self.hidden2 = Hidden(nn.Linear(hidden, hidden, bias=bias))
        if self.layers == 3:
            self.hidden3 = Hidden(nn.Linear(hidden, hidden, bias=bias))
        self.output = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pointwise(F.adaptive_avg_pool2d(x, self.first))
        x = F.adaptive_avg_pool2d(x, self.second).flatten(1)
        for i in range(1, self.layers + 1):
            x = self.get_submodule(f"hidden{i}")(x)
        return self.output(x)


@dataclass(frozen=True)
class Dgl:
    """DGL's local loss: cross-entropy of its head."""

    head: DglKind = "auglocal"

    def parts(self, channels: int, size: int, classes: int) -> dict[str, nn.Module]:
        return {"head": DglHead(channels, size, classes, self.head)}

    def loss(self, parts: nn.Module, z: Tensor, labels: Tensor) -> LossParts:
        logits = parts.get_submodule("head")(z)
        loss = F.cross_entropy(logits, labels)
        return LossParts(loss, {"classification": loss}, logits)


# ----------------------------------------------------------------------------- PredSim


@dataclass(frozen=True)
class PoolPlan:
    """Average pooling in front of PredSim's prediction: window, zero padding, size of the result."""

    window: tuple[int, int]
    padding: tuple[int, int]
    result: tuple[int, int]


def plan_pooling(channels: int, size: int, target: int) -> PoolPlan:
    """Double the window's height, then its width, in turns until at most `target` features are left."""
    window = [1, 1]
    result = [size, size]
    axis = 0
    while channels * result[0] * result[1] > target and max(result) > 1:
        window[axis] *= 2
        result[axis] = math.ceil(size / window[axis])
        axis = 1 - axis
    padding = [w // 2 if size % w else 0 for w in window]
    return PoolPlan((window[0], window[1]), (padding[0], padding[1]), (result[0], result[1]))


class Prediction(nn.Module):
    """Average pooling and one linear layer."""

    def __init__(self, channels: int, size: int, classes: int, target: int, zero: bool) -> None:
        super().__init__()
        self.plan = plan_pooling(channels, size, target)
        self.linear = FlattenedLinear(channels, self.plan.result[0] * self.plan.result[1], classes)
        if zero:
            nn.init.zeros_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, self.plan.window, padding=self.plan.padding)
        return self.linear(x.flatten(1))


def similarity(x: Tensor) -> Tensor:
    """Cosines between examples: of their channels' spread, or of all values for three channels or one row."""
    if x.dim() == 4:
        x = x.flatten(2).std(dim=2) if x.shape[1] > 3 and x.shape[2] > 1 else x.flatten(1)
    x = x - x.mean(dim=1, keepdim=True)
    x = x / (1e-8 + x.square().sum(dim=1, keepdim=True).sqrt())
    return (x @ x.T).clamp(-1, 1)


@dataclass(frozen=True)
class PredSim:
    """PredSim's local loss: (1 - beta) prediction + beta similarity."""

    beta: float = 0.99
    target: int = 512
    zero: bool = False

    def parts(self, channels: int, size: int, classes: int) -> dict[str, nn.Module]:
        return {
            "prediction": Prediction(channels, size, classes, self.target, self.zero),
            "similarity": nn.ModuleDict({"conv": nn.Conv2d(channels, channels, 3, padding=1, bias=False)}),
        }

    def loss(self, parts: nn.Module, z: Tensor, labels: Tensor) -> LossParts:
        logits = parts.get_submodule("prediction")(z)
        classification = F.cross_entropy(logits, labels)
        targets = similarity(F.one_hot(labels, logits.shape[1]).to(z.dtype))
        likeness = F.mse_loss(similarity(parts.get_submodule("similarity.conv")(z)), targets)
        total = (1 - self.beta) * classification + self.beta * likeness
        return LossParts(total, {"classification": classification, "similarity": likeness}, logits)


# ---------------------------------------------------------------------------- contrast


def supervised_contrast(rows: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss of rows of length 1: a mean over all anchors."""
    scores = rows @ rows.T / temperature
    own = torch.eye(len(rows), dtype=torch.bool)
    likelihood = scores - scores.masked_fill(own, -math.inf).logsumexp(dim=1, keepdim=True)
    positives = (labels[:, None] == labels[None, :]) & ~own
    sums = likelihood.masked_fill(~positives, 0).sum(dim=1)
    return -(sums / positives.sum(dim=1).clamp(min=1)).mean()


# ----------------------------------------------------------------------------- InfoPro

InfoProMode = Literal["softmax", "contrast"]


@dataclass(frozen=True)
class InfoPro:
    """InfoPro's local loss of one block: reconstruction of the picture, and classification or contrast."""

    mode: InfoProMode = "softmax"
    head: HeadKind = "1c2f"
    reconstruction: float = 5.0
    classification: float = 0.5
    temperature: float = 0.07
    image_size: int = 32

    def parts(self, channels: int, size: int, classes: int) -> dict[str, nn.Module]:
        outputs = HIDDEN_FEATURES if self.mode == "contrast" else classes
        ratio = self.image_size // size
        if self.head == "auto" and ratio >= 8:
            eighth = ratio == 8
            return {
                "head": ImageNetHead(channels, eighth, outputs),
                "decoder": ImageNetDecoder(channels, eighth),
            }
        return {
            "head": Head(channels, ratio, outputs, self.head),
            "decoder": Decoder(channels),
        }

    def loss(self, parts: nn.Module, z: Tensor, labels: Tensor, pixels: Tensor) -> LossParts:
        rebuilt = parts.get_submodule("decoder")(z, (pixels.shape[2], pixels.shape[3]))
        reconstruction = F.binary_cross_entropy_with_logits(rebuilt, pixels)
        outputs = parts.get_submodule("head")(z)
        if self.mode == "contrast":
            term = supervised_contrast(F.normalize(outputs), labels, self.temperature)
        else:
            term = F.cross_entropy(outputs, labels)
        terms = {
            "reconstruction": reconstruction,
            "contrast" if self.mode == "contrast" else "classification": term,
        }
        total = self.reconstruction * reconstruction + self.classification * term
        return LossParts(total, terms, None if self.mode == "contrast" else outputs)


# ---------------------------------------------------------------------------- AugLocal


def half_up(x: float) -> int:
    """As the TypeScript rounds; Python, and so the authors' code, takes even numbers."""
    return math.floor(x + 0.5)


@dataclass(frozen=True)
class AugLocal:
    """AugLocal's loss behind unit `block` of a CIFAR-style ResNet that is cut behind every unit.

    Cross-entropy behind residual units as wide as those at evenly spread later places, which halve the map
    where they double the width.
    """

    network: int
    """Depth of the network, 6n+2."""
    width: int
    block: int
    """0 is the stem."""
    depth: int = 5
    pyramid: float = 0.5

    def widths(self) -> list[int]:
        """Of the units at the chosen places."""
        n = (self.network - 2) // 6
        every = [self.width] * (n + 1) + [2 * self.width] * n + [4 * self.width] * n
        left = len(every) - self.block - 1
        share = self.pyramid * self.block / (len(every) - 2)
        count = half_up(self.depth * (1 - share) + share)
        if count >= left:
            return every[self.block + 1 :]
        return [every[half_up(self.block + left / count * (i + 1))] for i in range(count)]

    def parts(self, channels: int, size: int, classes: int) -> dict[str, nn.Module]:
        parts: dict[str, nn.Module] = {}
        for i, outputs in enumerate(self.widths(), 1):
            if outputs > 2 * channels:
                raise ValueError("no unit of the network is four times as wide as its input")
            parts[f"unit{i}"] = BasicUnit(channels, outputs, 2 if outputs > channels else 1)
            channels = outputs
        if self.depth == 1:
            parts["bn"] = nn.BatchNorm1d(channels)
        return {**parts, "output": nn.Linear(channels, classes)}

    def loss(self, parts: nn.Module, z: Tensor, labels: Tensor) -> LossParts:
        named = dict(parts.named_children())
        for name, part in named.items():
            if name.startswith("unit"):
                z = part(z)
        z = z.mean(dim=(2, 3))
        logits = named["output"](named["bn"](z) if "bn" in named else z)
        loss = F.cross_entropy(logits, labels)
        return LossParts(loss, {"classification": loss}, logits)


LocalLoss = Dgl | PredSim | InfoPro | AugLocal


def loss_of(local: LocalLoss, parts: nn.Module, z: Tensor, labels: Tensor, pixels: Tensor) -> LossParts:
    """Any of the local losses; only InfoPro's looks at the pictures, which are in [0, 1]."""
    if isinstance(local, InfoPro):
        return local.loss(parts, z, labels, pixels)
    return local.loss(parts, z, labels)
