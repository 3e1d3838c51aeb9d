"""Writes test/parity/fixtures/totals.json: how many values whole trainers hold, by PyTorch's modules.

    python total_fixtures.py [--out FILE]

For each network, partition, local loss and with and without MAN: `trained`, what the optimiser moves
(network, heads, branches), and `averaged`, what follows by moving average. The networks for ImageNet are
torchvision's.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from files import write_atomically
from imagenet_nets import ENDS, imagenet_net
from losses import Dgl, InfoProMode, LocalLoss, PredSim
from methods import INFOPRO_CIFAR10, Learner, Man, Options
from models import BlockEnd, HeadKind, block_ends, resnet

DEFAULT_OUT = Path(__file__).resolve().parents[2] / "test" / "parity" / "fixtures" / "totals.json"
SMALL = [("resnet32", 8), ("resnet32", 16), ("resnet110", 32), ("resnet110", 55)]
LOCAL: list[LocalLoss] = [Dgl("auglocal"), Dgl("original"), Dgl("manpp"), PredSim(), PredSim(target=4096)]
LARGE: list[LocalLoss] = [Dgl("auglocal"), Dgl("original"), PredSim()]


@dataclass(frozen=True)
class Case:
    network: str
    blocks: int
    loss: dict[str, Any]
    man: bool
    options: Options


def with_and_without_man(network: str, blocks: int, loss: dict[str, Any], **options: Any) -> list[Case]:
    return [
        Case(network, blocks, loss, man is not None, Options(man=man, **options)) for man in (None, Man())
    ]


def infopro(
    network: str, blocks: int, head: HeadKind, mode: InfoProMode = "softmax", **options: Any
) -> list[Case]:
    loss = {"type": "infopro", "head": head, "mode": mode}
    return with_and_without_man(
        network, blocks, loss, schedule=INFOPRO_CIFAR10, head=head, mode=mode, **options
    )


def cases() -> list[Case]:
    every = []
    for network, blocks in SMALL:
        heads: list[HeadKind] = ["1c2f", "2c2f"]
        for head in heads:
            every += infopro(network, blocks, head)
        every += infopro(network, blocks, "1c2f", mode="contrast")
        for local in LOCAL:
            every += with_and_without_man(network, blocks, recipe(local), local=local)
    for network, blocks in ENDS:
        for local in LARGE:
            every += with_and_without_man(network, blocks, recipe(local), local=local, image_size=224)
        every += infopro(network, blocks, "auto", image_size=224)
    return every


def recipe(local: LocalLoss) -> dict[str, Any]:
    return {"type": type(local).__name__.lower(), **asdict(local)}


def learner(case: Case) -> Learner:
    if (case.network, case.blocks) in ENDS:
        return Learner(imagenet_net(case.network), ENDS[case.network, case.blocks], case.options)
    depth = int(case.network.removeprefix("resnet"))
    ends: list[BlockEnd] = block_ends((depth - 2) // 6, case.blocks)
    return Learner(resnet(depth), ends, case.options)


def count(case: Case) -> dict[str, Any]:
    # On the meta device modules have shapes and no values.
    with torch.device("meta"):
        module: nn.Module = learner(case)
    values = {id(p): (p.numel(), p.requires_grad) for p in module.parameters()}
    trained = sum(n for n, is_trained in values.values() if is_trained)
    averaged = sum(n for n, is_trained in values.values() if not is_trained)
    return {
        "network": case.network,
        "blocks": case.blocks,
        "loss": case.loss,
        "man": case.man,
        "trained": trained,
        "averaged": averaged,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    args = parser.parse_args()
    lines = ",\n".join(f"  {json.dumps(count(case))}" for case in cases())
    source = f"tools/peer/total_fixtures.py, PyTorch {torch.__version__.split('+')[0]}"
    text = f'{{\n "source": {json.dumps(source)},\n "cases": [\n{lines}\n ]\n}}\n'
    write_atomically(args.out, text.encode())


if __name__ == "__main__":
    main()
