"""Take the noise away and leave the rest of the recording as it was. Taught in 07.

ModelScope's pipeline sets every input to one level and never goes back, pads by a third, and may
return fewer samples than it got. `denoise` runs the same network without these.
"""

import functools
import math
from pathlib import Path

import numpy as np

from helpers import audio, models, networks, windows
from helpers.clip import Clip
from helpers.networks import fast

RATE = 16000  # what FRCRN was trained on, in Hz
TASK = "acoustic-noise-suppression"


def denoise(
    source,
    rate: int | None = None,
    *,
    network: str = "frcrn",
    precision: str = "float32",
    resume: str | Path | None = None,
    device: str = "cpu",
    **where,
) -> Clip:
    """Remove noise from a recording of speech.

    Parameters
    ----------
    source : Clip, str, Path, bytes or file object
        Any recording that `audio.load` takes, at any rate: FRCRN hears it at 16 kHz, so what lies
        above 8 kHz is lost.
    rate : int, optional
        Rate of the result in Hz; None keeps the recording's own.
    network : str
        "frcrn".
    precision : str
        "float32", or "bfloat16" for speed: see `fast.optimized`.
    resume : str or Path, optional
        A folder in which the finished windows of a recording over 30 s are kept: stopped and
        called again, the work goes on where it was. Delete it afterwards.
    device : str
        "cpu", "cuda", "mps" or "auto", which takes a graphics card where one is there: the result
        differs by rounding alone.
    **where : dict
        Which weights, as in `models.resolve`: `folder` and `tier`.

    Returns
    -------
    Clip
        As long as the recording, to the sample, at the level that its speech had; a constant
        offset is noise too. Silence stays silence.

    Raises
    ------
    ValueError
        If the recording can't be read or is empty, the weights can't be had, or there is
        no such device.

    Examples
    --------
    >>> noisy = audio.load(audio.SOUNDS / "speech_with_noise1.wav")
    >>> clean = denoise(noisy)
    >>> clean.name, len(clean) == len(noisy)
    ('speech_with_noise1 denoised', True)
    """
    clip = audio.remove_dc(audio.load(source))  # before resampling: it would ring
    if not len(clip):
        raise ValueError("there is nothing to denoise: the clip holds no samples")
    rate = clip.rate if rate is None else Clip(np.empty(0), rate).rate
    record = networks.get(network, TASK)
    model = models.bare(network, device=device, **{"quiet": True, **where})
    cache = windows.WindowCache(resume, model, precision) if resume else None
    form = fast.optimized(model, precision)
    length = max(1, round(len(clip) * rate / clip.rate))
    if clip.rate != RATE:  # lets go of an hour at 44.1 kHz, which is 600 MB
        clip = audio.resample(clip, RATE)
    clip = audio.without_bumps(clip)  # what goes beyond the voices' peak is noise
    gain = level_gain(clip.samples)
    run = functools.partial(record.apply, form)
    with fast.enough_threads(model):
        (samples,) = windows.overlap_add(clip.samples, run, RATE, cache=cache, gain=gain)
    # In place: an hour is 230 MB. A network trained on SI-SDR may give speech upside down.
    samples /= np.float32(gain if samples @ clip.samples >= 0 else -gain)
    clean = Clip(samples, RATE, f"{clip.name} denoised".strip())
    return clean if (rate, length) == (RATE, len(clean)) else audio.resample(clean, rate, length)


def level_gain(samples: np.ndarray, db: float = -25) -> float:
    """Find the gain that ModelScope's pipeline puts before the network.

    Its `audio_norm` sets the root mean square of the samples that are louder than average, pauses
    left out, to -25 dB.

    Parameters
    ----------
    samples : ndarray [shape=(n,)]
        A recording.
    db : float
        The level to reach, in dB re full scale.

    Returns
    -------
    float
        A factor; 1 for silence (below -200 dB), where the library divides by zero.

    Examples
    --------
    >>> level_gain(np.array([0.0, 0.0, 0.0, 1.0]), db=-20)
    0.1
    """
    power = _energy(samples) / max(1, len(samples))
    # Minute by minute, without copies of an hour.
    parts = (samples[at : at + 60 * RATE] for at in range(0, len(samples), 60 * RATE))
    loud = [part[np.abs(part) > math.sqrt(power)] for part in parts]
    count = sum(map(len, loud))
    active = sum(map(_energy, loud)) / count if count else power  # a square wave has none
    return 10 ** (db / 20) / math.sqrt(active) if active > 1e-20 else 1.0


def _energy(samples):
    """Return the sum of squares, in double precision without a copy in it."""
    return float(np.einsum("i,i->", samples, samples, dtype=np.float64))
