"""The small package that the notebooks lean on: hear, mix, measure, draw, separate, denoise.

Importing it costs nothing: each module is loaded when it is first named, and the heavy
libraries (torch, modelscope, matplotlib) only when a function needs them. What lessons share is
here; `lab` holds what one lesson alone needs, `networks` the networks, `files` what reads files
from outside, `exercises` the checkers.

Examples
--------
>>> import helpers
>>> helpers.clip.Clip([0.0, 0.5], rate=8000).rate
8000
"""

import importlib

from helpers import places

__version__ = "0.2.0"

__all__ = sorted(
    {
        "adaptive", "audio", "clinic", "clip", "corpus", "denoise", "echo", "echo_mask",
        "exercises", "files", "frames", "lab", "live", "masks", "metrics", "mixing", "models",
        "networks", "player", "plots", "separate", "spectra", "stream", "windows",
    }
)  # fmt: skip


def __getattr__(name):
    """Load a module when it is first named, PEP 562: the clinic needs no package for that."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """Name what can be named, loaded or not."""
    return sorted({*globals(), *__all__})


places.set_defaults()
