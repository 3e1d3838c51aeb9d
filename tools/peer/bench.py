"""Speed of one training step in PyTorch on random pictures.

    python bench.py --method man --depth 32 --blocks 16 --batch 128 --steps 10 --json

With --interactive the process stays and answers each line `go K` on its standard input with
one JSON line of K step times, so that rounds of this and of another program can alternate.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

from methods import INFOPRO_CIFAR10, Learner, Man, Options
from models import CIFAR10, block_ends, resnet

BATCHES = 4
"""Different batches taken in turn, so that no step sees the same pictures as the one before."""


class Bench:
    """One learner and its random batches."""

    def __init__(self, args: argparse.Namespace) -> None:
        if args.method == "e2e":
            args.blocks = 1
        self.args = args
        torch.manual_seed(1)
        net = resnet(args.depth, args.width, args.classes)
        options = Options(
            schedule=None if args.method == "e2e" else INFOPRO_CIFAR10,
            man=Man() if args.method == "man" else None,
            learning_rate=0.01,
            fused_optimizer=args.fused_optimizer,
        )
        self.learner = Learner(net, block_ends(net.units_per_stage, args.blocks), options)
        layout = getattr(
            torch, "channels_last" if args.memory_format == "channels_last" else "contiguous_format"
        )
        self.learner.to(memory_format=layout)
        shape = (args.batch, 3, args.size, args.size)
        self.images = [
            CIFAR10.normalise(torch.randint(0, 256, shape)).contiguous(memory_format=layout)
            for _ in range(BATCHES)
        ]
        self.labels = [torch.randint(0, args.classes, (args.batch,)) for _ in range(BATCHES)]
        self.count = 0

    def run(self, steps: int) -> list[float]:
        """Wall time of each step in milliseconds."""
        times = []
        for _ in range(steps):
            i = self.count % BATCHES
            self.count += 1
            start = time.perf_counter()
            losses = self.learner.step(self.images[i], self.labels[i])
            times.append((time.perf_counter() - start) * 1000)
            if not torch.isfinite(losses[-1].total):
                raise SystemExit("the loss is no longer finite")
        return times

    def describe(self) -> dict[str, object]:
        names = (
            "method",
            "depth",
            "width",
            "blocks",
            "batch",
            "size",
            "threads",
            "memory_format",
            "fused_optimizer",
        )
        return {"torch": torch.__version__} | {name: getattr(self.args, name) for name in names}


def memory_mb(field: str) -> float:
    """A field such as VmRSS or VmHWM of this process, in MB (0 where the system has none)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    for line in status.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def reset_peak_memory() -> None:
    """Set the peak resident memory back to the present value, where the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("peak memory cannot be reset; it includes the import of torch", file=sys.stderr)


def warm_up_engine() -> None:
    """Load the kernels' libraries, so that idle memory is that of a ready process."""
    x = torch.randn(1, 3, 8, 8, requires_grad=True)
    torch.nn.Conv2d(3, 4, 3)(x).mean().backward()


def once(bench: Bench, args: argparse.Namespace, idle: float) -> None:
    bench.run(args.warmup)
    times = bench.run(args.steps)
    result = bench.describe() | {
        "images_per_second": round(args.batch * 1000 / statistics.median(times), 2),
        "step_ms": [round(t, 2) for t in times],
        "idle_mb": round(idle, 1),
        "peak_above_idle_mb": round(memory_mb("VmHWM") - idle, 1),
    }
    if args.json:
        print(json.dumps(result), flush=True)
    else:
        print(f"{result['images_per_second']} images/s, {result['peak_above_idle_mb']} MB above idle")


def interactive(bench: Bench, args: argparse.Namespace, idle: float) -> None:
    bench.run(args.warmup)
    print(json.dumps({"ready": True} | bench.describe()), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        if len(words) == 2 and words[0] == "go" and words[1].isdecimal():
            times = bench.run(int(words[1]))
            peak = memory_mb("VmHWM") - idle
            answer = {"step_ms": [round(t, 2) for t in times], "peak_above_idle_mb": round(peak, 1)}
        else:
            answer = {"error": f"expected 'go K' or 'quit', got {line.strip()!r}"}
        print(json.dumps(answer), flush=True)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", choices=("e2e", "infopro", "man"), default="man")
    parser.add_argument("--depth", type=positive, default=32, help="6n+2")
    parser.add_argument("--width", type=positive, default=16, help="channels of stage 1")
    parser.add_argument("--blocks", type=positive, default=16)
    parser.add_argument("--classes", type=positive, default=10)
    parser.add_argument("--batch", type=positive, default=128)
    parser.add_argument("--size", type=positive, default=32, help="picture height and width")
    parser.add_argument("--steps", type=positive, default=10)
    parser.add_argument("--warmup", type=positive, default=2)
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--memory-format", choices=("channels_last", "contiguous"), default="channels_last")
    parser.add_argument("--fused-optimizer", action="store_true", help="SGD's fused kernel")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    parser.add_argument("--interactive", action="store_true", help="answer 'go K' lines until 'quit'")
    return parser.parse_args(argv)


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    warm_up_engine()
    reset_peak_memory()
    idle = memory_mb("VmRSS")
    bench = Bench(args)
    (interactive if args.interactive else once)(bench, args, idle)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
