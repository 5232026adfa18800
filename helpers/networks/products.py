"""Matrix products of the fast forms, by the library that multiplies faster.

PyTorch hands float32 matrix products to MKL, which on AMD's processors keeps to AVX2 where AVX512
is there. Its convolutions go to oneDNN, which does not, and which has matrix products as well.
Taught in 11_long_and_fast.
"""

import torch
import torch.nn.functional as F

ACTIVATIONS = {"none": lambda y: y, "relu": F.relu_, "swish": lambda y: F.silu(y, inplace=True)}


def by_onednn(x):
    """Tell whether oneDNN takes this product: on an x86 processor, unless its numbers are odd."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def product(x, weight, bias=None, then="none"):
    """Return x times weight.T plus bias, through an activation: relu or swish (SiLU).

    x [shape=(.., in)], weight [shape=(out, in)], bias [shape=(out,)]; gives [shape=(.., out)].
    """
    if not by_onednn(x):
        return ACTIVATIONS[then](F.linear(x, weight, bias))
    if not (weight.is_contiguous() or weight.T.is_contiguous()):
        weight = weight.contiguous()  # oneDNN takes its slowest way with a part of a matrix
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, then, [], "")
