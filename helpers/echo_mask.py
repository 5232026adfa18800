"""Masks for the echo that a filter leaves over: one of arithmetic, one that was trained.

A loudspeaker distorts, and a room rings on for longer than a filter can be; neither can be
predicted, but where in time and frequency it lies can be guessed. Taught in 09_cancel_echo.
"""

from typing import Any

import numpy as np

from helpers import frames, models
from helpers.clip import Clip
from helpers.networks import NETWORKS

RATE = 16000  # what the network was trained at, in Hz
SIZE = 512  # samples in a window of its spectra: 32 ms
BANDS = 64  # in which the network hears each of its three signals


def residual_echo_mask(
    error: Clip, echo_estimate: Clip, over: float = 4.0, floor: float = 0.1
) -> np.ndarray:
    """Guess from the predicted echo how much of it is left, cell by cell, and let the rest through.

    How much leaks past the filter is told, frequency by frequency, by the cells that have echo in
    them: the share of it that is left in the middle one, where nobody else happens to be loud.

    Parameters
    ----------
    error, echo_estimate : Clip
        What the filter left, and the echo that it predicted.
    over : float
        By what the guess is multiplied, to be on the safe side.
    floor : float
        The least that is let through.

    Returns
    -------
    ndarray [shape=(1 + size / 2, frames)]
        Between `floor` and 1.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> noise = Clip(np.random.default_rng(0).normal(size=16000), 16000)
    >>> bool(residual_echo_mask(noise.gain(-20), noise).mean() < 0.9)
    True
    """
    heard, played = (np.abs(frames.stft(clip, SIZE)) ** 2 for clip in (error, echo_estimate))
    for i in range(1, played.shape[1]):  # a room rings on: 60 dB in about half a second
        played[:, i] = np.maximum(played[:, i], 0.8 * played[:, i - 1])
    loud = played >= played.mean(axis=1, keepdims=True)
    share = np.where(loud, heard / np.maximum(played, 1e-20), np.nan)
    leak = np.minimum(np.nanmedian(share, axis=1), 1)
    rest = 1 - over * leak[:, None] * played / np.maximum(heard, 1e-20)
    return np.sqrt(np.maximum(rest, floor**2))


def trained_mask(
    error: Clip, echo_estimate: Clip, net: Any = None, device: str = "cpu"
) -> np.ndarray:
    """Let a network guess what share of each cell is no echo.

    Parameters
    ----------
    error, echo_estimate : Clip
        What the filter left, and the echo that it predicted, at 16 kHz.
    net : torch.nn.Module, optional
        ModelScope's MaskNet; None takes the embedded one.
    device : str
        Where the embedded one runs: see `devices.chosen`.

    Returns
    -------
    ndarray [shape=(257, frames)]
        Between 0 and 1.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> noise = Clip(0.05 * np.random.default_rng(0).normal(size=16000), 16000)
    >>> trained_mask(noise, noise).shape
    (257, 126)
    """
    if net is None:
        net = models.bare("echo_mask", tier="embedded", quiet=True, device=device)
    return NETWORKS["echo_mask"].apply(net, features(error, echo_estimate))


def features(error: Clip, echo_estimate: Clip) -> np.ndarray:
    """Describe what the network hears: three signals, each as its power in 64 bands.

    Parameters
    ----------
    error, echo_estimate : Clip
        What the filter left, and the echo that it predicted, at 16 kHz.

    Returns
    -------
    ndarray [shape=(frames, 192)]
        Logarithms of the power of both together (which is the microphone), of `error` and of
        `echo_estimate`.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> features(Clip(np.zeros(16000), 16000), Clip(np.zeros(16000), 16000)).shape
    (126, 192)
    """
    both = error.with_samples(error.samples + echo_estimate.samples)
    powers = (np.abs(frames.stft(clip, SIZE)) ** 2 for clip in (both, error, echo_estimate))
    bands = frames.mel_bands(RATE, SIZE, BANDS)
    levels = [np.log(bands @ power + 1e-4) for power in powers]  # (64, frames) each
    return np.concatenate(levels).T.astype(np.float32) / 4
