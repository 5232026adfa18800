"""Folders in ModelScope's layout, made on the spot: small ones, and ones of the published size."""

import os
import sys

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

from helpers.networks import NETWORKS
from training.published import published

MOSSFORMER, FRCRN, MOSSFORMER2 = (
    NETWORKS[name].types[0] for name in ("mossformer", "frcrn", "mossformer2")
)
SMALL = {
    "in_channels": 32,
    "out_channels": 32,
    "num_blocks": 1,
    "d_model": 32,
    "group_size": 32,
    "query_key_dim": 32,
}


def mossformer(folder, **sizes):
    """Write a MossFormer with random weights."""
    published("mossformer", folder, **sizes)
    let_hypothesis_look()  # building one has loaded SpeechBrain
    return folder


def mossformer2(folder, **sizes):
    """Write a MossFormer2 with random weights."""
    return published("mossformer2", folder, **sizes)


def frcrn(folder, channels=None):
    """Write an FRCRN with random weights: ModelScope's own, or ours with fewer channels."""
    return published("frcrn", folder, **({"channels": channels} if channels else {}))


def shelf(folder):
    """Write a folder that holds a small model of each kind, under the published names."""
    mossformer(folder / MOSSFORMER, **SMALL)
    frcrn(folder / FRCRN, channels=8)
    return folder


def let_hypothesis_look():
    """Keep SpeechBrain's lazy modules shut, where it is loaded.

    Hypothesis asks every loaded module for its file, and these answer by importing k2 and the
    like, which nobody has.
    """
    importutils = sys.modules.get("speechbrain.utils.importutils")
    if importutils is None or hasattr(importutils.LazyModule, "unwrapped"):
        return
    importutils.LazyModule.unwrapped = importutils.LazyModule.__getattr__

    def lookup(self, name):
        if name == "__file__":
            raise AttributeError(name)
        return self.unwrapped(name)

    importutils.LazyModule.__getattr__ = lookup
