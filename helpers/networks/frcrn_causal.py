"""FRCRN without the future: what has to change before it could run while you speak.

Taught in 08_inside_frcrn. Two things in the network look ahead: squeeze-and-excitation takes means
over the whole recording, and each decoder reads one frame beyond the one that it makes.
`make_causal` takes out the first or both; the weights stay, and they were trained with both.
"""

import copy

import torch
from torch import nn

from helpers.networks.frcrn import HOP


class RunningExcitation(nn.Module):
    """Squeeze-and-excitation whose means end at the present frame."""

    def __init__(self, layer):
        super().__init__()
        self.fc_r, self.fc_i = layer.fc_r, layer.fc_i

    def forward(self, x):
        """Scale x [shape=(batch, channels, rows, frames, 2)], frame by frame."""
        count = torch.arange(1, x.shape[3] + 1, device=x.device)[:, None]
        means = x.mean(2).cumsum(2) / count  # (batch, channels, frames, 2)
        real, imag = means.transpose(1, 2).unbind(-1)  # (batch, frames, channels)
        gain_re = self.fc_r(real) - self.fc_i(imag)
        gain_im = self.fc_r(imag) + self.fc_i(real)
        gain = torch.stack([gain_re, gain_im], -1)  # (batch, frames, channels, 2)
        return x * gain.transpose(1, 2)[:, :, None]


class DelayedStage(nn.Module):
    """A decoder that gets every frame one frame later, and so has no need of the next one."""

    def __init__(self, stage):
        super().__init__()
        self.stage = stage

    def forward(self, x):
        """Run the stage on x [shape=(batch, channels, rows, frames, 2)]."""
        return self.stage(nn.functional.pad(x, (0, 0, 1, -1)))


def make_causal(network, strict=False):
    """Make a copy of FRCRN that looks less far ahead.

    Parameters
    ----------
    network : torch.nn.Module
        FRCRN, embedded or published. It is left as it is.
    strict : bool
        False replaces squeeze-and-excitation only: 14 frames of look-ahead remain, seven for each
        U-Net. True shifts the decoders too: only the window of the STFT remains.

    Returns
    -------
    torch.nn.Module
        Called like the network, with the network's weights, which were not trained for this.

    Raises
    ------
    ValueError
        If it is not FRCRN's network.

    Examples
    --------
    >>> from helpers import models
    >>> network = models.pipeline("frcrn", quiet=True).model.model
    >>> some, none = make_causal(network), make_causal(network, strict=True)
    >>> lookahead_samples(some) - lookahead_samples(none) == 14 * HOP
    True
    """
    if not hasattr(network, "unet2"):
        raise ValueError(
            f"make_causal takes FRCRN's network and got {type(network).__name__}: "
            'models.pipeline("frcrn").model.model'
        )
    new = copy.deepcopy(network)
    for unet in (new.unet, new.unet2):
        for layers in (unet.se_layers_enc, unet.se_layers_dec):
            for i, layer in enumerate(layers):
                layers[i] = RunningExcitation(layer)
        for i, stage in enumerate(unet.decoders if strict else ()):
            unet.decoders[i] = DelayedStage(stage)
    return new


def lookahead_samples(network, frames=48):
    """Measure how far into the future the samples of a network's output depend on its input.

    All that comes after some moment is NaN, not a number: it stains whatever is computed from it.

    Parameters
    ----------
    network : torch.nn.Module
        FRCRN or a variant.
    frames : int
        Length of the input, which is noise; the last 8 frames are stained.

    Returns
    -------
    int
        In samples: from the first stained one of the output to the first one of the input. A
        network that hears all of its input is stained from the beginning.

    Examples
    --------
    >>> from helpers import models
    >>> network = models.pipeline("frcrn", quiet=True).model.model
    >>> lookahead_samples(make_causal(network, strict=True))
    639
    """
    noise = 0.05 * torch.randn(1, HOP * frames, generator=torch.Generator().manual_seed(0))
    stain = HOP * (frames - 8) - 1  # the last sample that a frame needs: the worst case
    noise[:, stain:] = torch.nan
    with torch.inference_mode():
        second_stage = network(noise)[4][0]
    return stain - int(second_stage.isnan().nonzero()[0, 0])
