"""FRCRN's trained numbers under their own names, without ModelScope, whose import takes seconds.

The tools need the numbers and the order of the arithmetic, not ModelScope's classes: this module
has a place for each tensor of a checkpoint, and `frcrn_inference` computes with them. Tests hold
the result to ModelScope's pipeline. Settings that it does not know are ModelScope's to build.
"""

import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers.networks.frcrn import SIZES, TYPE
from helpers.networks.frcrn_inference import Denoiser

WIDE = 128  # channels of the published network
ORDER = 20  # how many steps an FSMN remembers
KERNELS = ((5, 2),) * 6 + ((2, 2),)  # over frequency and time, on the way down
UP = ((2, 2), (5, 2), (5, 2), (5, 2), (6, 2), (5, 2), (5, 2))  # and up
STRIDE, PADDING = (2, 1), (0, 1)


class FRCRNBare(nn.Module):
    """What `frcrn_inference.Denoiser` reads, and that form as its forward pass.

    Parameters
    ----------
    channels : int
        Complex channels of a stage.
    """

    # Computed, and not in each file; and what ModelScope keeps twice, or never uses.
    fixed = frozenset({"stft.weight", "istft.weight", "istft.window", "istft.enframe"})
    spare = re.compile(
        r"unet2?\.((encoders|decoders|se_layers_enc|se_layers_dec|fsmn_enc|fsmn_dec)\."
        r"|fsmn_enc0\.|fsmn_dec6\.|se_layer_dec5\.)"
    )

    def __init__(self, channels):
        super().__init__()
        self.model = nn.Module()
        self.model.feat_dim = SIZES["fft_len"] // 2 + 1
        self.model.stft = Transform(SIZES["win_len"], SIZES["win_inc"])
        self.model.istft = Inverse(SIZES["win_len"], SIZES["win_inc"])
        self.model.unet, self.model.unet2 = UNet(channels), UNet(channels)

    def forward(self, inputs):
        """Denoise {"noisy": (1, n)}; return {"wav_l2": speech (1, n)}."""
        return Denoiser(self)(inputs)


def build(kind, settings):
    """Make the network without numbers, on the device "meta"; None for settings unknown here."""
    channels = settings.get("channels", 32) if kind != TYPE else WIDE
    rest = {key: value for key, value in settings.items() if key != "channels"}
    if not rest.keys() <= SIZES.keys():
        return None
    if any(rest.get(k) != v for k, v in SIZES.items() if k not in ("model_complexity", "log_amp")):
        return None
    with torch.device("meta"):
        return FRCRNBare(channels)


class Transform(nn.Module):
    """The STFT as a convolution: waveforms (batch, n) to (batch, 2 bins, frames)."""

    def __init__(self, size, hop):
        super().__init__()
        basis, window = kernels(size)
        self.weight = nn.Parameter((basis * window).float()[:, None], requires_grad=False)
        self.stride = hop

    def forward(self, wave):
        """Transform."""
        return F.conv1d(wave[:, None], self.weight, stride=self.stride)


