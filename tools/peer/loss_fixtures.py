"""Writes test/parity/fixtures/losses.json: local losses with weights and features that a formula gives.

    python loss_fixtures.py [--out FILE]

Weights and features are too many to store at the networks' real widths, so both sides compute them. In the
project's layout element i of the tensor number t, counted in the order of `tensors`, is

    scale * (2 * fraction(43758.5453 * sin(12.9898 * (i + 1) + t)) - 1) + offset

which looks random, so that means over it differ; the features come behind the last tensor, and behind those
the pictures, in [0, 1]. The numbers are those of float64, and the script refuses a case that PyTorch's
float32 is off by more than `LIMIT`.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from files import write_atomically
from layouts import activation, parameters
from losses import AugLocal, Dgl, InfoPro, LocalLoss, PredSim, loss_of

DEFAULT_OUT = Path(__file__).resolve().parents[2] / "test" / "parity" / "fixtures" / "losses.json"
LIMIT = 1e-4
BATCH = 16
SHOWN = 5

Case = tuple[LocalLoss, tuple[int, int], int]
"""Loss, (size, channels) of the features, number of classes."""

CASES: list[Case] = [
    *((Dgl(kind), shape, 10) for kind in ("auglocal", "original", "manpp") for shape in ((32, 16), (8, 64))),
    (Dgl("auglocal"), (24, 64), 10),
    (Dgl("original"), (14, 32), 100),
    (Dgl("auglocal"), (4, 16), 10),
    (Dgl("manpp"), (7, 16), 10),
    *((PredSim(), shape, 10) for shape in ((32, 16), (16, 32), (8, 64))),
    (PredSim(zero=True), (24, 64), 10),
    (PredSim(target=4096), (32, 16), 10),
    (PredSim(beta=0.5, target=64), (7, 16), 100),
    (PredSim(), (1, 16), 10),
    *(
        (InfoPro(mode), shape, 10)
        for mode in ("softmax", "contrast")
        for shape in ((32, 16), (16, 32), (8, 64))
    ),
    (InfoPro("softmax", "2c2f"), (16, 32), 10),
    (InfoPro("contrast", "2c2f", image_size=24, temperature=0.1), (6, 8), 100),
    (InfoPro("softmax", "auto", image_size=32), (4, 32), 100),
    (InfoPro("contrast", "auto", image_size=48), (3, 48), 10),
    (AugLocal(20, 4, 0), (8, 4), 10),
    (AugLocal(20, 4, 4, depth=2), (4, 8), 10),
    (AugLocal(20, 8, 6, depth=1), (4, 16), 10),
    (AugLocal(14, 4, 5, pyramid=0.0), (2, 16), 100),
]


def filled(shape: tuple[int, ...], turn: int, scale: float, offset: float = 0.0) -> Tensor:
    """The formula, in the project's layout."""
    i = torch.arange(math.prod(shape), dtype=torch.float64)
    noise = 43758.5453 * torch.sin(12.9898 * (i + 1) + turn)
    return (scale * (2 * (noise - noise.floor()) - 1) + offset).float().view(shape)


def fill_of(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Scale and offset: weights as large as theirs usually are, batch norms around 1."""
    if name.endswith("bias"):
        return 0.1, 0.0
    if len(shape) == 1:
        return 0.2, 1.0
    return math.sqrt(4 / math.prod(shape[:-1])), 0.0


def filled_parts(local: LocalLoss, size: int, channels: int, classes: int) -> tuple[nn.ModuleDict, list[Any]]:
    """The loss's modules with the formula's weights, and the list of what was filled."""
    parts = nn.ModuleDict(local.parts(channels, size, classes))
    listed = []
    with torch.no_grad():
        for turn, (name, value) in enumerate(parts.named_parameters()):
            # Where an element goes is found by the conversion itself, applied to the elements' places.
            places = torch.arange(value.numel(), dtype=torch.float64).view(value.shape)
            own = parameters(parts, {name: places})[name]
            scale, offset = fill_of(name, tuple(own.shape))
            value.view(-1)[own.flatten().long()] = filled(tuple(own.shape), turn, scale, offset).flatten()
            listed.append({"name": name, "shape": list(own.shape), "scale": scale, "offset": offset})
    return parts, listed


def run(
    local: LocalLoss, parts: nn.Module, features: Tensor, labels: Tensor, pixels: Tensor
) -> dict[str, Any]:
    """Loss, terms, logits of the first example, and the slopes of the features and of every parameter."""
    z = features.clone().requires_grad_()
    named = dict(parts.named_parameters())
    result = loss_of(local, parts, z, labels, pixels)
    slopes = torch.autograd.grad(result.total, [z, *named.values()])
    weights = parameters(parts, dict(zip(named, slopes[1:], strict=True)))
    return {
        "total": result.total.item(),
        "terms": {name: value.item() for name, value in result.terms.items()},
        "logits": None if result.logits is None else result.logits[0].tolist(),
        "slopes": {k: summary(v) for k, v in {"features": activation(slopes[0]), **weights}.items()},
    }


def summary(slope: Tensor) -> list[float]:
    """Its length, and its first elements: enough to tell an error in any of them."""
    return [slope.norm().item(), *slope.flatten()[:SHOWN].tolist()]


def numbers(entry: dict[str, Any]) -> list[tuple[float, float]]:
    """Every number of a result with the size it is compared at.

    That is at least 0.1: the slope of a bias in front of a batch norm is zero but for rounding.
    """
    vectors = [
        [entry["total"]],
        *([v] for v in entry["terms"].values()),
        entry["logits"] or [],
        *entry["slopes"].values(),
    ]
    return [(x, max(0.1, *(abs(y) for y in v))) for v in vectors for x in v]


def build(case: Case) -> dict[str, Any]:
    local, (size, channels), classes = case
    parts, listed = filled_parts(local, size, channels, classes)
    features = filled((BATCH, size, size, channels), len(listed), 1.0, 0.5)
    labels = torch.arange(BATCH) * 3 % classes % 10
    image_size = local.image_size if isinstance(local, InfoPro) else 32
    pixels = filled((BATCH, image_size, image_size, 3), len(listed) + 1, 0.5, 0.5)
    x, targets = (v.permute(0, 3, 1, 2).contiguous() for v in (features, pixels))
    parts.train()
    single = run(local, parts, x, labels, targets)
    double = run(local, parts.double(), x.double(), labels, targets.double())
    gap = max(abs(a - b) / size for (a, size), (b, _) in zip(numbers(double), numbers(single), strict=True))
    name = f"{type(local).__name__.lower()} {'-'.join(str(v) for v in asdict(local).values())}"
    print(f"{name}, {size}x{size}x{channels}: float32 is off by {gap:.1e}")
    if gap > LIMIT:
        raise AssertionError(f"{name} is ill conditioned")
    return {
        "local": {"type": type(local).__name__.lower(), **asdict(local)},
        "featureShape": [size, size, channels],
        "classes": classes,
        "labels": labels.tolist(),
        "features": {"scale": 1.0, "offset": 0.5},
        "tensors": listed,
        **double,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases = [build(case) for case in CASES]
    source = f"tools/peer/loss_fixtures.py, PyTorch {torch.__version__.split('+')[0]}"
    write_atomically(args.out, (json.dumps({"source": source, "cases": cases}, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
