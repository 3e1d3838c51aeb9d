"""Gradient clipping and weight averaging in PyTorch, as numbers for the tests of @man/extras.

Run it without arguments: python extras_fixtures.py
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

TARGET = Path(__file__).parent / "../../packages/extras/src/fixtures/extras.json"


def clipped() -> dict:
    """Gradients of two parameters before clipping, and after each kind of it."""
    generator = torch.Generator().manual_seed(3)
    gradients = [torch.randn(shape, generator=generator) * 2 for shape in [(3, 2), (4,)]]

    def after(clip) -> list:
        parameters = [torch.nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        clip(parameters)
        return [parameter.grad.flatten().tolist() for parameter in parameters]

    utils = torch.nn.utils
    return {
        "gradients": [gradient.flatten().tolist() for gradient in gradients],
        "norm1": after(lambda p: utils.clip_grad_norm_(p, 1.0)),
        "norm100": after(lambda p: utils.clip_grad_norm_(p, 100.0)),
        "value0.5": after(lambda p: utils.clip_grad_value_(p, 0.5)),
    }


def averaged() -> dict:
    """A weight over five steps, and its average with momentum 0.9."""
    generator = torch.Generator().manual_seed(4)
    weights = [torch.randn(6, generator=generator) for _ in range(6)]
    model = torch.nn.Linear(6, 1, bias=False)
    model.weight.data.copy_(weights[0])
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    average.update_parameters(model)  # the first call copies
    for weight in weights[1:]:
        model.weight.data.copy_(weight)
        average.update_parameters(model)
    return {
        "weights": [weight.tolist() for weight in weights],
        "average": average.module.weight.flatten().tolist(),
    }


if __name__ == "__main__":
    fixture = {"clipped": clipped(), "averaged": averaged(), "torch": torch.__version__}
    TARGET.write_text(json.dumps(fixture) + "\n")
