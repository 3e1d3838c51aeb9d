"""Logits of torchvision's networks and of ResNet-(6n+2), for test/parity/networks.long.test.ts.

    python network_logits.py --network resnet101 --damping 0.2 --out FOLDER

writes `weights.safetensors`, a state dict as PyTorch users write one, and `reference.safetensors`: pictures
[n,h,w,c]; logits in evaluation and in training mode and what training makes of the running statistics, in
float64 rounded once. Prints a JSON line about PyTorch's own float32: how far it is from float64.

All values are such that each matters. Weights are drawn as torchvision does; batch norms get weights in
0.5..1.5 and biases of deviation 0.1, convolutions' biases too, and the running statistics are those of other
pictures. `--damping` multiplies the weights of the last batch norm of every residual unit. Trained
networks have them small, and each unit changes its input a little; undamped, each unit adds about as much as
it is given, and rounding errors grow through fifty of them a hundredfold.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
from collections.abc import Callable
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from models import resnet

CIFAR = {"cifar_resnet20": 20, "cifar_resnet32": 32, "cifar_resnet110": 110}
LAST_NORM = re.compile(r"^(layer|stage)\d\.(unit)?\d+$")


def build(network: str) -> tuple[nn.Module, int]:
    """A network and the length of its pictures."""
    if network in CIFAR:
        return resnet(CIFAR[network]), 32
    # Dropout draws random numbers, which two programs do not share.
    options = {"dropout": 0.0} if network.startswith("vgg") else {}
    return torchvision.models.get_model(network, weights=None, **options), 224


def usual_name(name: str) -> str:
    """What networks for CIFAR call a weight of ours in `models.py`."""
    name = re.sub(r"^stem\.(conv|bn)\.", r"\g<1>1.", name)
    name = re.sub(r"^stage(\d)\.unit(\d+)\.", r"layer\1.\2.", name)
    name = name.replace(".shortcut.conv.", ".shortcut.0.").replace(".shortcut.bn.", ".shortcut.1.")
    return name.replace("classifier.linear.", "linear.")


def pictures(count: int, size: tuple[int, int]) -> Tensor:
    """Normalised pictures: coarse patches, and noise on them."""
    coarse = F.interpolate(torch.randn(count, 3, 8, 8), size=size, mode="bilinear")
    return coarse + 0.3 * torch.randn(count, 3, *size)


@torch.no_grad()
def fill(net: nn.Module, damping: float, size: tuple[int, int]) -> None:
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.uniform_(0.5, 1.5)
            part.bias.normal_(0.0, 0.1)
        elif isinstance(part, nn.Conv2d) and part.bias is not None:
            part.bias.normal_(0.0, 0.1)
    for name, unit in net.named_modules():
        if LAST_NORM.match(name) and hasattr(unit, "bn1"):
            (unit.bn3 if hasattr(unit, "bn3") else unit.bn2).weight.mul_(damping)
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    net.train()(pictures(8, size))
    for norm in norms:
        norm.momentum = 0.1


@torch.no_grad()
def logits(net: nn.Module, images: Tensor, training: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Of a copy, which training may change, and its running statistics."""
    net = copy.deepcopy(net).to(images.dtype)
    result = net.train(training)(images)
    return result, {name: buffer for name, buffer in net.named_buffers() if buffer.is_floating_point()}


def reference(
    net: nn.Module, images: Tensor, names: Callable[[str], str] = str
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Logits (`evaluation`, `training`) and running statistics behind training; float32's own distance."""
    tensors = {}
    own = {}
    for mode, training in (("evaluation", False), ("training", True)):
        truth, statistics = logits(net, images.double(), training)
        tensors[mode] = truth.float()
        single, _ = logits(net, images, training)
        own[mode] = (single.double() - truth).abs().max().item()
        if training:
            tensors |= {f"after.{names(name)}": value.float() for name, value in statistics.items()}
    return tensors, own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", required=True)
    parser.add_argument("--damping", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    net, length = build(args.network)
    fill(net, args.damping, (length, length))
    images = pictures(args.batch, (length, length))
    names = usual_name if args.network in CIFAR else str
    weights = {names(name): value for name, value in net.state_dict().items()}
    save_file(weights, args.out / "weights.safetensors")
    tensors, own = reference(net, images, names)
    save_file(
        tensors | {"images": images.permute(0, 2, 3, 1).contiguous()}, args.out / "reference.safetensors"
    )
    print(json.dumps({"float32": own, "torch": torch.__version__, "torchvision": torchvision.__version__}))


if __name__ == "__main__":
    main()
