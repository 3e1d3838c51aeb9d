"""torchvision's networks for ImageNet in the pieces that `methods.Learner` cuts, and their partitions."""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn

from models import BlockEnd, Layer

_FOUR: list[BlockEnd] = [(3, 0), (3, 9), (3, 17), (4, 2)]
ENDS: dict[tuple[str, int], list[BlockEnd]] = {
    ("resnet101", 2): [(2, 0), (4, 2)],
    ("resnet101", 4): _FOUR,
    ("resnet152", 2): [(2, 5), (4, 2)],
    ("resnet152", 4): _FOUR,
    ("resnext101_32x8d", 2): [(2, 0), (4, 2)],
    ("resnext101_32x8d", 4): _FOUR,
    ("vgg13_bn", 10): [(stage, i) for stage in range(1, 6) for i in range(2)],
}
"""The end point of every block."""


class ResidualNet(nn.Module):
    """A ResNet or ResNeXt."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.net = torchvision.models.get_model(network, weights=None)
        self.classes = 1000
        self.stem = nn.Sequential(self.net.conv1, self.net.bn1, self.net.relu, self.net.maxpool)

    def layers(self) -> list[Layer]:
        layers = [Layer("stem", "stem", self.stem, 64, 4)]
        for stage in (1, 2, 3, 4):
            units = self.net.get_submodule(f"layer{stage}")
            channels = 256 * 2 ** (stage - 1)
            for i, unit in enumerate(units):
                layers.append(Layer(f"stage{stage}.unit{i}", (stage, i), unit, channels, 2 ** (stage + 1)))
        return layers

    def classifier(self, x: Tensor) -> Tensor:
        return self.net.fc(self.net.avgpool(x).flatten(1))


class PlainNet(nn.Module):
    """A VGG with batch norm; a pooling belongs to the convolution behind it."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.net = torchvision.models.get_model(network, weights=None, dropout=0.0)
        self.classes = 1000
        self.units: list[list[nn.Module]] = [[]]
        for part in self.net.features:
            if isinstance(part, nn.Conv2d | nn.MaxPool2d) and any(
                isinstance(p, nn.ReLU) for p in self.units[-1]
            ):
                self.units.append([])
            self.units[-1].append(part)
        self.last_pool = self.units.pop()

    def layers(self) -> list[Layer]:
        layers: list[Layer] = []
        stage, i, ratio = 1, 0, 1
        for parts in self.units:
            if isinstance(parts[0], nn.MaxPool2d):
                stage, i, ratio = stage + 1, 0, 2 * ratio
            channels = next(part.out_channels for part in parts if isinstance(part, nn.Conv2d))
            layers.append(Layer(f"stage{stage}.unit{i}", (stage, i), nn.Sequential(*parts), channels, ratio))
            i += 1
        return layers

    def classifier(self, x: Tensor) -> Tensor:
        for part in self.last_pool:
            x = part(x)
        return self.net.classifier(torch.flatten(self.net.avgpool(x), 1))


def imagenet_net(network: str) -> ResidualNet | PlainNet:
    return PlainNet(network) if network.startswith("vgg") else ResidualNet(network)