class Inverse(nn.Module):
    """Its inverse: overlap-add, divided by the sum of the squared windows."""

    def __init__(self, size, hop):
        super().__init__()
        basis, window = kernels(size)
        # The pseudo-inverse of the real basis: all bins but the first and the last stand for two.
        share = torch.full((size // 2 + 1, 1), 2 / size, dtype=torch.float64, device="cpu")
        share[[0, -1]] = 1 / size
        weight = basis * torch.cat([share, share]) * window
        self.weight = nn.Parameter(weight.float()[:, None], requires_grad=False)
        self.register_buffer("window", window.float()[None, :, None])
        self.register_buffer("enframe", torch.eye(size, device="cpu")[:, None])
        self.stride = hop

    def forward(self, spectrum):
        """Transform (batch, 2 bins, frames) back to (batch, 1, n)."""
        wave = F.conv_transpose1d(spectrum, self.weight, stride=self.stride)
        squares = self.window.repeat(1, 1, spectrum.shape[-1]) ** 2
        return wave / (F.conv_transpose1d(squares, self.enframe, stride=self.stride) + 1e-8)


def kernels(size):
    """Return the real Fourier basis [shape=(2 bins, size)] and the square root of a Hann window."""
    basis = np.fft.rfft(np.eye(size))
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
    return torch.from_numpy(np.concatenate([basis.real, basis.imag], 1).T), torch.from_numpy(window)


class UNet(nn.Module):
    """A U-Net of seven stages down and seven up."""

    def __init__(self, channels):
        super().__init__()
        self.model_length = last = len(KERNELS)
        self.encoders, self.se_layers_enc, self.fsmn_enc = [], [], [None]
        self.decoders, self.se_layers_dec, self.fsmn_dec = [], [], []
        for i, taps in enumerate(KERNELS):
            if i > 0:
                self.fsmn_enc.append(self._named(f"fsmn_enc{i}", Memory(channels, 1)))
            stage = Stage("conv", nn.Conv2d, channels if i else 1, channels, taps)
            self.encoders.append(self._named(f"encoder{i}", stage))
            self.se_layers_enc.append(self._named(f"se_layer_enc{i}", Excitation(channels)))
        self.fsmn = Memory(channels, 2)
        for i, taps in enumerate(UP):
            narrow = channels if i == 0 else 2 * channels
            stage = Stage(
                "transconv", nn.ConvTranspose2d, narrow, 1 if i == last - 1 else channels, taps
            )
            self.decoders.append(self._named(f"decoder{i}", stage))
            if i < last - 1:
                self.fsmn_dec.append(self._named(f"fsmn_dec{i}", Memory(channels, 1)))
            if i < last - 2:
                self.se_layers_dec.append(self._named(f"se_layer_dec{i}", Excitation(channels)))
        self.linear = Complex("conv", nn.Conv2d, 1, 1, 1)

    def _named(self, name, module):
        self.add_module(name, module)
        return module


class Complex(nn.Module):
    """A real and an imaginary layer."""

    def __init__(self, stem, kind, *args, **sizes):
        super().__init__()
        for part in ("re", "im"):
            self.add_module(f"{stem}_{part}", kind(*args, **sizes))


class Stage(nn.Module):
    """A complex convolution and its norm."""

    def __init__(self, name, kind, narrow, wide, taps):
        super().__init__()
        sizes = {"kernel_size": taps, "stride": STRIDE, "padding": PADDING}
        stem = "conv" if name == "conv" else "tconv"
        self.add_module(name, Complex(stem, kind, narrow, wide, **sizes))
        self.bn = Complex("bn", nn.BatchNorm2d, wide)


class Memory(nn.Module):
    """One or two complex FSMN layers."""

    def __init__(self, channels, layers):
        super().__init__()
        for i in range(1, layers + 1):
            for part in ("re", "im"):
                self.add_module(f"fsmn_{part}_L{i}", FSMN(channels, ORDER))


class FSMN(nn.Module):
    """A linear layer, a projection, and a convolution over what came before."""

    def __init__(self, wide, order):
        super().__init__()
        self.lorder = order
        self.linear = nn.Linear(wide, wide)
        self.project = nn.Linear(wide, wide, bias=False)
        self.conv1 = nn.Conv2d(wide, wide, (order, 1), groups=wide, bias=False)


class Excitation(nn.Module):
    """Squeeze-and-excitation: gains of real and imaginary parts from their means."""

    def __init__(self, channels, reduction=8):
        super().__init__()
        for part in ("fc_r", "fc_i"):
            down, up = nn.Linear(channels, channels // reduction), channels // reduction
            layers = down, nn.ReLU(), nn.Linear(up, channels), nn.Sigmoid()
            self.add_module(part, nn.Sequential(*layers))
