"""Give every speaker a track of their own. Taught in 05.

ModelScope's pipeline makes every source equally loud, one at a time. `separate` runs the same
network and lets the mixture decide how loud each source was. `conversation` asks another network,
which has a track for the noise and leaves a track empty where nobody talks.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers import audio, models, networks, windows
from helpers.clip import Clip
from helpers.files import checkpoint
from helpers.networks import fast

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
    record = networks.get(network, TASK)
    if record.noise_track:
        raise ValueError(f"{network} gives people and noise: separate.conversation(source)")
    apart = _apart(source)
    if len(apart) > 1:  # a call with a channel for each: nothing to separate
        return _channels(apart, RATE if rate is None else rate)
    clip, rate, length = _prepared(apart[0], rate)
    sources, mixture = _sources(clip, record, precision, resume, device, where)
    # In place: an hour of audio is 115 MB at 8 kHz.
    sources *= least_squares_gains(sources, mixture)[:, None]
    if consistent:
        sources = mixture_consistency(sources, clip.samples)  # a bump that was clipped comes back
    return _tracks(sources, _names(clip, len(sources)), rate, length)


@dataclass(frozen=True)
class Conversation:
    """Who talks in a recording, and what else is in it; together they are the recording.

    Parameters
    ----------
    people : list of Clip
        One a person, in the order in which they begin to talk; none where nobody does.
    noise : Clip
        All the rest.
    """

    people: list[Clip]
    noise: Clip


def conversation(
    source,
    rate: int | None = None,
    *,
    precision: str = "float32",
    resume: str | Path | None = None,
    device: str = "cpu",
    **where,
) -> Conversation:
    """Give each of up to three people a track of their own, and the noise one.

    Parameters
    ----------
    source : Clip, str, Path, bytes, file object or list of Clip
        As for `separate`: of nobody, one person, or up to three who take turns or talk at once.
    rate : int, optional
        Rate of the results in Hz. None gives 8000.
    precision : str
        As for `separate`.
    resume : str or Path, optional
        As for `separate`.
    device : str
        As for `separate`.
    **where : dict
        As for `separate`.

    Returns
    -------
    Conversation
        As many people as were heard, and the noise, all as long as the recording to the sample.
        They add up to the recording as it is at 8 kHz, without a constant offset. A track holds a
        person where it is loud enough against the recording, see `heard`: how loud that is was
        measured when the weights were trained. Where each person had a channel of their own,
        these are the people, and the noise is silence.

    Raises
    ------
    ValueError
        If the recording can't be read or holds no samples, or the weights can't be had.

    Examples
    --------
    >>> heard = conversation(audio.SOUNDS / "mix_speech.wav")
    >>> len(heard.noise) == len(audio.load(audio.SOUNDS / "mix_speech.wav"))
    True
    """
    apart = _apart(source)
    if len(apart) > 1:
        people = _channels(apart, RATE if rate is None else rate)
        silence = Clip(np.zeros(max(map(len, people)), np.float32), people[0].rate)
        return Conversation(people, silence.named(f"{apart[0].name} noise".strip()))
    clip, rate, length = _prepared(apart[0], rate)
    weights = models.resolve("conversation", **{**where, "quiet": True})
    limits = checkpoint.thresholds(weights.path)
    sources, mixture = _sources(
        clip, networks.get("conversation"), precision, resume, device, where, limits
    )
    voices = sources[:-1]
    there = np.flatnonzero(heard(track_levels(voices, mixture), limits))
    order = sorted(there, key=lambda i: onset(voices[i], mixture))
    # What the other tracks hold is too little to be a person: it goes where all the rest is.
    rest = clip.samples - voices[order].sum(axis=0)
    names = [*_names(clip, len(order)), f"{clip.name} noise".strip()]
    *people, noise = _tracks(np.stack([*voices[order], rest]), names, rate, length)
    return Conversation(people, noise)


def track_levels(tracks: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Measure how loud each track is while somebody talks on it, against the recording.

    Parameters
    ----------
    tracks : ndarray [shape=(tracks, n)]
        As loud as in the mixture, at 8 kHz.
    mixture : ndarray [shape=(n,)]
        The recording.

    Returns
    -------
    ndarray [shape=(tracks,)]
        In dB, `loudness` against `loudness`; minus infinity for silence.

    Examples
    --------
    >>> mixture = np.sin(np.arange(8000))
    >>> track_levels(np.stack([0.1 * mixture, 0 * mixture]), mixture).round(1).tolist()
    [-20.0, -inf]
    """
    whole = loudness(mixture)
    ratios = np.array([loudness(track) / whole if whole else 0.0 for track in tracks])
    return 20 * np.log10(ratios, out=np.full(len(ratios), -np.inf), where=ratios > 0)


