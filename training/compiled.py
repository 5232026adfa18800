"""The one function of a training step that is worth compiling: the depthwise weights' gradient.

A step of MossFormer spends more than half its time there, in 17 products and sums over arrays that
don't fit the cache. `torch.compile` makes one loop of them, some 20 times as fast (the whole
network compiled gains nothing more and takes minutes to compile). Where there is no C++ compiler
the plain form stays: slower, and equal to rounding.
"""

import os
import shutil

import torch

from helpers.networks.mossformer_layers import DepthwiseConv


def weight_gradient(wide, grad, taps):
    """Gradient of the depthwise weight [shape=(channels, taps)], summed in float32."""
    frames = grad.shape[1]
    return torch.stack(
        [(wide[:, j : j + frames].float() * grad.float()).sum((0, 1)) for j in range(taps)], -1
    )


def use():
    """Put the compiled form in place if this machine can compile it; tell whether it did."""
    if os.name != "posix" or not (shutil.which("g++") or shutil.which("clang++")):
        return False
    fast = torch.compile(weight_gradient, dynamic=True)
    try:
        wide, grad = torch.randn(2, 116, 32), torch.randn(2, 100, 32)
        if not torch.allclose(fast(wide, grad, 17), weight_gradient(wide, grad, 17), atol=1e-3):
            return False
    except Exception as problem:  # any compiler's trouble: train without it
        print(f"training goes on uncompiled ({type(problem).__name__})")
        return False
    DepthwiseConv.weight_gradient = staticmethod(fast)
    return True
