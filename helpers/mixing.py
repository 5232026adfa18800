"""Make the bad recording on purpose: add clips at a level ratio that you choose.

Taught where mixtures are made by hand; used wherever a score needs a clean reference.
"""

import numpy as np

from helpers.clip import Clip


def mix(*clips: Clip, name: str = "mixture") -> Clip:
    """Add clips sample by sample, as the air does.

    Parameters
    ----------
    *clips : Clip
        At one rate; shorter ones are followed by silence.
    name : str
        Name of the result.

    Returns
    -------
    Clip
        As long as the longest.

    Raises
    ------
    ValueError
        If there is no clip, or the rates differ.

    Examples
    --------
    >>> mix(Clip([0.25, 0.25, 0.25], 8000), Clip([0.5], 8000)).samples.tolist()
    [0.75, 0.25, 0.25]
    """
    _same_rate(*clips)
    total = np.zeros(max(map(len, clips)), dtype=np.float32)
    for clip in clips:
        total[: len(clip)] += clip.samples
    return Clip(total, clips[0].rate, name)


def at_snr(speech: Clip, noise: Clip, snr: float) -> tuple[Clip, Clip]:
    """Add noise to speech at a signal-to-noise ratio.

    The ratio is that of the mean powers over the whole clip, pauses included. Noise that is too
    short is repeated, noise that is too long is cut.

    Parameters
    ----------
    speech : Clip
        Kept as it is.
    noise : Clip
        Scaled to fit the ratio.
    snr : float
        In dB: 0 makes both equally strong, 20 is a quiet room, -5 a loud street.

    Returns
    -------
    mixture : Clip
        The noisy speech.
    noise : Clip
        The noise as it is in the mixture, so that mixture = speech + noise.

    Raises
    ------
    ValueError
        If the rates differ, or one of the two is silent.

    Examples
    --------
    >>> hiss = Clip(np.random.default_rng(0).normal(size=8000), 8000, "hiss")
    >>> tone = Clip(np.sin(np.arange(8000)), 8000, "tone")
    >>> noisy, scaled = at_snr(tone, hiss, snr=5)
    >>> round(tone.level - scaled.level, 2)
    5.0
    """
    _same_rate(speech, noise)
    looped = noise.with_samples(np.resize(noise.samples, len(speech)))
    noise = _scaled(looped, speech, snr)
    return mix(speech, noise, name=f"{speech.name} + {noise.name}, {snr:g} dB"), noise


def at_sir(first: Clip, second: Clip, ratio: float) -> tuple[Clip, Clip, Clip]:
    """Let two people talk at once, the first `ratio` dB stronger than the second.

    Parameters
    ----------
    first, second : Clip
        Two voices; the shorter is followed by silence, which counts in its mean power.
    ratio : float
        Mean power of the first over that of the second, in dB.

    Returns
    -------
    mixture, first, second : Clip
        All of one length, with mixture = first + second: the references of a separation.

    Raises
    ------
    ValueError
        If the rates differ, or one of the two is silent.

    Examples
    --------
    >>> low, high = Clip(np.sin(np.arange(8000) / 9), 8000), Clip(np.sin(np.arange(4000)), 8000)
    >>> mixture, low, high = at_sir(low, high, ratio=3)
    >>> round(low.level - high.level, 2), len(high)
    (3.0, 8000)
    """
    _same_rate(first, second)
    length = max(len(first), len(second))
    first, second = (
        clip.with_samples(np.pad(clip.samples, (0, length - len(clip)))) for clip in (first, second)
    )
    second = _scaled(second, first, ratio)
    return mix(first, second, name=f"{first.name} + {second.name}"), first, second


def _scaled(clip, anchor, ratio):
    """Scale `clip` until it lies `ratio` dB below `anchor`."""
    for each in (clip, anchor):
        if not each.samples.any():
            raise ValueError(
                f"{each.name or 'a clip'!r} is silent, and no gain gives silence a level: "
                "choose another clip, or cut() a part with sound"
            )
    return clip.gain(anchor.level - ratio - clip.level)


def _same_rate(*clips):
    """Refuse to add clips whose samples lie at different times."""
    if not clips:
        raise ValueError("nothing to mix: give at least one Clip, for example mix(voice, noise)")
    for clip in clips:
        if clip.rate != clips[0].rate:
            raise ValueError(
                f"the clips must share one rate: {clips[0].name!r} has {clips[0].rate} Hz and "
                f"{clip.name!r} has {clip.rate} Hz: audio.resample(clip, {clips[0].rate})"
            )
