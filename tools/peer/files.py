"""Writing fixture files and reading CIFAR-10's binary files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor

RECORD_BYTES = 1 + 3 * 32 * 32


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary name, sync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_safetensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Names are sorted, so the same tensors always give the same bytes."""
    arrays = {name: np.ascontiguousarray(tensors[name].detach().numpy()) for name in sorted(tensors)}
    write_atomically(path, save(arrays))


def read_cifar10(path: Path, first: int, count: int) -> tuple[Tensor, Tensor]:
    """uint8 pictures [n,3,32,32] and int64 labels [n] of records first..first+count-1."""
    data = np.fromfile(path, dtype=np.uint8, count=count * RECORD_BYTES, offset=first * RECORD_BYTES)
    if data.size != count * RECORD_BYTES:
        raise ValueError(f"{path} has no {count} records from record {first} on")
    records = torch.from_numpy(data).view(count, RECORD_BYTES)
    return records[:, 1:].reshape(count, 3, 32, 32), records[:, 0].long()
