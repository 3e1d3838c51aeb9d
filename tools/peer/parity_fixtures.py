"""Writes the reference runs that the trainer is compared with, step by step.

    python parity_fixtures.py [--data FOLDER] [--out ../../test/parity/fixtures]

A narrow ResNet-8 (own stem block, so K=4) is trained for five steps with every method from the same
initial weights. Two picture sets:

* `synthetic/`: 12x12 pictures made here and stored, so that the comparison runs everywhere;
* `cifar10/`: real pictures, only with --data (a folder that holds `cifar-10-batches-bin/`). The
  pictures are not stored: `run.json` names the records and their SHA-256.

Each set has `run.json` (recipe, losses of every block in every step) and `final.<method>.safetensors`
(everything after the last step). `initial.*.safetensors` beside them hold the starting point. All
tensors are float32 in the project's layouts. The numbers are those of a float64 run, rounded; the
same run in float32, with oneDNN's kernels and with PyTorch's own, must agree within the limits of
the setup, and the distance is noted in `run.json`.
An activation that is zero but for rounding switches ReLU's gradient on or off and moves a momentum
by 1e-3 and more (`margin.py`). So pictures and batches are small, which leaves fewer activations, and
they were picked by one criterion only, the distance of the nearest activation from zero:
`--search N` tries N seeds, or with --data N places in the file, and prints the best. The script
refuses to keep the final state of a method that comes nearer than the setup's `margin_limit`. At full
size nothing can prevent it.

The recipe differs from the published one where that makes mistakes visible within five steps: EMA
momentum 0.9 (with 0.995 the two update orders could hardly be told apart) and weight decay 0.01.

--full writes one set for ResNet-32, K=16, batch 32 to --out instead; it is too large to commit. It has
InfoPro and MAN only: at that depth end-to-end training from scratch is chaotic. Changing its initial
weights by one part in 10^7 changes the loss by 1e-2 after five steps even in float64 and at rate 0.001,
so no two implementations could agree; local losses, whose gradients cross one unit, agree to 2e-5.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from files import read_cifar10, write_atomically, write_safetensors
from layouts import activation, parameters
from losses import Dgl, LocalLoss, PredSim
from margin import ActivationMargin, TooNear
from methods import INFOPRO_CIFAR10, BlockLoss, Learner, Man, Options
from models import BlockEnd, block_ends, resnet

DEFAULT_OUT = Path(__file__).resolve().parents[2] / "test" / "parity" / "fixtures"
SIZE_LIMIT = 2_500_000
STEPS = 5
COMPARED_WITHIN = 1e-3
"""What the trainer's final state may differ from ours, relative to a tensor's largest element."""
SEED = 1
SYNTHETIC_SEED = 55
CIFAR_FIRST_RECORD = 1044
REAL_FINAL = "man-after-step"
SHOWN = 5
CIFAR_FILE = "cifar-10-batches-bin/data_batch_1.bin"


@dataclass(frozen=True)
class Setup:
    """Network and batch of one fixture."""

    depth: int
    width: int
    blocks: int
    image_size: int
    batch: int
    learning_rate: float
    loss_limit: float
    """How far PyTorch's own float32 losses may be off, relative."""
    state_limit: float
    """How far PyTorch's own float32 final state may be off, relative to a tensor's largest element."""
    margin_limit: float
    """How near to zero an activation of a method whose final state is kept may come."""


SMALL = Setup(
    8,
    width=4,
    blocks=4,
    image_size=12,
    batch=8,
    learning_rate=0.05,
    loss_limit=1e-5,
    state_limit=1e-4,
    margin_limit=3e-6,
)
REAL = replace(SMALL, image_size=32, batch=4)
FULL = Setup(
    32,
    width=16,
    blocks=16,
    image_size=32,
    batch=32,
    learning_rate=0.02,
    loss_limit=1e-4,
    state_limit=math.inf,  # some activation is always within rounding of zero; run.json notes the distance
    margin_limit=0.0,
)


