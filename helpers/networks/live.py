"""FRCRN live: the causal form, 20 ms late; noisy speech in, speech out (trained by the course).

The record of the denoiser of lesson 15. On a whole file it works like FRCRN's; `helpers.stream`
runs it hop by hop.
"""

from functools import partial

from helpers.networks import frcrn
from helpers.networks.record import Network

HOP = 160  # samples by which the windows of 320 move


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
    apply=partial(frcrn.apply, hop=HOP),
    wrap=lambda wave: {"noisy": wave},
    unwrap=lambda output: output["wav_l2"],
    registers="frcrn_live",
    stream="live.onnx",
    hop=HOP,
    frame=HOP,
    edge=HOP,
    example=("speech_with_noise1.wav", 16000),
    sizes={"widths": [16, 24, 32, 32, 48, 64]},
    make=make,
)
