"""MossFormer's trained numbers under their own names, without ModelScope: see `frcrn_bare`.

ModelScope's class needs SpeechBrain, torchaudio and more before the first sample.
"""

import re

import torch
import torch.nn.functional as F
from torch import nn

from helpers.networks.mossformer import SIZES
from helpers.networks.mossformer_inference import Separator

TAPS = 17  # of the convolution over time


class MossFormerBare(nn.Module):
    """What `mossformer_inference.Separator` reads, and that form as its forward pass.

    Parameters
    ----------
    sizes : dict
        As in configuration.json.
    """

    fixed: frozenset = frozenset()
    spare = re.compile(r"(?!)")  # nothing

    def __init__(self, sizes):
        super().__init__()
        self.num_spks = sizes["num_spks"]
        self.encoder = Encoder(sizes["out_channels"], sizes["kernel_size"])
        self.decoder = nn.ConvTranspose1d(
            sizes["in_channels"], 1, sizes["kernel_size"], sizes["stride"], bias=sizes["bias"]
        )
        self.mask_net = Masks(sizes)

    def as_dict(self):
        """Name the parts that a file each fills."""
        return {"encoder": self.encoder, "decoder": self.decoder, "masknet": self.mask_net}

    def forward(self, mixture):
        """Separate (1, n) into (1, n, speakers)."""
        return Separator(self)(mixture)


def build(_kind, settings):
    """Make the network without numbers, on the device "meta"; None for settings unknown here."""
    if settings.keys() != SIZES.keys() or settings["causal"] or settings["norm"] != "ln":
        return None
    with torch.device("meta"):
        return MossFormerBare(settings)


class Encoder(nn.Module):
    """Learned filters: waveforms (batch, n) to (batch, filters, frames)."""

    def __init__(self, filters, size):
        super().__init__()
        self.conv1d = nn.Conv1d(1, filters, size, size // 2, bias=False)

    def forward(self, wave):
        """Filter and rectify."""
        return F.relu(self.conv1d(wave[:, None]))


class Masks(nn.Module):
    """The network between encoder and decoder."""

    use_global_pos_enc = True

    def __init__(self, sizes):
        super().__init__()
        inner, outer, speakers = sizes["out_channels"], sizes["in_channels"], sizes["num_spks"]
        self.norm = nn.GroupNorm(1, outer, eps=1e-8)
        self.conv1d_encoder = nn.Conv1d(outer, inner, 1, bias=False)
        self.pos_enc = Places(inner)
        self.mdl = nn.Module()
        self.mdl.skip_connection = True
        self.mdl.att_mdl = Stack(sizes)
        self.mdl.att_norm = nn.GroupNorm(1, inner, eps=1e-8)
        self.conv1d_out = nn.Conv1d(inner, inner * speakers, 1)
        self.conv1_decoder = nn.Conv1d(inner, outer, 1, bias=False)
        self.prelu, self.activation = nn.PReLU(), nn.ReLU()
        self.output = nn.Sequential(nn.Conv1d(inner, inner, 1), nn.Tanh())
        self.output_gate = nn.Sequential(nn.Conv1d(inner, inner, 1), nn.Sigmoid())


class Places(nn.Module):
    """Sines and cosines of a frame's place."""

    def __init__(self, wide):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("inv_freq", torch.empty(-(-wide // 2)))

    def forward(self, x):
        """Return [shape=(frames, features)] for x [shape=(batch, frames, features)]."""
        places = torch.arange(x.shape[1], device=x.device).type_as(self.inv_freq)
        angles = places[:, None] * self.inv_freq
        return torch.cat([angles.sin(), angles.cos()], -1) * self.scale


class Stack(nn.Module):
    """The blocks, and the norm after them."""

    def __init__(self, sizes):
        super().__init__()
        self.mossformerM = nn.Module()
        self.mossformerM.layers = nn.ModuleList(Block(sizes) for _ in range(sizes["num_blocks"]))
        self.norm = Inside(norm=nn.LayerNorm(sizes["d_model"], eps=1e-6))


class Inside(nn.Module):
    """A layer one name deeper: SpeechBrain's norm has PyTorch's inside."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        """Apply it."""
        return self.norm(x)


class Block(nn.Module):
    """One block's parameters."""

    causal, shift_tokens = False, True

    def __init__(self, sizes):
        super().__init__()
        wide, keys = sizes["d_model"], sizes["query_key_dim"]
        self.group_size = sizes["group_size"]
        self.rotary_pos_emb = nn.Module()
        self.rotary_pos_emb.freqs = nn.Parameter(torch.empty(min(32, keys) // 2))
        self.to_hidden = Projection(wide, int(wide * sizes["expansion_factor"]))
        self.to_qk = Projection(wide, keys)
        self.qk_offset_scale = nn.Module()
        self.qk_offset_scale.gamma = nn.Parameter(torch.empty(4, keys))
        self.qk_offset_scale.beta = nn.Parameter(torch.empty(4, keys))
        self.to_out = Projection(2 * wide, wide)


class Projection(nn.Module):
    """Norm, linear layer, SiLU, and a convolution over time a channel."""

    def __init__(self, narrow, wide):
        super().__init__()
        norm = nn.Module()
        norm.scale, norm.eps = narrow**-0.5, 1e-5
        norm.g = nn.Parameter(torch.ones(1))
        over_time, module = nn.Module(), nn.Module()
        over_time.conv = nn.Conv1d(wide, wide, TAPS, padding=TAPS // 2, groups=wide, bias=False)
        module.sequential = nn.Sequential(nn.Identity(), over_time)
        self.mdl = nn.Sequential(norm, nn.Linear(narrow, wide), nn.SiLU(), module)
