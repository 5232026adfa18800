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

import lazy_loader

from helpers import places

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={
        "adaptive", "audio", "clinic", "clip", "denoise", "echo", "echo_mask", "exercises",
        "files", "frames", "lab", "live", "masks", "metrics", "mixing", "models", "networks",
        "player", "plots", "separate", "spectra", "stream", "windows",
    },
)  # fmt: skip

places.set_defaults()
