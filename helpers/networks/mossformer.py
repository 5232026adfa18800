"""MossFormer: two people at once in, a track a person out (Zhao and Ma, arXiv 2302.11824).

The record of the separator. Taught in 05 (use), 06 (inside) and 12 (training).
"""

from dataclasses import replace

from helpers.networks.framed import apply, encoder_of
from helpers.networks.record import Network

TYPE = "speech_mossformer_separation_temporal_8k"
SIZES = {
    "in_channels": 512, "out_channels": 512, "num_blocks": 24, "d_model": 512,
    "attn_dropout": 0.1, "group_size": 256, "query_key_dim": 128, "expansion_factor": 4.0,
    "causal": False, "norm": "ln", "num_spks": 2, "kernel_size": 16, "stride": 8, "bias": False,
}  # fmt: skip


def make(sizes):
    """Build a MossFormer of these sizes with random weights."""
    from modelscope.models.audio.separation.mossformer import MossFormer

    return MossFormer(".", **sizes)


RECORD = Network(
    name="mossformer",
    label="MossFormer",
    task="speech-separation",
    rate=8000,
    classes=("MossFormer", "MossFormerBare"),
    published=f"iic/{TYPE}",
    embedded="mossformer_mini_8k",
    files=("encoder.bin", "decoder.bin", "masknet.bin"),
    types=(TYPE,),
    modules=lambda model: {f"{name}.bin": part for name, part in model.as_dict().items()},
    apply=lambda model, samples: apply(model, model.encoder, samples),
    encode=lambda model: encoder_of(model.encoder),
    bare="mossformer_bare:build",
    fast="mossformer_inference:Separator",
    graph="mossformer_layers:Graph",
    hop=16,
    frame=32,
    example=("mix_speech.wav", 8000),
    sizes=SIZES,
    make=make,
)

# The same network with more tracks: up to three people, and the noise on the last.
CONVERSATION = replace(
    RECORD,
    name="conversation",
    label="MossFormer conversation",
    published=None,
    embedded="mossformer_conversation_8k",
    noise_track=True,
    graph=None,
)
