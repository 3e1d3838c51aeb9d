r"""Losses of one training step on given pictures, for test/parity/imagenet-step.long.test.ts.

    python imagenet_step.py --network resnet101 --blocks 4 --man --folder FOLDER \
        --local '{"type": "dgl", "head": "auglocal"}'

reads from FOLDER `network.safetensors` (torchvision's names), `heads.safetensors` (`<block>.<name>`, in the
project's layouts) and `batch.safetensors` (`images` [n,h,w,c], `labels`), and prints a JSON line: the losses
of every block in the step (`losses`), those of the step behind it (`next`), and the most memory the process
took.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from imagenet_nets import ENDS, imagenet_net
from layouts import parameters
from losses import Dgl, LocalLoss, PredSim
from methods import BlockLoss, Learner, Man, Options


def local_of(recipe: dict[str, Any]) -> LocalLoss:
    options = {k: v for k, v in recipe.items() if k != "type"}
    return {"dgl": Dgl, "predsim": PredSim}[recipe["type"]](**options)


@torch.no_grad()
def fill(module: nn.Module, given: dict[str, Tensor]) -> None:
    """Copies tensors in the project's layouts; where an element goes is found by the conversion itself."""
    for name, value in module.named_parameters():
        places = torch.arange(value.numel(), dtype=torch.float64).view(value.shape)
        places = parameters(module, {name: places})[name].flatten().long()
        value.view(-1)[places] = given.pop(name).flatten()


def losses(step: list[BlockLoss]) -> list[dict[str, float]]:
    return [{name: value.item() for name, value in vars(loss).items() if value is not None} for loss in step]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", required=True)
    parser.add_argument("--blocks", type=int, required=True)
    parser.add_argument("--ends", type=json.loads, help="stage and unit that end each block")
    parser.add_argument("--local", type=json.loads, required=True)
    parser.add_argument("--man", action="store_true")
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args()
    net = imagenet_net(args.network)
    net.net.load_state_dict(load_file(args.folder / "network.safetensors"))
    options = Options(
        local=local_of(args.local),
        man=Man() if args.man else None,
        learning_rate=args.learning_rate,
        image_size=224,
    )
    ends = [(stage, unit) for stage, unit in args.ends] if args.ends else ENDS[args.network, args.blocks]
    learner = Learner(net, ends, options)
    heads = load_file(args.folder / "heads.safetensors")
    for block, aux in enumerate(learner.aux):
        own = nn.ModuleDict({k: v for k, v in aux.named_children() if k not in ("ema", "bias")})
        fill(own, {k.removeprefix(f"{block}."): v for k, v in heads.items() if k.startswith(f"{block}.")})
    batch = load_file(args.folder / "batch.safetensors")
    images = batch["images"].permute(0, 3, 1, 2).contiguous()
    steps = [losses(learner.step(images, batch["labels"].long())) for _ in range(2)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"losses": steps[0], "next": steps[1], "peakBytes": peak}))


if __name__ == "__main__":
    main()
