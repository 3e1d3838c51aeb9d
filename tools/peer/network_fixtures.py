"""Writes test/parity/fixtures/networks: narrow networks of torchvision's parts with their logits.

    python network_fixtures.py

Of each network the weights (`<name>.safetensors`, a state dict) and in `<name>.logits.safetensors` the logits
and running statistics as network_logits.py has them; `pictures.safetensors` are all the pictures, [n,h,w,c].
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.vgg import VGG, make_layers
from torchvision.models.vision_transformer import VisionTransformer

from files import write_atomically
from network_logits import fill, pictures, reference

OUT = Path(__file__).parents[2] / "test/parity/fixtures/networks"
CLASSES = 5


class Narrow(nn.Module):
    """torchvision's residual network of another width."""

    def __init__(
        self, block: type[BasicBlock | Bottleneck], units: list[int], width: int, **options: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = width
        for stage, count in enumerate(units):
            planes = width * 2**stage
            layer = nn.Sequential()
            for i in range(count):
                stride = 2 if stage > 0 and i == 0 else 1
                outputs = planes * block.expansion
                downsample = None
                if stride != 1 or channels != outputs:
                    conv = nn.Conv2d(channels, outputs, 1, stride=stride, bias=False)
                    downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))
                layer.append(block(channels, planes, stride, downsample, **options))
                channels = outputs
            self.add_module(f"layer{stage + 1}", layer)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.children():
            x = part(x)
        return x


def vgg11(width: int, hidden: int) -> VGG:
    """torchvision's VGG-11 with batch norm, of another width."""
    sizes = [1, "M", 2, "M", 4, 4, "M", 8, 8, "M", 8, 8, "M"]
    plan = [size if size == "M" else width * size for size in sizes]
    net = VGG(make_layers(plan, batch_norm=True), num_classes=CLASSES, dropout=0.0)
    for place, (inputs, outputs) in enumerate(
        [(8 * width * 49, hidden), (hidden, hidden), (hidden, CLASSES)]
    ):
        net.classifier[3 * place] = nn.Linear(inputs, outputs)
    return net


class NarrowVit(VisionTransformer):
    """torchvision's vision transformer, for pictures that need not be square."""

    def __init__(self, width: int) -> None:
        super().__init__(
            image_size=48,
            patch_size=8,
            num_layers=2,
            num_heads=2,
            hidden_dim=width,
            mlp_dim=4 * width,
            num_classes=CLASSES,
        )
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(1, 1 + 8 * 6, width))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(0.3 * torch.randn_like(parameter) + (parameter == 1))

    def _process_input(self, x: Tensor) -> Tensor:
        return self.conv_proj(x).flatten(2).transpose(1, 2)


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(1)
    found: dict[str, nn.Module] = {
        "resnet18": Narrow(BasicBlock, [2, 2, 2, 2], 2),
        "resnet50": Narrow(Bottleneck, [3, 4, 6, 3], 2),
        # Of width 2, and two groups of two channels in the first stage.
        "resnext50": Narrow(Bottleneck, [3, 4, 6, 3], 2, groups=2, base_width=64),
        "vgg11": vgg11(2, 8),
    }
    # Not to change what the others draw.
    with torch.random.fork_rng():
        return found | {"vit": NarrowVit(8)}


def main() -> None:
    torch.manual_seed(2)
    images = pictures(3, (64, 48))
    write_atomically(OUT / "pictures.safetensors", save({"images": images.permute(0, 2, 3, 1).contiguous()}))
    for name, net in networks().items():
        fill(net, 0.2, (64, 48))
        tensors, own = reference(net, images)
        if max(own.values()) > 1e-5:
            raise RuntimeError(f"{name}: PyTorch's float32 is off by {own}")
        weights = {key: value for key, value in net.state_dict().items() if "num_batches" not in key}
        write_atomically(OUT / f"{name}.safetensors", save(weights))
        write_atomically(OUT / f"{name}.logits.safetensors", save(tensors))


if __name__ == "__main__":
    main()
