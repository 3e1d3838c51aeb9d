"""Conversion between PyTorch's tensor layouts and the project's, which are TensorFlow's.

Activations NCHW -> NHWC, convolution filters [out,in/groups,kh,kw] -> [kh,kw,in/groups,out],
linear weights [out,in] -> [in,out].
"""

from __future__ import annotations

from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """[n,c,h,w] to [n,h,w,c]; tensors of other ranks stay as they are."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def parameter(weight: Tensor) -> Tensor:
    """A filter or a linear weight to the project's layout; vectors and scalars stay as they are."""
    if weight.dim() == 4:
        return weight.permute(2, 3, 1, 0)
    return weight.t() if weight.dim() == 2 else weight
