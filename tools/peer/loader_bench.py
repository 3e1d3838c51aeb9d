"""Speed of PyTorch's DataLoader with Pillow on a folder of pictures, as ImageNet is trained on.

    python loader_bench.py --folder FOLDER --batch 64 --workers 2

Answers each line `go K` on its standard input with a JSON line about K passes over the pictures, so that
rounds of this and of another program can alternate (tools/bench/loader.ts).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import PIL
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

TRAIN = transforms.Compose(
    [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


class Folder(Dataset):
    """Pictures of a folder, below it at any depth, `repeat` times."""

    def __init__(self, folder: Path, repeat: int) -> None:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpeg", ".jpg"))
        self.files = files * repeat

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with self.files[index].open("rb") as file:
            return TRAIN(Image.open(file).convert("RGB")), 0


def cpu_seconds(pids: list[int]) -> float:
    """Time that processes have spent calculating; 0 where the system does not tell."""
    total = 0
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    args = parser.parse_args()
    pictures = Folder(args.folder, args.repeat)
    loader = DataLoader(
        pictures,
        batch_size=args.batch,
        shuffle=True,
        num_workers=args.workers,
        persistent_workers=True,
    )
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "pillow": PIL.__version__}
    print(json.dumps({"ready": True, "pictures": len(pictures)} | versions), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[:1] == ["quit"]:
            break
        pids = [os.getpid(), *(process.pid for process in getattr(loader._iterator, "_workers", []))]
        calculated, start = cpu_seconds(pids), time.perf_counter()
        images = 0
        for _ in range(int(words[1])):
            for batch, _labels in loader:
                images += batch.shape[0]
        seconds = time.perf_counter() - start
        pids = [os.getpid(), *(process.pid for process in loader._iterator._workers)]
        answer = {"images": images, "seconds": seconds, "cpu_seconds": cpu_seconds(pids) - calculated}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
