"""Folders in ModelScope's layout, made on the spot: small ones, and ones of the published size."""

import json
import os
import sys

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

MOSSFORMER, FRCRN = "speech_mossformer_separation_temporal_8k", "speech_frcrn_ans_cirm_16k"

# The published shapes: 42.1 M and 13.96 M parameters.
MOSSFORMER_SIZES = {
    "in_channels": 512,
    "out_channels": 512,
    "num_blocks": 24,
    "d_model": 512,
    "attn_dropout": 0.1,
    "group_size": 256,
    "query_key_dim": 128,
    "expansion_factor": 4.0,
    "causal": False,
    "norm": "ln",
    "num_spks": 2,
    "kernel_size": 16,
    "stride": 8,
    "bias": False,
}
FRCRN_SIZES = {
    "complex": True,
    "model_complexity": 45,
    "model_depth": 14,
    "log_amp": False,
    "padding_mode": "zeros",
    "win_len": 640,
    "win_inc": 320,
    "fft_len": 640,
    "win_type": "hann",
}
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
    import torch
    from modelscope.models.audio.separation.mossformer import MossFormer

    folder.mkdir(parents=True)
    sizes = MOSSFORMER_SIZES | sizes
    torch.manual_seed(0)
    for name, part in MossFormer(str(folder), **sizes).as_dict().items():
        torch.save(part.state_dict(), folder / f"{name}.bin")
    let_hypothesis_look()  # building one has loaded SpeechBrain
    configure(folder, "speech-separation", {"type": MOSSFORMER, **sizes}, MOSSFORMER)
    return folder


def frcrn(folder, channels=None):
    """Write an FRCRN with random weights: ModelScope's own, or ours with fewer channels."""
    import torch
    from modelscope.models.audio.ans.frcrn import FRCRN as Published

    from helpers.frcrn_mini import NarrowFRCRN

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    narrow = {"type": "frcrn_mini", "channels": channels}
    model = NarrowFRCRN(channels, **FRCRN_SIZES) if channels else Published(**FRCRN_SIZES)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    kind = narrow if channels else {"type": FRCRN}
    configure(folder, "acoustic-noise-suppression", kind | FRCRN_SIZES, FRCRN)
    return folder


def configure(folder, task, model, pipeline):
    """Write configuration.json."""
    content = {"framework": "pytorch", "task": task, "model": model, "pipeline": {"type": pipeline}}
    (folder / "configuration.json").write_text(json.dumps(content), encoding="utf-8")


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
