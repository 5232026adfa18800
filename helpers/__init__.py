"""The small package that the notebooks lean on: hear, mix, measure, draw, separate, denoise.

Importing it costs nothing: each module is loaded when it is first named, and the heavy
libraries (torch, modelscope, matplotlib) only when a function needs them.

Examples
--------
>>> import helpers
>>> helpers.clip.Clip([0.0, 0.5], rate=8000).rate
8000
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = (
    "audio",
    "adaptive",
    "classic",
    "clip",
    "denoise",
    "echo",
    "inspect",
    "masks",
    "metrics",
    "mixing",
    "models",
    "plots",
    "recognize",
    "rivals",
    "separate",
    "spectra",
)


def __getattr__(name):
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_MODULES])
