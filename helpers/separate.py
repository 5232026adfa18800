"""Give every speaker a track of their own. Taught in 05.

ModelScope's pipeline makes every source equally loud, one at a time. `separate` runs the same
network and lets the mixture decide how loud each source was.
"""

import functools
from pathlib import Path

import numpy as np

from helpers import audio, models, networks, windows
from helpers.clip import Clip
from helpers.networks import devices, fast

TASK = "speech-separation"
RATE = 8000  # what the separators were trained on, in Hz
LEVEL = -25  # what they are given every mixture at, in dB re full scale


def separate(
    source,
    rate: int | None = None,
    *,
    network: str = "mossformer",
    consistent: bool = True,
    precision: str = "float32",
    resume: str | Path | None = None,
    device: str = "cpu",
    **where,
) -> list[Clip]:
    """Separate the people who talk at once in a recording.

    Parameters
    ----------
    source : Clip, str, Path, bytes, file object or list of Clip
        Any recording that `audio.load` takes, or what `audio.people` made of it. One that is not at
        8 kHz is resampled: the separators know no other rate, so what lies above 4 kHz is lost.
    rate : int, optional
        Rate of the results in Hz. None gives 8000, whatever the recording had.
    network : str
        "mossformer", or "mossformer2", whose weights you download yourself: see `models.resolve`.
    consistent : bool
        Whether to share out among the speakers what the network gave to none of them, so that the
        tracks add up to the mixture. False leaves it out: the recording minus the tracks is then
        what is left over, such as noise.
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
    list of Clip
        One a speaker, in no particular order (`metrics.match` finds it), as long as the recording
        to the sample and as loud as in the mixture: see `least_squares_gains`. They add up to the
        recording as it is at 8 kHz, without a constant offset, with an error of less than -90 dB of
        its level: see `mixture_consistency`. Silence stays silence. Where each person had a channel
        of their own, as in recorded calls, the tracks are these channels as they are.

    Raises
    ------
    ValueError
        If the recording can't be read or holds no samples, the weights can't be had, or there is
        no such device.

    Examples
    --------
    >>> mixture = audio.load(audio.SOUNDS / "mix_speech.wav")
    >>> [len(source) == len(mixture) for source in separate(mixture)]
    [True, True]
    """
    given = isinstance(source, list) and source and all(isinstance(c, Clip) for c in source)
    apart = source if given else audio.people(source)
    if len(apart) > 1:  # a call with a channel for each: nothing to separate
        apart = [audio.resample(clip, RATE if rate is None else rate) for clip in apart]
        return [clip.named(f"{clip.name} speaker {i}") for i, clip in enumerate(apart, start=1)]
    clip = audio.remove_dc(apart[0])  # before resampling: it would ring
    if not len(clip):
        raise ValueError("there is nothing to separate: the clip holds no samples")
    rate = RATE if rate is None else Clip(np.empty(0), rate).rate
    length = max(1, round(len(clip) * rate / clip.rate))
    if clip.rate != RATE:  # lets go of an hour at 44.1 kHz, which is 600 MB
        clip = audio.resample(clip, RATE)
    record = networks.get(network, TASK)
    model = models.bare(network, device=device, **{"quiet": True, **where})
    where_from = [] if devices.of(model).type == "cpu" else [device]  # it rounds otherwise
    cache = windows.WindowCache(resume, model, precision, *where_from) if resume else None
    embed = record.encode and functools.partial(windows.speaker_embedding, record.encode(model))
    model = fast.optimized(model, precision)
    # Normalize first: at -60 dB the network's epsilon dominates and costs 2 dB SI-SDR.
    whole, clip = clip.samples, audio.without_bumps(clip)
    gain, mixture = 10 ** ((LEVEL - max(clip.level, -200)) / 20), clip.samples
    run = functools.partial(record.apply, model)
    sources = windows.overlap_add(mixture, run, RATE, embed, cache, gain)
    # In place: an hour of audio is 115 MB at 8 kHz.
    sources *= least_squares_gains(sources, mixture)[:, None]
    if consistent:
        sources = mixture_consistency(sources, whole)  # a bump that was clipped comes back
    tracks = [
        Clip(row, RATE, f"{clip.name} speaker {i}".strip())
        for i, row in enumerate(sources, start=1)
    ]
    if (rate, length) == (RATE, len(mixture)):
        return tracks
    return [audio.resample(track, rate, length) for track in tracks]


def least_squares_gains(sources: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Find how loud each source is, from the one thing known: they add up to the mixture.

    A network trained on SI-SDR may give each source at any scale, even upside down. The gains
    returned bring the sum of the sources as close to the mixture as gains can, in least squares.
    Where that has no one answer, because a source is silent or two are nearly the same (one person
    alone), all get one gain: a faint double stays faint.

    Parameters
    ----------
    sources : ndarray [shape=(speakers, n)]
        What the network gave.
    mixture : ndarray [shape=(n,)]
        What the network was given.

    Returns
    -------
    ndarray [shape=(speakers,)]
        A factor for each source.

    Examples
    --------
    >>> voices = np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 0.0]])
    >>> least_squares_gains(voices, mixture=np.array([0.5, 3.0, 1.0])).round(6).tolist()
    [0.5, -3.0]
    """
    gram, target = sources @ sources.T, sources @ mixture
    size = np.sqrt(np.diag(gram))
    if size.all():
        alike = gram / np.outer(size, size)  # correlations (speakers, speakers)
        if np.linalg.eigvalsh(alike)[0] > 0.05:
            return (np.linalg.solve(alike, target / size) / size).astype(sources.dtype)
    upright = np.sign(target)  # which way round each source is like the mixture
    total = upright @ gram @ upright
    return (upright * (upright @ target / total if total > 0 else 0)).astype(sources.dtype)


def mixture_consistency(sources: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Make sources add up to the mixture: share out what is left over, by their energy.

    The projection of Wisdom et al. (2019, arXiv 1811.08521). With the embedded model some 1 % of a
    mixture's energy is left over; shared out it makes clean mixtures 0.1 dB better and very noisy
    ones 0.1 dB worse. A faint source gets little of it and stays faint.

    Parameters
    ----------
    sources : ndarray [shape=(speakers, n)]
        The sources, as loud as in the mixture.
    mixture : ndarray [shape=(n,)]
        What they should add up to.

    Returns
    -------
    ndarray [shape=(speakers, n)]
        Sources that do.

    Examples
    --------
    >>> tracks = np.array([[1.0, 1.0], [0.0, 0.0]])
    >>> mixture_consistency(tracks, mixture=np.array([2.0, 1.0])).tolist()
    [[2.0, 1.0], [0.0, 0.0]]
    """
    energy = np.einsum("sn,sn->s", sources, sources, dtype=np.float64)
    if not energy.any():
        energy[:] = 1  # nobody was heard: all get the same
    weights = (energy / energy.sum()).astype(sources.dtype)
    shared = np.empty_like(sources)
    for at in range(0, len(mixture), 60 * RATE):  # minute by minute: an hour is 115 MB a track
        part = slice(at, at + 60 * RATE)
        rest = mixture[part] - sources[:, part].sum(axis=0)
        shared[:, part] = sources[:, part] + weights[:, None] * rest
    return shared
