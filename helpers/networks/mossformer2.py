"""MossFormer2: MossFormer with a recurrence beside its attention (Zhao et al., arXiv 2312.11825).

ModelScope ships the class; its weights are published, and none come with the course.
"""

from helpers.networks.framed import apply, encoder_of
from helpers.networks.record import Network

TYPE = "speech_mossformer2_separation_temporal_8k"
SIZES = {
    "in_channels": 512, "out_channels": 512, "num_blocks": 24, "kernel_size": 16, "norm": "ln",
    "num_spks": 2, "skip_around_intra": True, "use_global_pos_enc": True, "max_length": 20000,
}  # fmt: skip


def make(sizes):
    """Build a MossFormer2 of these sizes with random weights."""
    from modelscope.models.audio.separation.m2.mossformer import MossFormer2

    return MossFormer2(".", **sizes)


RECORD = Network(
    name="mossformer2",
    label="MossFormer2",
    task="speech-separation",
    rate=8000,
    classes=("MossFormer2",),
    published=f"iic/{TYPE}",
    embedded=None,
    files=("pytorch_model.pt",),
    types=(TYPE,),
    modules=lambda model: {"pytorch_model.pt": model},
    # Its instance norms refuse a single frame.
    apply=lambda model, samples: apply(model, model.enc, samples, frames=2),
    encode=lambda model: encoder_of(model.enc),
    example=("mix_speech.wav", 8000),
    sizes=SIZES,
    make=make,
)
