"""What the rest of the house needs to know of a network: its record, in one place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network's record. The tools, the bench, the recipes, the cards and the page read it.

    `modules` and `apply` have no default: what a checkpoint must fill is known for every network,
    so that none can run half on random numbers.
    """

    name: str  # "mossformer"
    label: str  # "MossFormer"
    task: str  # as ModelScope names it
    rate: int  # in Hz
    classes: tuple[str, ...]  # of the models that it builds
    published: str | None  # on ModelScope's hub; None where there is none that can be loaded
    revision: str = "master"
    embedded: str | None  # folder in models/; None where no weights come with the course
    files: tuple[str, ...]  # that hold weights
    types: tuple[str, ...]  # in configuration.json, ["model"]["type"]
    # model -> {file: module}: what each file must fill, tensor by tensor
    modules: Callable[[Any], dict]
    # (model, samples (n,)) -> sources (sources, n): all samples, the last ones included
    apply: Callable[[Any, np.ndarray], np.ndarray]
    # waveform tensor (1, n) -> what the model takes; what it gives -> sources tensor (sources, n)
    wrap: Callable[[Any], Any] = lambda wave: wave
    unwrap: Callable[[Any], Any] = lambda output: output[0].T
    noise_track: bool = False  # whether the last source is the noise, and all are at their level
    # model -> (waveform (n,) -> responses of its filters (filters, frames)), to tell voices apart
    encode: Callable[[Any], Callable] | None = None
    # folder -> model; None: by ModelScope's pipeline
    build: Callable[[Path], Any] | None = None
    registers: str | None = None  # module of helpers.networks that ModelScope must have seen
    # "module:function", of helpers.networks: (type, settings) -> the network's tensors under their
    # names, on the device "meta", without ModelScope; None for settings that it does not know
    bare: str | None = None
    fast: str | None = None  # "module:Class" of the inference form, of helpers.networks
    graph: str | None = None  # "module:Class" of a torch module that exports to ONNX
    # file in the embedded folder, an ONNX graph of one hop: samples, state -> speech, next
    stream: str | None = None
    hop: int = 1  # in samples: the graph takes whole numbers of hops
    frame: int = 1  # in samples: and no less than this
    edge: int = 0  # in samples: silence that the graph needs before and after
    example: tuple[str, int]  # (file in sounds/, its rate)
    sizes: dict = field(default_factory=dict)  # the published configuration
    make: Callable[[dict], Any] | None = None  # sizes -> model with random weights

    def form(self, which: str) -> Any:
        """Return what `fast`, `graph` or `bare` names; None where the network has none."""
        named = getattr(self, which)
        if named is None:
            return None
        module, _, name = named.partition(":")
        return getattr(import_module(f"helpers.networks.{module}"), name)
