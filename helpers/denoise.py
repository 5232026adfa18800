"""Take the noise away and leave the rest of the recording as it was. Taught in 07.

ModelScope's pipeline sets every input to one level and never goes back, pads by a third, and may
return fewer samples than it got. `denoise` runs the same network without these.
"""

import math

import numpy as np

from helpers import audio, models, overlap
from helpers.clip import Clip

RATE = 16000  # what FRCRN was trained on, in Hz
HOP = 320  # by how much its windows of 640 samples move


def denoise(source, rate=None, **where):
    """Remove noise from a recording of speech.

    Parameters
    ----------
    source : Clip, str, Path, bytes or file object
        Any recording that `audio.load` takes, at any rate: FRCRN hears it at 16 kHz, so what lies
        above 8 kHz is lost.
    rate : int, optional
        Rate of the result in Hz; None keeps the recording's own.
    **where : dict
        Which weights, as in `models.resolve`: `folder` and `tier`.

    Returns
    -------
    Clip
        As long as the recording, to the sample, at the level that its speech had. Silence stays
        silence.

    Raises
    ------
    ValueError
        If the recording can't be read or is empty, or the weights can't be had.

    Examples
    --------
    >>> noisy = audio.load(audio.SOUNDS / "speech_with_noise1.wav")
    >>> clean = denoise(noisy)
    >>> clean.name, len(clean) == len(noisy)
    ('speech_with_noise1 denoised', True)
    """
    clip = audio.load(source)
    if not len(clip):
        raise ValueError("there is nothing to denoise: the clip holds no samples")
    model = models.pipeline("frcrn", **{"quiet": True, **where}).model
    noisy = audio.resample(clip, RATE).samples
    gain = level_gain(noisy)
    (samples,) = overlap.process(noisy * gain, lambda part: run(model, part), RATE)
    if samples @ noisy < 0:  # a network trained on SI-SDR may give speech upside down
        samples = -samples
    rate = rate or clip.rate
    length = round(len(clip) * rate / clip.rate)
    clean = Clip(samples / gain, RATE, f"{clip.name} denoised".strip())
    return audio.resample(clean, rate, length)


def run(model, samples):
    """Run FRCRN on samples, without a click or a loss at the edges.

    At its first and last half window the inverse transform divides by nearly nothing. So a hop of
    silence goes before and after, and is cut off again; up to a hop more fills the last window.

    Parameters
    ----------
    model : torch.nn.Module
        FRCRN, as ModelScope's pipeline holds it.
    samples : ndarray [shape=(n,)]
        Noisy speech at 16 kHz, at the level that the network knows.

    Returns
    -------
    ndarray [shape=(1, n)]
        The speech.

    Examples
    --------
    >>> model = models.pipeline("frcrn", quiet=True).model
    >>> run(model, np.zeros(1000, dtype=np.float32)).shape
    (1, 1000)
    """
    import torch

    padded = np.pad(samples, (HOP, HOP + -len(samples) % HOP))
    with torch.inference_mode():
        stages = model({"noisy": torch.from_numpy(padded)[None]})  # (1, padded)
    return stages["wav_l2"][:, HOP : HOP + len(samples)].numpy()


def level_gain(samples, db=-25):
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
    power = np.square(samples, dtype=np.float64)
    loud = power[power > power.mean()]
    active = loud.mean() if len(loud) else power.mean()  # all equally loud: a square wave
    return 10 ** (db / 20) / math.sqrt(active) if active > 1e-20 else 1.0