@dataclass(frozen=True)
class Method:
    """One way to train; `initial` names the file with its auxiliary networks."""

    name: str
    options: Options
    initial: str | None
    keep_final: bool = True
    label_divisor: int = 1
    """2 makes one label of each two, so that a small batch has pictures that are alike."""


@dataclass(frozen=True)
class Pictures:
    """uint8 pictures [steps,n,3,size,size], labels [steps,n] and where they come from."""

    name: str
    images: Tensor
    labels: Tensor
    origin: dict[str, Any]
    stored: bool


# ---------------------------------------------------------------------------- recipes


def methods(setup: Setup) -> list[Method]:
    plain = Options(learning_rate=setup.learning_rate, weight_decay=0.01, image_size=setup.image_size)
    infopro = replace(plain, schedule=INFOPRO_CIFAR10)
    # Statistics over so few pictures make large slopes: at the full rate float32 itself is off by 1e-5.
    dgl = replace(plain, local=Dgl(), learning_rate=setup.learning_rate * 0.4)
    predsim = replace(plain, local=PredSim(), learning_rate=setup.learning_rate * 0.25)
    contrast = replace(infopro, mode="contrast")
    man = Man(momentum=0.9)

    def with_man(**changes: Any) -> Options:
        return replace(infopro, man=replace(man, **changes))

    return [
        Method("end-to-end", plain, None),
        Method("infopro", infopro, "infopro"),
        Method("man-after-step", with_man(), "man"),
        Method("man-before-step", with_man(order="before-step"), "man"),
        Method("man-ema-only", with_man(bias=False), "man", keep_final=False),
        Method("man-bias-only", with_man(ema=False), "man", keep_final=False),
        Method("man-gated", with_man(gated=True), "man", keep_final=False),
        Method("dgl", dgl, "dgl", keep_final=False),
        Method("dgl-man", replace(dgl, man=man), "dgl-man", keep_final=False),
        Method("predsim", predsim, "predsim", keep_final=False),
        Method("predsim-man", replace(predsim, man=man), "predsim-man", keep_final=False),
        Method("contrast", contrast, "contrast", keep_final=False, label_divisor=2),
    ]


def build(setup: Setup, method: Method) -> Learner:
    """The learner at its starting point, the same for every method that shares a file."""
    torch.manual_seed(SEED)
    net = resnet(setup.depth, setup.width)
    return Learner(net, ends(setup, method), method.options)


