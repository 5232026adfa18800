"""What a measurement was made on: the processor, what it may use, and how fast it multiplies.

A number of seconds means nothing without them. Taught in 11_long_and_fast; `python run.py bench`
writes them into each row of its table.
"""

import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

# What PyTorch, oneDNN and MKL read when they are loaded: with these they keep to AVX2.
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def name(cpuinfo: str | Path = "/proc/cpuinfo") -> str:
    """Name the processor, as far as the system tells.

    Parameters
    ----------
    cpuinfo : path
        Where Linux tells the name; elsewhere Python is asked.

    Returns
    -------
    str
        Such as "AMD EPYC".

    Examples
    --------
    >>> processor().startswith(name())
    True
    """
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def processor(cpuinfo: str | Path = "/proc/cpuinfo") -> str:
    """Name the processor, and the instructions that PyTorch uses on it.

    Parameters
    ----------
    cpuinfo : path
        Where Linux tells the name; elsewhere Python is asked.

    Returns
    -------
    str
        Such as "AMD EPYC, AVX512, bfloat16"; with the variables of `AVX2` set, "AMD EPYC, AVX2".

    Examples
    --------
    >>> processor().count(",") >= 1
    True
    """
    import torch

    from helpers.networks import fast

    used = [torch.backends.cpu.get_cpu_capability()] + ["bfloat16"] * fast.has_bfloat16()
    return ", ".join([name(cpuinfo), *used])


def matrix_product(kind: Any = None, size: int = 1024, repeats: int = 5) -> float:
    """Measure how fast a large matrix product is, the usual yardstick of a processor's arithmetic.

    PyTorch has two libraries for it, MKL and oneDNN, and the first one leaves the newest
    instructions of some makers' processors out: the faster of the two counts.

    Parameters
    ----------
    kind : torch.dtype, optional
        Of the numbers; None takes float32.
    size : int
        Rows and columns of the matrices.
    repeats : int
        Products that are timed.

    Returns
    -------
    float
        Billions of operations a second (GFLOP/s), a product and a sum counting as two: the median
        of each library's products, with the threads that are set.

    Examples
    --------
    >>> matrix_product(size=64) > 0
    True
    """
    import torch

    from helpers.networks.products import product

    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(size, size, generator=random).to(kind or torch.float32) for _ in range(2))
    took = []
    for _ in range(repeats + 1):  # the first one warms up
        for library in (torch.matmul, product):
            began = time.perf_counter()
            library(a, b)
            took.append(time.perf_counter() - began)
    return 2 * size**3 / float(min(np.median(took[2::2]), np.median(took[3::2]))) / 1e9


def operations(network: str, seconds: float, folder: str | Path | None = None) -> float:
    """Count what a network multiplies and adds, as ModelScope wrote it.

    Parameters
    ----------
    network : str
        A key of `networks.NETWORKS`.
    seconds : float
        Length of the recording.
    folder : str or Path, optional
        The model's folder; None takes the embedded one.

    Returns
    -------
    float
        Billions of operations (GFLOP) of its convolutions and matrix products.

    Examples
    --------
    >>> operations("frcrn", 1) > operations("frcrn", 0.5)
    True
    """
    from torch.utils.flop_counter import FlopCounterMode

    from helpers import models
    from helpers.lab import bench
    from helpers.networks import NETWORKS

    model = models.load(network, quiet=True, **models.where(folder))
    with FlopCounterMode(display=False) as counter:
        NETWORKS[network].apply(model, bench.example(network, seconds).samples)
    return counter.get_total_flops() / 1e9
