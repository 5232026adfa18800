"""Masks for the echo that a filter leaves over: one of arithmetic, one that was trained.

A loudspeaker distorts, and a room rings on for longer than a filter can be; neither can be
predicted, but where in time and frequency it lies can be guessed. Taught in 09_cancel_echo.
"""

import functools
from pathlib import Path

import numpy as np

from helpers import checks, spectra

RATE = 16000  # what the network was trained at, in Hz
BANDS = 64  # in which the network hears each of its three signals
MODEL = checks.EMBEDDED / "echo_mini_16k"
CURE = "restore it with git checkout -- models"


def ratio_mask(left, echo, over=4.0, floor=0.1):
    """Guess from the predicted echo how much of it is left, cell by cell, and let the rest through.

    How much leaks past the filter is told, frequency by frequency, by the cells that have echo in
    them: the share of it that is left in the middle one, where nobody else happens to be loud.

    Parameters
    ----------
    left, echo : Clip
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
    >>> bool(ratio_mask(noise.gain(-20), noise).mean() < 0.9)
    True
    """
    heard, played = (np.abs(spectra.stft(clip)) ** 2 for clip in (left, echo))
    for i in range(1, played.shape[1]):  # a room rings on: 60 dB in about half a second
        played[:, i] = np.maximum(played[:, i], 0.8 * played[:, i - 1])
    loud = played >= played.mean(axis=1, keepdims=True)
    share = np.where(loud, heard / np.maximum(played, 1e-20), np.nan)
    leak = np.minimum(np.nanmedian(share, axis=1), 1)
    rest = 1 - over * leak[:, None] * played / np.maximum(heard, 1e-20)
    return np.sqrt(np.maximum(rest, floor**2))


def trained_mask(left, echo, net=None):
    """Let a network guess what share of each cell is no echo.

    Parameters
    ----------
    left, echo : Clip
        What the filter left, and the echo that it predicted, at 16 kHz.
    net : torch.nn.Module, optional
        ModelScope's MaskNet; None takes the embedded one.

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
    import torch

    net = network() if net is None else net
    with torch.inference_mode():
        guess = net(torch.from_numpy(features(left, echo))[None])  # (1, frames, 257)
    return guess[0].T.numpy()


def features(left, echo):
    """Describe what the network hears: three signals, each as its power in 64 bands.

    Parameters
    ----------
    left, echo : Clip
        What the filter left, and the echo that it predicted, at 16 kHz.

    Returns
    -------
    ndarray [shape=(frames, 192)]
        Logarithms of the power of both together (which is the microphone), of `left` and of `echo`.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> features(Clip(np.zeros(16000), 16000), Clip(np.zeros(16000), 16000)).shape
    (126, 192)
    """
    both = left.with_samples(left.samples + echo.samples)
    powers = (np.abs(spectra.stft(clip)) ** 2 for clip in (both, left, echo))
    levels = [np.log(_bands() @ power + 1e-4) for power in powers]  # (64, frames) each
    return np.concatenate(levels).T.astype(np.float32) / 4


def network(folder=MODEL):
    """Load the embedded mask: ModelScope's MaskNet with small numbers.

    Parameters
    ----------
    folder : str or Path
        Holds configuration.json, pytorch_model.bin, and the checksums of both, checksums.json.

    Returns
    -------
    modelscope.models.audio.aec.network.se_net.MaskNet
        Ready to use.

    Raises
    ------
    ValueError
        If a file is missing or changed, or holds anything but plain weights that fit.

    Examples
    --------
    >>> network().layers
    6
    """
    folder = Path(folder)
    names = (checks.CONFIGURATION, "pytorch_model.bin", "checksums.json")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder} lacks {', '.join(missing)}: {CURE}")
    found = {name: checks.sha256(folder / name) for name in names[:2]}
    checks.compare(found, checks.read_json(folder / "checksums.json"), CURE)
    return _build(folder, tuple(found.values()))


@functools.lru_cache(maxsize=2)
def _build(folder, _digests):
    """Build the network, once for each content of its files."""
    import torch
    from modelscope.models.audio.aec.network.se_net import MaskNet

    try:
        net = MaskNet(**checks.read_json(folder / checks.CONFIGURATION)["model"]["network"])
        file = folder / "pytorch_model.bin"
        net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as problem:
        why = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise ValueError(
            f"{folder} does not hold plain weights that fit ({why}): {CURE}"
        ) from problem
    return net.eval()


@functools.cache
def _bands():
    """Make triangular bands that widen with frequency as the ear's do [shape=(64, 257)]."""
    import librosa

    return librosa.filters.mel(sr=RATE, n_fft=512, n_mels=BANDS, norm=None)
