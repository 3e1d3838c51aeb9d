"""Conversion between PyTorch's tensor layouts and the project's, which are TensorFlow's.

Activations NCHW -> NHWC, convolution filters [out,in/groups,kh,kw] -> [kh,kw,in/groups,out],
linear weights [out,in] -> [in,out], behind a flattened map with the inputs' channels last.
"""

from __future__ import annotations

from torch import Tensor, nn

from losses import FlattenedLinear


def activation(x: Tensor) -> Tensor:
    """[n,c,h,w] to [n,h,w,c]; tensors of other ranks stay as they are."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def parameter(weight: Tensor) -> Tensor:
    """A filter or a linear weight to the project's layout; vectors and scalars stay as they are."""
    if weight.dim() == 4:
        return weight.permute(2, 3, 1, 0)
    return weight.t() if weight.dim() == 2 else weight


def parameters(module: nn.Module, tensors: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """All weights and running statistics of a module by name, or tensors of their names and shapes."""
    flattened = {f"{name}.weight": part.channels for name, part in flattened_layers(module).items()}
    named = module.state_dict() if tensors is None else tensors
    return {
        k: parameter(channels_last(v, flattened[k]) if k in flattened else v)
        for k, v in named.items()
        if not k.endswith("num_batches_tracked")
    }


def flattened_layers(module: nn.Module) -> dict[str, FlattenedLinear]:
    return {name: part for name, part in module.named_modules() if isinstance(part, FlattenedLinear)}


def channels_last(weight: Tensor, channels: int) -> Tensor:
    """[out,c*h*w] to [out,h*w*c]."""
    outputs, inputs = weight.shape
    return weight.view(outputs, channels, inputs // channels).transpose(1, 2).reshape(outputs, inputs)
