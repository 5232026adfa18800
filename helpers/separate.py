"""Give every speaker a track of their own. Taught in 05.

ModelScope's pipeline makes every source equally loud, one at a time. `separate` runs the same
network and lets the mixture decide how loud each source was.
"""

import functools

import numpy as np

from helpers import audio, fast, models, overlap, voices
from helpers.clip import Clip

RATE = 8000  # what MossFormer was trained on, in Hz
LEVEL = -25  # what it is given every mixture at, in dB re full scale


def separate(source, rate=None, *, share=True, precision="float32", resume=None, **where):
    """Separate the people who talk at once in a recording.

    Parameters
    ----------
    source : Clip, str, Path, bytes or file object
        Any recording that `audio.load` takes. One that is not at 8 kHz is resampled: MossFormer
        knows no other rate, so what lies above 4 kHz is lost.
    rate : int, optional
        Rate of the results in Hz. None gives 8000, whatever the recording had.
    share : bool
        Whether to share out among the speakers what the network gave to none of them, so that the
        tracks add up. False leaves it out: the recording minus the tracks is then what is left
        over, such as noise.
    precision : str
        "float32", or "bfloat16" for speed: see `fast.network`.
    resume : str or Path, optional
        A folder in which the finished windows of a recording over 30 s are kept: stopped and
        called again, the work goes on where it was. Delete it afterwards.
    **where : dict
        Which weights, as in `models.resolve`: `folder` and `tier`.

    Returns
    -------
    list of Clip
        One a speaker, in no particular order (`metrics.match` finds it), as long as the recording
        to the sample and as loud as in the mixture: see `fit`. They add up to the recording
        as it is at 8 kHz, without a constant offset, with an error of less than -90 dB of its
        level: see `share_rest`. Silence stays silence.

    Raises
    ------
    ValueError
        If the recording can't be read or holds no samples, or the weights can't be had.

    Examples
    --------
    >>> mixture = audio.load(audio.SOUNDS / "mix_speech.wav")
    >>> [len(source) == len(mixture) for source in separate(mixture)]
    [True, True]
    """
    clip = audio.without_offset(audio.load(source))  # before resampling: it would ring
    if not len(clip):
        raise ValueError("there is nothing to separate: the clip holds no samples")
    rate = RATE if rate is None else Clip([], rate).rate
    length = max(1, round(len(clip) * rate / clip.rate))
    if clip.rate != RATE:  # lets go of an hour at 44.1 kHz, which is 600 MB
        clip = audio.resample(clip, RATE)
    model = models.pipeline("mossformer", **{"quiet": True, **where}).model
    kept = overlap.Kept(resume, model, precision) if resume else None
    model = fast.network(model, precision)
    # Recordings of -60 dB cost 2 dB at the level that they have: a constant in the network wins.
    gain, mixture = 10 ** ((LEVEL - max(clip.level, -200)) / 20), clip.samples
    voice = functools.partial(voices.describe, model)
    sources = overlap.process(mixture, lambda x: run(model, x), RATE, voice, kept, gain)
    sources *= fit(sources, mixture)[:, None]  # in place, for the sake of hours
    if share:
        sources = share_rest(sources, mixture)
    tracks = [
        Clip(row, RATE, f"{clip.name} speaker {i}".strip())
        for i, row in enumerate(sources, start=1)
    ]
    if (rate, length) == (RATE, len(mixture)):
        return tracks
    return [audio.resample(track, rate, length) for track in tracks]


def run(model, samples):
    """Run MossFormer on samples, the last ones included.

    Its encoder leaves out what does not fill a frame, so silence is put after the end to fill the
    last one, and cut off again.

    Parameters
    ----------
    model : torch.nn.Module
        MossFormer, as ModelScope's pipeline holds it, or its fast form (`fast.network`).
    samples : ndarray [shape=(n,)]
        A mixture at 8 kHz.

    Returns
    -------
    ndarray [shape=(speakers, n)]
        The sources, each at the scale that the network happens to give it.

    Examples
    --------
    >>> model = models.pipeline("mossformer", quiet=True).model
    >>> run(model, np.zeros(1000, dtype=np.float32)).shape
    (2, 1000)
    """
    import torch

    (frame,), (hop,) = model.encoder.conv1d.kernel_size, model.encoder.conv1d.stride
    missing = max(frame - len(samples), (frame - len(samples)) % hop)
    with torch.inference_mode():
        sources = model(torch.from_numpy(np.pad(samples, (0, missing)))[None])  # (1, n, speakers)
    return sources[0, : len(samples)].T.numpy().copy()


def fit(sources, mixture):
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
    >>> fit(voices, mixture=np.array([0.5, 3.0, 1.0])).round(6).tolist()
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


def share_rest(sources, mixture):
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
    >>> share_rest(np.array([[1.0, 1.0], [0.0, 0.0]]), mixture=np.array([2.0, 1.0])).tolist()
    [[2.0, 1.0], [0.0, 0.0]]
    """
    energy = np.einsum("sn,sn->s", sources, sources, dtype=np.float64)
    if not energy.any():
        energy[:] = 1  # nobody was heard: all get the same
    weights = (energy / energy.sum()).astype(sources.dtype)
    shared = np.empty_like(sources)
    for at in range(0, len(mixture), 60 * RATE):  # minute by minute, for the sake of hours
        part = slice(at, at + 60 * RATE)
        rest = mixture[part] - sources[:, part].sum(axis=0)
        shared[:, part] = sources[:, part] + weights[:, None] * rest
    return shared