def ends(setup: Setup, method: Method) -> list[BlockEnd]:
    return block_ends((setup.depth - 2) // 6, setup.blocks if method.options.is_local else 1)


def recipe(method: Method, learner: Learner) -> dict[str, Any]:
    options = method.options
    return {
        "optimizer": {
            "learningRate": options.learning_rate,
            "momentum": options.momentum,
            "nesterov": True,
            "weightDecay": options.weight_decay,
        },
        "blocks": [[layer.name for layer in block] for block in learner.blocks],
        "head": options.head if options.schedule else None,
        "mode": options.mode if options.schedule else None,
        "schedule": asdict(options.schedule) if options.schedule else None,
        "local": local_recipe(options.local) if options.local else None,
        "lossWeights": [{"reconstruction": r, "classification": c} for r, c in learner.loss_weights],
        "man": asdict(options.man) if options.man else None,
    }


def local_recipe(local: LocalLoss) -> dict[str, Any]:
    return {"type": type(local).__name__.lower(), **asdict(local)}


# ---------------------------------------------------------------------------- pictures


def synthetic_pictures(setup: Setup, seed: int = SYNTHETIC_SEED) -> Pictures:
    """Smooth coloured waves with a bright box whose place depends on the label."""
    generator = torch.Generator().manual_seed(seed)
    size, count = setup.image_size, STEPS * setup.batch
    labels = torch.arange(count) * 7 % 10
    grid = torch.arange(size) / size
    rows, columns = grid.view(1, 1, size, 1), grid.view(1, 1, 1, size)
    frequency = torch.randint(1, 5, (2, count, 1, 1, 1), generator=generator)
    phase = torch.rand(count, 3, 1, 1, generator=generator)
    tint = torch.rand(count, 3, 1, 1, generator=generator)
    wave = torch.cos(2 * torch.pi * (frequency[0] * rows + frequency[1] * columns + phase))
    image = 0.2 + 0.5 * tint + 0.2 * wave + 0.05 * torch.randn(count, 3, size, size, generator=generator)
    for i, label in enumerate(labels.tolist()):
        top, left = 2 + 16 * (label // 5), 1 + 6 * (label % 5)
        corners = (round(edge * size / 32) for edge in (top, top + 10, left, left + 6))
        first_row, last_row, first_column, last_column = corners
        image[i, label % 3, first_row:last_row, first_column:last_column] += 0.4
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    shape = (STEPS, setup.batch)
    return Pictures(
        "synthetic",
        pixels.view(*shape, 3, size, size),
        labels.view(shape),
        {"file": "batches.safetensors"},
        stored=True,
    )


def real_pictures(data: Path, setup: Setup, first: int = CIFAR_FIRST_RECORD) -> Pictures:
    """Consecutive records of CIFAR-10's first training file, in order."""
    count = STEPS * setup.batch
    pixels, labels = read_cifar10(data / CIFAR_FILE, first, count)
    digest = hashlib.sha256(activation(pixels).contiguous().numpy().tobytes()).hexdigest()
    origin = {"file": CIFAR_FILE, "firstRecord": first, "records": count, "pixelsSha256": digest}
    shape = (STEPS, setup.batch)
    return Pictures("cifar10", pixels.view(*shape, 3, 32, 32), labels.view(shape), origin, stored=False)


# -------------------------------------------------------------------------------- runs


def state(learner: Learner) -> dict[str, Tensor]:
    """Every parameter and running statistic by name, in the project's layouts."""
    return parameters(learner.net) | {f"aux.{k}": v for k, v in parameters(learner.aux).items()}


def momentum_buffers(learner: Learner) -> dict[str, Tensor]:
    """SGD's velocity of every parameter that has had a gradient, as `momentum/<name>`."""

    def velocities(module: nn.Module) -> dict[str, Tensor]:
        states = {k: learner.optimizer.state[p].get("momentum_buffer") for k, p in module.named_parameters()}
        return parameters(module, {k: v for k, v in states.items() if v is not None})

    named = velocities(learner.net) | {f"aux.{k}": v for k, v in velocities(learner.aux).items()}
    return {f"momentum/{k}": v for k, v in named.items()}


def train(
    setup: Setup, method: Method, pictures: Pictures, dtype: torch.dtype
) -> tuple[list[list[BlockLoss]], dict[str, Tensor]]:
    """Losses of every step and block, and the state after the last step."""
    learner = build(setup, method).to(dtype)
    losses = []
    for pixels, labels in zip(pictures.images, pictures.labels, strict=True):
        images = method.options.normalisation.normalise(pixels, dtype)
        losses.append(learner.step(images, labels // method.label_divisor))
    return losses, state(learner) | momentum_buffers(learner)


def activation_margin(setup: Setup, method: Method, pictures: Pictures, floor: float = 0.0) -> float:
    """The smallest absolute value that enters a ReLU during the float64 run.

    The run is given up below `floor`, which saves a search most of its time.
    """
    with suppress(TooNear), ActivationMargin(floor) as margin:
        train(setup, method, pictures, torch.float64)
    return margin.value


def loss_entry(loss: BlockLoss) -> dict[str, float]:
    return {name: value.item() for name, value in vars(loss).items() if value is not None}


def largest_loss_difference(a: Sequence[Sequence[BlockLoss]], b: Sequence[Sequence[BlockLoss]]) -> float:
    """Largest relative difference of a block's total loss."""
    pairs = [
        (x.total.item(), y.total.item()) for s, t in zip(a, b, strict=True) for x, y in zip(s, t, strict=True)
    ]
    return max(abs(x - y) / max(1.0, abs(x)) for x, y in pairs)


def largest_state_difference(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """Largest difference of an element, relative to the tensor's largest element (at least 1e-3)."""
    if a.keys() != b.keys():
        raise AssertionError("the two runs keep different tensors")
    return max((((a[k] - b[k].double()).abs().max()) / max(1e-3, a[k].abs().max().item())).item() for k in a)


def run_method(setup: Setup, method: Method, pictures: Pictures) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The entry of run.json and the final state, both from float64, after checking float32."""
    with ActivationMargin() as margin:
        losses, final = train(setup, method, pictures, torch.float64)
    loss_gap = state_gap = 0.0
    warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
    # PyTorch's own convolutions take minutes a step at full size.
    for onednn in (True,) if setup == FULL else (True, False):
        with torch.backends.mkldnn.flags(enabled=onednn):
            losses32, final32 = train(setup, method, pictures, torch.float32)
        loss_gap = max(loss_gap, largest_loss_difference(losses, losses32))
        state_gap = max(state_gap, largest_state_difference(final, final32))
    print(
        f"{pictures.name} {method.name}: float32 is off by {loss_gap:.1e} (losses), {state_gap:.1e} (state); "
        f"the activations keep {margin.value:.1e} from zero"
    )
    state_is_unsure = state_gap > setup.state_limit or margin.value < setup.margin_limit
    if loss_gap > setup.loss_limit or (method.keep_final and state_is_unsure):
        raise AssertionError(f"{method.name} is ill conditioned; choose other pictures or a smaller rate")
    entry = {
        "name": method.name,
        "labelDivisor": method.label_divisor,
        "initial": [f"../initial.{part}.safetensors" for part in ("main", method.initial) if part],
        "final": f"final.{method.name}.safetensors" if method.keep_final else None,
        "float32Difference": {"losses": loss_gap, "state": state_gap},
        "activationMargin": margin.value,
        **recipe(method, build(setup, method)),
        "losses": [[loss_entry(loss) for loss in step] for step in losses],
    }
    return entry, {k: v.float() for k, v in final.items()}


def check_orders_differ(finals: dict[str, dict[str, Tensor]], setup: Setup) -> None:
    """A fixture that cannot tell the two update orders apart would prove nothing."""
    after, before = (
        {k: v.double() for k, v in finals[f"man-{order}-step"].items() if ".ema." in k}
        for order in ("after", "before")
    )
    gap = largest_state_difference(after, before)
    print(f"the update orders differ by {gap:.1e}")
    if setup != FULL and gap < 2 * COMPARED_WITHIN:
        raise AssertionError("the update orders differ by too little to tell them apart")


# ----------------------------------------------------------------------------- writing


def write_initial(out: Path, setup: Setup, all_methods: Sequence[Method]) -> None:
    written: dict[str, dict[str, Tensor]] = {}
    for method in all_methods:
        tensors = state(build(setup, method))
        main = {k: v for k, v in tensors.items() if not k.startswith("aux.")}
        check_same(written.setdefault("main", main), main)
        if method.initial:
            aux = {k: v for k, v in tensors.items() if k.startswith("aux.")}
            known = written.setdefault(method.initial, aux)
            check_same({k: known[k] for k in aux if k in known}, {k: aux[k] for k in aux if k in known})
    for part, tensors in written.items():
        write_safetensors(out / f"initial.{part}.safetensors", tensors)


def check_same(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    if a.keys() != b.keys() or not all(torch.equal(a[k], b[k]) for k in a):
        raise AssertionError("methods that share an initial state do not start from the same weights")


def write_set(out: Path, setup: Setup, pictures: Pictures, all_methods: Sequence[Method]) -> None:
    folder = out / pictures.name
    runs = [run_method(setup, method, pictures) for method in all_methods]
    finals = {entry["name"]: final for entry, final in runs}
    check_orders_differ(finals, setup)
    for entry, final in runs:
        if entry["final"]:
            write_safetensors(folder / entry["final"], final)
    if pictures.stored:
        images = pictures.images.permute(0, 1, 3, 4, 2)
        tensors = {"images": images, "labels": pictures.labels.int()}
        write_safetensors(folder / str(pictures.origin["file"]), tensors)
    normalisation = all_methods[0].options.normalisation
    run = {
        "format": 1,
        "source": f"tools/peer/parity_fixtures.py, PyTorch {torch.__version__.split('+')[0]}",
        "network": {"depth": setup.depth, "width": setup.width, "classes": 10, "imageSize": setup.image_size},
        "batch": setup.batch,
        "steps": STEPS,
        "pictures": pictures.origin,
        "normalisation": {
            **asdict(normalisation),
            "input": "(pixel - mean) / std",
            "reconstructionTarget": "(input * std + mean) / 255, clamped to [0, 1]",
        },
        "methods": [entry for entry, _ in runs],
    }
    write_atomically(folder / "run.json", (json.dumps(run, indent=1) + "\n").encode())


# -------------------------------------------------------------------------- the choice


def kept(setup: Setup, real: bool) -> list[Method]:
    """The methods of a set; of the real pictures only one final state is kept.

    DGL normalises over the batch alone and contrast compares its pictures, which four are too few for; the
    initial weights of PredSim's prediction are those for the size of the synthetic pictures.
    """
    every = [
        m for m in methods(setup) if not real or (m.options.local is None and m.options.mode == "softmax")
    ]
    if setup == FULL:
        return [m for m in every if m.options.schedule and m.keep_final]
    return [replace(m, keep_final=m.name == REAL_FINAL) for m in every] if real else every


def search(setup: Setup, candidates: Iterable[tuple[int, Pictures]], all_methods: Sequence[Method]) -> None:
    """Prints the candidates whose kept methods stay farthest from zero, best first."""
    # Largest networks first: they are the likeliest to rule a candidate out.
    judged = [m for m in reversed(all_methods) if m.keep_final]
    best: list[tuple[float, int]] = []
    for number, pictures in candidates:
        floor = best[-1][0] if len(best) == SHOWN else 0.0
        worst = math.inf
        for method in judged:
            worst = min(worst, activation_margin(setup, method, pictures, floor))
            if worst < floor:
                break
        best = sorted([*best, (worst, number)], reverse=True)[:SHOWN]
    for margin, number in best:
        print(f"{number}: the activations keep {margin:.2e} from zero")


def search_pictures(count: int, data: Path | None) -> None:
    if data is None:
        search(SMALL, ((i, synthetic_pictures(SMALL, i)) for i in range(count)), kept(SMALL, real=False))
    else:
        places = range(0, count * REAL.batch, REAL.batch)
        search(REAL, ((i, real_pictures(data, REAL, i)) for i in places), kept(REAL, real=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder that holds cifar-10-batches-bin")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--full", action="store_true", help="ResNet-32, K=16, batch 32; needs --out")
    parser.add_argument("--search", type=int, metavar="N", help="print the best of N picture sets and stop")
    args = parser.parse_args()
    if args.full and args.out is None:
        parser.error("--full needs --out: its files are too large to commit")
    torch.set_num_threads(2 if args.full else 1)
    if args.search is not None:
        search_pictures(args.search, args.data)
        return
    small, real, out = (FULL, FULL, args.out) if args.full else (SMALL, REAL, args.out or DEFAULT_OUT)
    write_initial(out, small, kept(small, real=False))
    if not args.full or args.data is None:
        write_set(out, small, synthetic_pictures(small), kept(small, real=False))
    if args.data is not None:
        write_set(out, real, real_pictures(args.data, real), kept(real, real=True))
    written = [path for pattern in ("initial.*", "synthetic/*", "cifar10/*") for path in out.glob(pattern)]
    size = sum(path.stat().st_size for path in written)
    print(f"{size} bytes in {out}")
    if not args.full and size > SIZE_LIMIT:
        raise SystemExit(f"the fixtures take more than {SIZE_LIMIT} bytes")


if __name__ == "__main__":
    main()
