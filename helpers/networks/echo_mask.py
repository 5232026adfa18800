"""The residual echo mask: ModelScope's MaskNet with small numbers.

Published models of its kind come with a binary preprocessor that the course can't load, so there
is none on the hub for it, and ModelScope's pipeline does not build it. Taught in 09_cancel_echo.
"""

import numpy as np

from helpers.networks import devices
from helpers.networks.record import Network


def build(folder):
    """Build the network with the weights of a folder."""
    import json

    import torch
    from modelscope.models.audio.aec.network.se_net import MaskNet

    config = json.loads((folder / "configuration.json").read_text(encoding="utf-8"))
    net = MaskNet(**config["model"]["network"])
    file = folder / "pytorch_model.bin"
    net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return net


def apply(model, features):
    """Guess what share of each cell is no echo.

    Features [shape=(frames, 192)] are the logarithms of the power of microphone, error and echo
    estimate in 64 bands each; the mask is [shape=(257, frames)], between 0 and 1.
    """
    import torch

    heard, device = torch.from_numpy(np.asarray(features, np.float32))[None], devices.of(model)
    with devices.computing(device):
        guess = model(heard.to(device))  # (1, frames, 257)
    return guess[0].T.cpu().numpy()


RECORD = Network(
    name="echo_mask",
    label="echo mask",
    task="acoustic-echo-cancellation",
    rate=16000,
    classes=("MaskNet", "MaskNetBare"),
    published=None,
    embedded="echo_mini_16k",
    files=("pytorch_model.bin",),
    types=("echo_mini",),
    modules=lambda model: {"pytorch_model.bin": model},
    apply=apply,
    build=build,
    bare="echo_mask_bare:build",
    example=("echo_mic.wav", 16000),
)
