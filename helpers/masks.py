"""Ideal masks: what to multiply each cell of a mixture by, when the answer is known.

Oracles: a yardstick for what predicts such a mask, and no upper bound. Each is best in one cell at
a time; frames overlap, and a mask of the same kind that is searched for by its sound scores more.
Taught in 03_mixtures_and_masks.
"""

import numpy as np

from helpers.clip import Clip
from helpers.spectra import istft, stft


def binary(target: Clip, rest: Clip, criterion: float = 0, size: int | None = None) -> np.ndarray:
    """Make the ideal binary mask: keep each cell in which the target is the louder one.

    Parameters
    ----------
    target, rest : Clip
        What to keep, and all the rest of the mixture, as they are in it.
    criterion : float
        How many dB louder the target must be; Wang's local criterion.
    size : int, optional
        Length of the window in samples; None is 32 ms.

    Returns
    -------
    ndarray [shape=(1 + size / 2, frames)]
        Zeros and ones.

    Notes
    -----
    Wang, "On ideal binary mask as the computational goal of auditory scene analysis", 2005.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> low, high = Clip(np.sin(np.arange(8000) / 9), 8000), Clip(np.sin(np.arange(8000)), 8000)
    >>> mask = binary(low, high)
    >>> bool(mask[4, 60]), bool(mask[41, 60])
    (True, False)
    """
    wanted, other = _powers(target, rest, size)
    return (wanted > other * 10 ** (criterion / 10)).astype(np.float64)


def ratio(target: Clip, rest: Clip, exponent: float = 0.5, size: int | None = None) -> np.ndarray:
    """Make the ideal ratio mask: keep of each cell the target's share.

    Parameters
    ----------
    target, rest : Clip
        What to keep, and all the rest of the mixture, as they are in it.
    exponent : float
        What the share of power is raised to: 0.5 is the usual ratio mask, 1 the Wiener filter.
    size : int, optional
        Length of the window in samples; None is 32 ms.

    Returns
    -------
    ndarray [shape=(1 + size / 2, frames)]
        Between 0 and 1; 0 where both are silent.

    Notes
    -----
    Wang, Narayanan and Wang, "On training targets for supervised speech separation", IEEE/ACM
    TASLP 22 (12), 2014, equation 4.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> tone = Clip(np.sin(np.arange(8000)), 8000)
    >>> round(float(ratio(tone, tone)[41, 60]), 3)
    0.707
    """
    wanted, other = _powers(target, rest, size)
    both = wanted + other
    return np.divide(wanted, both, out=np.zeros_like(both), where=both > 0) ** exponent


def complex_ratio(
    target: Clip, mixture: Clip, limit: float | None = None, size: int | None = None
) -> np.ndarray:
    """Make the ideal complex mask: what the mixture must be multiplied by to give the target.

    Parameters
    ----------
    target, mixture : Clip
        What to keep, and the whole.
    limit : float, optional
        The largest magnitude; None is none. A network's mask has one.
    size : int, optional
        Length of the window in samples; None is 32 ms.

    Returns
    -------
    ndarray of complex [shape=(1 + size / 2, frames)]
        The quotient of the two spectra; 0 where the mixture is silent. Its real part is in each
        cell the best real number, the phase-sensitive mask (Erdogan et al., ICASSP 2015).

    Notes
    -----
    Williamson, Wang and Wang, "Complex ratio masking for monaural speech separation", IEEE/ACM
    TASLP 24 (3), 2016.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> tone = Clip(np.sin(np.arange(8000)), 8000)
    >>> round(float(abs(complex_ratio(tone, tone.gain(20))[41, 60])), 3)
    0.1
    """
    _alike(target, mixture)
    part, whole = stft(target, size), stft(mixture, size)
    mask = np.divide(part, whole, out=np.zeros_like(part), where=np.abs(whole) > 0)
    return mask if limit is None else mask / np.maximum(1, np.abs(mask) / limit)


def apply(mask: np.ndarray, mixture: Clip, name: str | None = None) -> Clip:
    """Multiply a mixture's spectrum by a mask and turn it back into sound.

    Parameters
    ----------
    mask : ndarray [shape=(1 + size / 2, frames)]
        Real or complex; its rows tell the window's length, and the hop is a quarter of that.
    mixture : Clip
        What to filter.
    name : str, optional
        Name of the result.

    Returns
    -------
    Clip
        As long as the mixture.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> tone = Clip(np.sin(np.arange(8000)), 8000, "a tone")
    >>> apply(np.full((129, 126), 0.1), tone, "softer")
    Clip('softer', 1.00 s, 8000 Hz, -23.0 dB)
    """
    spectrum = stft(mixture, 2 * (len(mask) - 1))
    if np.shape(mask) != spectrum.shape:
        raise ValueError(
            f"a mask of shape {np.shape(mask)} for a spectrum of shape {spectrum.shape}: make the "
            "mask from clips of the mixture's length and rate, with one size"
        )
    return istft(mask * spectrum, mixture, name=name)


def _powers(target, rest, size):
    """Measure the power in each cell of two clips."""
    _alike(target, rest)
    return (np.abs(stft(clip, size)) ** 2 for clip in (target, rest))


def _alike(first, second):
    """Refuse clips whose cells lie at different times."""
    if (first.rate, len(first)) != (second.rate, len(second)):
        raise ValueError(
            f"{first!r} and {second!r} differ in rate or length: mixing.at_sir and mixing.at_snr "
            "return clips that fit"
        )
