"""End-to-end training and local losses, without and with the Momentum Auxiliary Network.

One iteration (the specification):

    h = input
    for j = 1..K-1:
        h = f_j(stop_grad(h));  z = B_j(h) + E_j(h)
        backward(local_loss(heads_j, z, y, image))      # touches theta_j, b_j, heads_j only
    backward(CE(classifier(f_K(stop_grad(h))), y))
    sgd_step(all trainable);  for j < K: gamma_j = m gamma_j + (1-m) theta_{j+1,first}
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from losses import InfoPro, InfoProMode, LocalLoss, loss_of
from models import CIFAR10, BlockEnd, HeadKind, Layer, Normalisation, ResNet, cut, initialise

# --------------------------------------------------------------------------- schedules


@dataclass(frozen=True)
class Schedule:
    """Weights of InfoPro's two losses, linear from (a1, a2) at block 1 to (b1, b2) at K-1."""

    a1: float
    a2: float
    b1: float
    b2: float
    ratio: Literal["block", "next-stage"] = "block"
    """"block": i/(K-2), InfoPro's. "next-stage": (stage of the next unit)/(K-2), the released MAN's."""

    def weights(self, blocks: Sequence[Sequence[Layer]]) -> list[tuple[float, float]]:
        """(reconstruction weight, classification weight) for each of the first K-1 blocks."""
        return [self._at(self._ratio(i, blocks)) for i in range(len(blocks) - 1)]

    def _ratio(self, i: int, blocks: Sequence[Sequence[Layer]]) -> float:
        if len(blocks) == 2:
            return 0.0
        step = i if self.ratio == "block" else blocks[i + 1][0].stage
        return step / (len(blocks) - 2)

    def _at(self, r: float) -> tuple[float, float]:
        return self.a1 * (1 - r) + self.b1 * r, self.a2 * (1 - r) + self.b2 * r


INFOPRO_CIFAR10 = Schedule(5.0, 0.05, 0.2, 0.5)
MAN_RELEASE = Schedule(5.0, 0.5, 0.0, 0.0, ratio="next-stage")


def cifar_learning_rate(epoch: int, initial: float, epochs: int = 400) -> float:
    """Cosine decay for epoch 1..epochs with the 10-epoch blend from 0.01 at the start."""
    cosine = 0.5 * initial * (1 + math.cos(math.pi * epoch / epochs))
    if epoch > 10:
        return cosine
    return cosine * (epoch - 1) / 10 + 0.01 * (11 - epoch) / 10


# ----------------------------------------------------------------------------- options


@dataclass(frozen=True)
class Man:
    """Options of the Momentum Auxiliary Network."""

    momentum: float = 0.995
    ema: bool = True
    bias: bool = True
    init: Literal["copy", "independent"] = "copy"
    order: Literal["after-step", "before-step"] = "after-step"
    gated: bool = False
    """Mix as s*B + (2-s)*E with one learnable s per block, starting at 1, instead of B + E."""


@dataclass(frozen=True)
class Options:
    """What to train with; neither `schedule` (InfoPro) nor `local` means end to end (one block)."""

    schedule: Schedule | None = None
    local: LocalLoss | None = None
    man: Man | None = None
    head: HeadKind = "1c2f"
    mode: InfoProMode = "softmax"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    fused_optimizer: bool = False
    normalisation: Normalisation = field(default=CIFAR10)
    image_size: int = 32

    @property
    def is_local(self) -> bool:
        return self.schedule is not None or self.local is not None

    def local_loss(self, weights: tuple[float, float] = (0.0, 0.0)) -> LocalLoss:
        """The loss of a block, with InfoPro's weights there."""
        return self.local or InfoPro(self.mode, self.head, *weights, image_size=self.image_size)


@dataclass(frozen=True)
class BlockLoss:
    """Losses of one block, detached; the parts are unweighted."""

    total: Tensor
    classification: Tensor | None = None
    reconstruction: Tensor | None = None
    contrast: Tensor | None = None
    similarity: Tensor | None = None


# ----------------------------------------------------------------------------- modules


