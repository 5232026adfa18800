"""The echo mask's trained numbers under their own names, without ModelScope: see `frcrn_bare`."""

import re

import torch
import torch.nn.functional as F
from torch import nn

from helpers.networks.frcrn_bare import FSMN
from helpers.networks.frcrn_layers import fsmn

KNOWN = {"indim", "outdim", "layers", "hidden_dim", "lorder"}


class MaskNetBare(nn.Module):
    """What ModelScope's MaskNet computes, where its settings are no others than `KNOWN`."""

    fixed: frozenset = frozenset()
    spare = re.compile(r"(?!)")  # nothing

    def __init__(self, indim, outdim, layers, hidden_dim, lorder):
        super().__init__()
        self.layers = layers
        self.linear1, self.linear2 = nn.Module(), nn.Module()
        self.linear1.linear = nn.Linear(indim, hidden_dim)
        self.deepfsmn = nn.ModuleList(FSMN(hidden_dim, lorder) for _ in range(layers))
        self.linear2.linear = nn.Linear(hidden_dim, outdim)

    def forward(self, features):
        """Return the mask (1, frames, outdim) for features (1, frames, indim)."""
        x = F.relu(self.linear1.linear(features))[:, :, None]
        for layer in self.deepfsmn:
            x = fsmn(layer, x)
        return torch.sigmoid(self.linear2.linear(x[:, :, 0]))


def build(_kind, settings):
    """Make the network without numbers, on the device "meta"; None for settings unknown here."""
    if settings.keys() != {"network"} or settings["network"].keys() != KNOWN:
        return None
    with torch.device("meta"):
        return MaskNetBare(**settings["network"])
