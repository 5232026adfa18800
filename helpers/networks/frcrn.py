"""FRCRN: noisy speech in, speech out (Zhao et al., ICASSP 2022, arXiv 2206.07293).

The record of the denoiser. Taught in 07 (use) and 08 (inside).
"""

import numpy as np

from helpers.networks import devices
from helpers.networks.record import Network

TYPE = "speech_frcrn_ans_cirm_16k"
HOP = 320  # samples by which the windows of 640 move
SIZES = {
    "complex": True, "model_complexity": 45, "model_depth": 14, "log_amp": False,
    "padding_mode": "zeros", "win_len": 640, "win_inc": 320, "fft_len": 640, "win_type": "hann",
}  # fmt: skip


def apply(model, samples, hop=HOP):
    """Take the noise out of samples [shape=(n,)], without a click or a loss at the edges.

    At its first and last half window the inverse transform divides by nearly nothing. So a hop of
    silence goes before and after, and is cut off again; up to a hop more fills the last window.
    The samples are at the level that the network knows, -25 dB; speech is [shape=(1, n)].
    """
    import torch

    padded, device = np.pad(samples, (hop, hop + -len(samples) % hop)), devices.of(model)
    with devices.computing(device):
        stages = model({"noisy": torch.from_numpy(padded)[None].to(device)})  # (1, padded) each
    return stages["wav_l2"][:, hop : hop + len(samples)].cpu().numpy().copy()


def make(sizes):
    """Build an FRCRN of these sizes with random weights; `channels` makes it narrower."""
    from modelscope.models.audio.ans.frcrn import FRCRN

    from helpers.networks.frcrn_mini import NarrowFRCRN

    return NarrowFRCRN(**sizes) if "channels" in sizes else FRCRN(**sizes)


RECORD = Network(
    name="frcrn",
    label="FRCRN",
    task="acoustic-noise-suppression",
    rate=16000,
    classes=("FRCRNDecorator", "FRCRNMini", "FRCRNBare"),
    published=f"iic/{TYPE}",
    embedded="frcrn_mini_16k",
    files=("pytorch_model.bin",),
    types=(TYPE, "frcrn_mini"),
    modules=lambda model: {"pytorch_model.bin": model.model},
    apply=apply,
    wrap=lambda wave: {"noisy": wave},
    unwrap=lambda output: output["wav_l2"],
    registers="frcrn_mini",
    bare="frcrn_bare:build",
    fast="frcrn_inference:Denoiser",
    graph="frcrn_layers:Graph",
    hop=HOP,
    frame=HOP,
    edge=HOP,
    example=("speech_with_noise1.wav", 16000),
    sizes=SIZES,
    make=make,
)
