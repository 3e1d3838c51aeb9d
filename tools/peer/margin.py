"""How far a training run stays from the kinks of its ReLUs.

ReLU's gradient jumps at zero. An activation nearer to zero than an implementation's rounding error has
the gradient switched on in one implementation and off in another, both correct, and their momenta then
differ by far more than rounding. A run that keeps its distance can be compared closely.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class TooNear(Exception):
    """An activation came nearer to zero than the floor; no need to go on."""


class ActivationMargin(TorchFunctionMode):
    """While active, keeps the smallest absolute value that enters any ReLU as `value`.

    Raises TooNear as soon as that falls below `floor`.
    """

    def __init__(self, floor: float = 0.0) -> None:
        super().__init__()
        self.floor = floor
        self.value = math.inf

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is F.relu:
            self.value = min(self.value, args[0].detach().abs().min().item())
            if self.value < self.floor:
                raise TooNear
        return func(*args, **(kwargs or {}))
