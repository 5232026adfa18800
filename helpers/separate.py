"""Give every speaker a track of their own. Taught in 05.

ModelScope's pipeline makes every source equally loud, one at a time. `separate` runs the same
network and lets the mixture decide how loud each source was.
"""

import numpy as np

from helpers import audio, models, overlap
from helpers.clip import Clip

RATE = 8000  # what MossFormer was trained on, in Hz
SHORTEST = 16  # samples in one frame of the published encoder


def separate(source, rate=None, **where):
    """Separate the people who talk at once in a recording.

    Parameters
    ----------
    source : Clip, str, Path, bytes or file object
        Any recording that `audio.load` takes. One that is not at 8 kHz is resampled: MossFormer
        knows no other rate, so what lies above 4 kHz is lost.
    rate : int, optional
        Rate of the results in Hz. None gives 8000, whatever the recording had.
    **where : dict
        Which weights, as in `models.resolve`: `folder` and `tier`.

    Returns
    -------
    list of Clip
        One a speaker, in no particular order (`metrics.match` finds it), as long as the recording
        to the sample and as loud as in the mixture: see `fit`. Silence stays silence.

    Raises
    ------
    ValueError
        If the recording can't be read, or has less than 16 samples at 8 kHz, or the weights can't
        be had.

    Examples
    --------
    >>> mixture = audio.load(audio.SOUNDS / "mix_speech.wav")
    >>> [len(source) == len(mixture) for source in separate(mixture)]
    [True, True]
    """
    clip = audio.load(source)
    mixture = audio.resample(clip, RATE).samples
    if len(mixture) < SHORTEST:
        raise ValueError(
            f"{clip.name or 'this clip'!r} has {len(mixture)} samples at {RATE} Hz, and one frame "
            f"of MossFormer is {SHORTEST}: give at least {SHORTEST / RATE:.3f} s, better a sentence"
        )
    model = models.pipeline("mossformer", **{"quiet": True, **where}).model
    sources = overlap.process(mixture, lambda part: run(model, part), RATE)
    gains = fit(sources, mixture)
    rate = rate or RATE
    length = round(len(clip) * rate / clip.rate)
    return [
        audio.resample(Clip(gain * row, RATE, f"{clip.name} speaker {i}".strip()), rate, length)
        for i, (gain, row) in enumerate(zip(gains, sources, strict=True), start=1)
    ]


def run(model, samples):
    """Run MossFormer on samples, the last ones included.

    Its encoder leaves out what does not fill a frame, so silence is put after the end to fill the
    last one, and cut off again.

    Parameters
    ----------
    model : torch.nn.Module
        MossFormer, as ModelScope's pipeline holds it.
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