def heard(levels: np.ndarray, limits: list[float]) -> np.ndarray:
    """Tell which tracks hold a person.

    Parameters
    ----------
    levels : ndarray [shape=(tracks,)]
        As `track_levels` gives them.
    limits : list of float
        In dB, falling: what the loudest track must exceed, then the next one, and so on; the last
        one holds for the rest.

    Returns
    -------
    ndarray of bool [shape=(tracks,)]
        A track counts where all that are louder do, and it exceeds the limit of its rank.

    Examples
    --------
    >>> heard(np.array([-20.0, -3.0, -12.0]), [-9, -13, -25]).tolist()
    [True, True, True]
    >>> heard(np.array([-20.0, -3.0, -14.0]), [-9, -13, -25]).tolist()
    [False, True, False]
    """
    order = np.argsort(-levels, kind="stable")
    asked = [*limits, *[limits[-1]] * len(levels)][: len(levels)]
    found = np.zeros(len(levels), bool)
    found[order] = np.cumprod(levels[order] > np.array(asked))
    return found


def loudness(samples: np.ndarray) -> float:
    """Measure how loud somebody talks, whatever the pauses.

    Parameters
    ----------
    samples : ndarray [shape=(n,)]
        At 8 kHz.

    Returns
    -------
    float
        The RMS of the frames of 20 ms that lie within 25 dB of the loudest one.

    Examples
    --------
    >>> word, pause = np.ones(800), np.zeros(8000)
    >>> loudness(np.concatenate([word, pause])).round(3).item()
    1.0
    """
    power = _powers(samples, 0.02)
    return np.sqrt(power[power >= power.max() * 10**-2.5].mean())


def onset(voice: np.ndarray, mixture: np.ndarray) -> int:
    """Find when a person begins to talk.

    Parameters
    ----------
    voice : ndarray [shape=(n,)]
        Their track, as loud as in the mixture, at 8 kHz.
    mixture : ndarray [shape=(n,)]
        The recording.

    Returns
    -------
    int
        The first sample of the first 50 ms in which the track is within 20 dB of its own loudest
        50 ms and holds a quarter of the recording's power; what leaks over from others is less.

    Examples
    --------
    >>> late = np.repeat([0.0, 1.0], 8000)
    >>> onset(late, late)
    8000
    """
    own, whole = _powers(voice, 0.05), _powers(mixture, 0.05)
    talks = (own > 0.01 * own.max()) & (own > 0.25 * whole)
    return int(talks.argmax()) * round(0.05 * RATE) if talks.any() else len(voice)


def _powers(samples, seconds):
    """Mean power of each stretch of some seconds; the last one is filled with silence."""
    size = min(round(seconds * RATE), max(1, len(samples)))
    whole = np.pad(np.asarray(samples), (0, -len(samples) % size)).reshape(-1, size)
    return np.einsum("fs,fs->f", whole, whole, dtype=np.float64) / size


def _apart(source):
    """Return the clips of people who had a channel each, or the one of all of them."""
    given = isinstance(source, list) and source and all(isinstance(c, Clip) for c in source)
    return source if given else audio.people(source)


def _channels(apart, rate):
    """Make tracks of channels: they are separate as they are."""
    apart = [audio.resample(clip, rate) for clip in apart]
    return [clip.named(f"{clip.name} speaker {i}") for i, clip in enumerate(apart, start=1)]


def _prepared(clip, rate):
    """Return the recording at the networks' rate, and the rate and length of the results."""
    clip = audio.remove_dc(clip)  # before resampling: it would ring
    if not len(clip):
        raise ValueError("there is nothing to separate: the clip holds no samples")
    rate = RATE if rate is None else Clip(np.empty(0), rate).rate
    length = max(1, round(len(clip) * rate / clip.rate))
    if clip.rate != RATE:  # lets go of an hour at 44.1 kHz, which is 600 MB
        clip = audio.resample(clip, RATE)
    return clip, rate, length


def _sources(clip, record, precision, resume, device, where, limits=None):
    """Run a separator over a recording of any length: sources [shape=(sources, n)], mixture.

    The mixture is what the network heard, without bumps. With limits, tracks of nobody have no
    say in who is who from one window to the next.
    """
    model = models.bare(record.name, device=device, **{"quiet": True, **where})
    cache = windows.WindowCache(resume, model, precision) if resume else None
    encode = record.encode and record.encode(model)
    form = fast.optimized(model, precision)

    def embed(tracks):
        if limits is not None:
            there = heard(track_levels(tracks, tracks.sum(axis=0)), limits)
            tracks = tracks * there[:, None]
        return windows.speaker_embedding(encode, tracks)

    # Normalize first: at -60 dB the network's epsilon dominates and costs 2 dB SI-SDR.
    mixture = audio.without_bumps(clip)
    gain = np.float32(10 ** ((LEVEL - max(mixture.level, -200)) / 20))
    run, fixed = functools.partial(record.apply, form), int(record.noise_track)
    with fast.enough_threads(model):
        sources = windows.overlap_add(
            mixture.samples, run, RATE, embed if encode else None, cache, gain, fixed
        )
    if record.noise_track:
        sources /= gain
    return sources, mixture.samples


def _names(clip, count):
    """Name the tracks of people."""
    return [f"{clip.name} speaker {i}".strip() for i in range(1, count + 1)]


def _tracks(sources, names, rate, length):
    """Make clips of sources [shape=(sources, n)], at the rate and of the length wanted."""
    tracks = [Clip(row, RATE, name) for row, name in zip(sources, names, strict=True)]
    if (rate, length) == (RATE, sources.shape[1]):
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
