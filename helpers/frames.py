"""The transform of `spectra` for the tools: the same numbers by NumPy alone.

librosa takes a second and a half to import, and a compiler's cache that some machines have no place
for. Tests hold these functions to librosa's. Used by echo; lessons use `spectra`.
"""

import functools

import numpy as np

from helpers.clip import Clip

BLOCK = 1024  # frames that are transformed at a time: an hour's would be 2 GB


def stft(clip: Clip, size: int) -> np.ndarray:
    """Transform a clip frame by frame, with a hop of a quarter of the window.

    Parameters
    ----------
    clip : Clip
        The sound.
    size : int
        Length of the periodic Hann window in samples, divisible by 4.

    Returns
    -------
    ndarray of complex [shape=(1 + size / 2, frames)]
        As `spectra.stft` gives it.

    Examples
    --------
    >>> stft(Clip(np.sin(np.arange(8000)), 8000), 256).shape
    (129, 126)
    """
    hop, window = size // 4, _hann(size)
    padded = np.pad(clip.samples.astype(np.float64), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]  # (frames, size)
    found = np.empty((1 + size // 2, len(frames)), np.complex128, order="F")
    for at in range(0, len(frames), BLOCK):
        found[:, at : at + BLOCK] = np.fft.rfft(frames[at : at + BLOCK] * window).T
    return found


def istft(spectrum: np.ndarray, like: Clip) -> Clip:
    """Turn a spectrum back into sound, by weighted overlap-add.

    Parameters
    ----------
    spectrum : ndarray of complex [shape=(1 + size / 2, frames)]
        As `stft` makes it, changed or not.
    like : Clip
        Gives the rate, the length and the name.

    Returns
    -------
    Clip
        As `spectra.istft` gives it.

    Examples
    --------
    >>> clip = Clip(np.sin(np.arange(8000)), 8000)
    >>> bool(np.abs(istft(stft(clip, 256), clip).samples - clip.samples).max() < 1e-6)
    True
    """
    size, count = 2 * (len(spectrum) - 1), spectrum.shape[1]
    hop, window = size // 4, _hann(size)
    quarters = np.zeros((2, count + 3, hop))  # of the sound and of the sum of squared windows
    for at in range(0, count, BLOCK):
        waves = np.fft.irfft(spectrum[:, at : at + BLOCK].T, n=size) * window
        for i in range(4):  # each frame begins a quarter after the one before
            part = slice(at + i, at + i + len(waves))
            quarters[0, part] += waves[:, i * hop : (i + 1) * hop]
            quarters[1, part] += window[i * hop : (i + 1) * hop] ** 2
    wave, weight = (row.ravel()[size // 2 :][: len(like)] for row in quarters)
    wave = np.divide(wave, weight, out=wave, where=weight > np.finfo(float).tiny)
    return like.with_samples(np.pad(wave, (0, len(like) - len(wave))))


@functools.cache
def mel_bands(rate: int, size: int, bands: int) -> np.ndarray:
    """Make triangles that widen with frequency as the ear's bands do, each one high.

    Parameters
    ----------
    rate : int
        In Hz.
    size : int
        Length of the transform in samples.
    bands : int
        How many.

    Returns
    -------
    ndarray [shape=(bands, 1 + size / 2)]
        As librosa.filters.mel gives it with norm=None.

    Notes
    -----
    Slaney's scale (Auditory Toolbox, 1998): 3 mel each 200 Hz up to 1 kHz, above it 27 mel each
    factor of 6.4.

    Examples
    --------
    >>> mel_bands(16000, 512, 64).shape
    (64, 257)
    """
    linear, step = 15.0, np.log(6.4) / 27  # in mel: where it becomes logarithmic, and how
    most = linear + np.log(rate / 2 / 1000) / step
    mel = np.linspace(0, most, bands + 2)
    edges = np.where(mel < linear, mel * 200 / 3, 1000 * np.exp(step * (mel - linear)))  # in Hz
    away = edges[:, None] - np.fft.rfftfreq(size, 1 / rate)  # (bands + 2, bins)
    width = np.diff(edges)[:, None]
    rising, falling = -away[:-2] / width[:-1], away[2:] / width[1:]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def _hann(size):
    """Periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
