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

import os

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules={
        "adaptive", "audio", "clinic", "clip", "corpus", "denoise", "echo", "echo_mask",
        "exercises", "files", "lab", "live", "masks", "metrics", "mixing", "models", "networks",
        "player", "plots", "separate", "spectra", "stream", "windows",
    },
)  # fmt: skip


def _let_numba_cache():
    """Give numba, which librosa compiles with, a cache where neither home nor packages take one."""
    place = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    while not os.path.exists(place) and os.path.dirname(place) != place:
        place = os.path.dirname(place)
    if not (os.path.isdir(place) and os.access(place, os.W_OK)):
        import tempfile

        name = f"a2a-numba-{os.getuid() if hasattr(os, 'getuid') else 0}"
        os.environ.setdefault("NUMBA_CACHE_DIR", os.path.join(tempfile.gettempdir(), name))


_let_numba_cache()