class Auxiliary(nn.Module):
    """Everything attached to one block but the last: branches, and the parts of the local loss."""

    def __init__(self, last: Layer, following: Layer, classes: int, options: Options) -> None:
        super().__init__()
        man = options.man
        branches = man is not None and (man.ema or man.bias)
        site = following if branches else last
        size = options.image_size // site.ratio
        for name, part in options.local_loss().parts(site.channels, size, classes).items():
            self.add_module(name, part)
        initialise(self)
        if man is None:
            return
        if man.ema:
            self.ema = _branch(following.module, man).requires_grad_(False)
        if man.bias:
            self.bias = _branch(following.module, man)
        if man.gated and man.ema and man.bias:
            self.mix = nn.Parameter(torch.ones(()))

    def features(self, h: Tensor) -> Tensor:
        """z_j, what the local loss is of."""
        has_ema, has_bias = hasattr(self, "ema"), hasattr(self, "bias")
        if has_ema and has_bias:
            if hasattr(self, "mix"):
                return self.mix * self.bias(h) + (2 - self.mix) * self.ema(h)
            return self.bias(h) + self.ema(h)
        if has_ema:
            return self.ema(h)
        return self.bias(h) if has_bias else h


def _branch(layer: nn.Module, man: Man) -> nn.Module:
    branch = copy.deepcopy(layer)
    if man.init == "independent":
        initialise(branch)
    return branch


@torch.no_grad()
def move_average(average: Iterable[Tensor], source: Iterable[Tensor], momentum: float) -> None:
    """average = momentum * average + (1 - momentum) * source, for parameters, never for buffers."""
    for a, s in zip(average, source, strict=True):
        a.mul_(momentum).add_(s, alpha=1 - momentum)


# ----------------------------------------------------------------------------- trainer


class Learner(nn.Module):
    """A backbone cut into blocks with their auxiliary networks and one SGD over all of them."""

    def __init__(self, net: ResNet, ends: Sequence[BlockEnd], options: Options | None = None) -> None:
        super().__init__()
        self.options = options = options or Options()
        self.net = net
        self.blocks = cut(net, ends)
        if not options.is_local and len(self.blocks) > 1:
            raise ValueError("more than one block needs a local loss")
        self.loss_weights = options.schedule.weights(self.blocks) if options.schedule else []
        self.aux = nn.ModuleList(
            Auxiliary(block[-1], following[0], net.classes, options)
            for block, following in zip(self.blocks, self.blocks[1:], strict=False)
        )
        self.optimizer = torch.optim.SGD(
            self.parameters(),
            lr=options.learning_rate,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
            nesterov=True,
            fused=options.fused_optimizer,
        )

    def step(self, images: Tensor, labels: Tensor) -> list[BlockLoss]:
        """One iteration over all blocks; returns the losses from before the update."""
        self.train()
        self.optimizer.zero_grad(set_to_none=True)
        man = self.options.man
        pixels = self.options.normalisation.pixels(images) if len(self.aux) else images
        losses = []
        h = images
        for j in range(len(self.aux)):
            h = self.forward_block(j, h.detach())
            loss = self.local_loss(j, h, pixels, labels)
            loss.total.backward()
            losses.append(detached(loss))
            if man is not None and man.order == "before-step":
                self.update_average(j)
        loss = self.final_loss(h.detach(), labels)
        loss.total.backward()
        losses.append(detached(loss))
        self.optimizer.step()
        if man is not None and man.order == "after-step":
            for j in range(len(self.aux)):
                self.update_average(j)
        return losses

    def forward_block(self, j: int, x: Tensor) -> Tensor:
        for layer in self.blocks[j]:
            x = layer.module(x)
        return x

    def local_loss(self, j: int, h: Tensor, pixels: Tensor, labels: Tensor) -> BlockLoss:
        """The local loss of block j < K-1 (zero-based)."""
        aux = self.aux[j]
        z = aux.features(h)
        weights = self.loss_weights[j] if self.loss_weights else (0.0, 0.0)
        loss = loss_of(self.options.local_loss(weights), aux, z, labels, pixels)
        return BlockLoss(loss.total, **loss.terms)

    def final_loss(self, x: Tensor, labels: Tensor) -> BlockLoss:
        """Plain cross-entropy of the last block."""
        logits = self.net.classifier(self.forward_block(len(self.blocks) - 1, x))
        loss = F.cross_entropy(logits, labels)
        return BlockLoss(loss, loss)

    def update_average(self, j: int) -> None:
        """Move E_j towards the first layer of the next block."""
        man = self.options.man
        if man is not None and man.ema:
            source = self.blocks[j + 1][0].module
            move_average(self.aux[j].ema.parameters(), source.parameters(), man.momentum)


def detached(loss: BlockLoss) -> BlockLoss:
    return BlockLoss(**{name: value.detach() for name, value in vars(loss).items() if value is not None})
