"""Matrix products of the fast forms, by the library that multiplies faster.

PyTorch hands float32 matrix products to MKL, which on AMD's processors keeps to AVX2 where AVX512
is there. Its convolutions go to oneDNN, which does not, and which has matrix products as well.
Taught in 11_long_and_fast.
"""

import functools

import torch
import torch.nn.functional as F

ACTIVATIONS = {"none": lambda y: y, "relu": F.relu_, "swish": lambda y: F.silu(y, inplace=True)}


def by_onednn(x, weight):
    """Tell whether oneDNN takes this product: float32, on an x86 processor, with nothing to learn.

    The operation below has no gradient.
    """
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.shape[-1] > 0
        and not (torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad))
        and available()
    )


@functools.cache  # it is asked for each of a network's thousands of products
def available():
    """Tell whether oneDNN's product is there, and the processor one that it was written for."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def product(x, weight, bias=None, then="none"):
    """Return x times weight.T plus bias, through an activation: relu or swish (SiLU).

    x [shape=(.., in)], weight [shape=(out, in)], bias [shape=(out,)]; gives [shape=(.., out)].
    """
    if not by_onednn(x, weight):
        return ACTIVATIONS[then](F.linear(x, weight, bias))
    if not (weight.is_contiguous() or weight.T.is_contiguous()):
        weight = weight.contiguous()  # oneDNN takes its slowest way with a part of a matrix
    bias = None if bias is None else bias.contiguous()  # it would read past what is asked
    if then == "relu":  # oneDNN's makes 0 of NaN, and a broken network silent
        return F.relu_(torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], ""))
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, then, [], "")
