"""Models of the published sizes with random weights, in ModelScope's folder format."""

import json
from pathlib import Path

TASKS = {"mossformer": "speech-separation", "frcrn": "acoustic-noise-suppression"}
TYPES = {
    "mossformer": "speech_mossformer_separation_temporal_8k",
    "frcrn": "speech_frcrn_ans_cirm_16k",
}
# The published checkpoints' configuration.
SIZES = {
    "mossformer": {
        "in_channels": 512, "out_channels": 512, "num_blocks": 24, "d_model": 512,
        "attn_dropout": 0.1, "group_size": 256, "query_key_dim": 128, "expansion_factor": 4.0,
        "causal": False, "norm": "ln", "num_spks": 2, "kernel_size": 16, "stride": 8,
        "bias": False,
    },
    "frcrn": {
        "complex": True, "model_complexity": 45, "model_depth": 14, "log_amp": False,
        "padding_mode": "zeros", "win_len": 640, "win_inc": 320, "fft_len": 640,
        "win_type": "hann",
    },
}  # fmt: skip


def published(kind, folder):
    """Write a model into a new folder, for `folder=` of separate and denoise: it gives noise.

    "mossformer" has 42.1 M parameters (170 MB), "frcrn" 14.0 M (58 MB).
    """
    from helpers import models

    models.register()
    import torch

    folder = Path(folder)
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    if kind == "mossformer":
        from modelscope.models.audio.separation.mossformer import MossFormer

        for name, part in MossFormer(str(folder), **SIZES[kind]).as_dict().items():
            torch.save(part.state_dict(), folder / f"{name}.bin")
    else:
        from modelscope.models.audio.ans.frcrn import FRCRN

        torch.save(FRCRN(**SIZES[kind]).state_dict(), folder / "pytorch_model.bin")
    content = {
        "framework": "pytorch", "task": TASKS[kind], "pipeline": {"type": TYPES[kind]},
        "model": {"type": TYPES[kind], **SIZES[kind]},
    }  # fmt: skip
    (folder / "configuration.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
