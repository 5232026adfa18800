"""FRCRN live: the causal form, 20 ms late; noisy speech in, speech out (trained by the course).

The record of the denoiser of lesson 15. On a whole file it works like FRCRN's; `helpers.stream`
runs it hop by hop.
"""

import numpy as np

from helpers.networks.record import Network

HOP = 160  # samples by which the windows of 320 move


def apply(model, samples):
    """Take the noise out of samples [shape=(n,)]; speech is [shape=(1, n)].

    A hop of silence goes before and after, where the inverse transform divides by nearly nothing.
    """
    import torch

    padded = np.pad(samples, (HOP, HOP + -len(samples) % HOP))
    with torch.inference_mode():
        stages = model({"noisy": torch.from_numpy(padded)[None]})  # (1, padded) each
    return stages["wav_l2"][:, HOP : HOP + len(samples)].numpy().copy()


def make(sizes):
    """Build one of these sizes with random weights."""
    from helpers.networks.frcrn_live import LiveFRCRN

    return LiveFRCRN(**sizes)


RECORD = Network(
    name="frcrn_live",
    label="FRCRN live",
    task="acoustic-noise-suppression",
    rate=16000,
    classes=("FRCRNLive",),
    published=None,
    embedded="frcrn_live_16k",
    files=("pytorch_model.bin",),
    types=("frcrn_live",),
    modules=lambda model: {"pytorch_model.bin": model.model},
    apply=apply,
    wrap=lambda wave: {"noisy": wave},
    unwrap=lambda output: output["wav_l2"],
    registers="frcrn_live",
    hop=HOP,
    frame=HOP,
    edge=HOP,
    example=("speech_with_noise1.wav", 16000),
    sizes={"widths": [16, 24, 32, 32, 48, 64]},
    make=make,
)
