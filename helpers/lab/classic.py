"""The methods before networks: spectral subtraction, the Wiener filter, NMF and ICA.

They know nothing beforehand, or only what you give them. Taught in 10_compare_and_choose.
"""

import numpy as np

from helpers.clip import Clip
from helpers.spectra import istft, stft

QUIET = 0.15  # which part of a recording's frames is taken for noise alone
TINY = 1e-12  # keeps a division by silence from being one by zero


def subtraction(
    clip: Clip, noise: Clip | None = None, over: float = 1.0, floor: float = 0.0
) -> Clip:
    """Take the noise's mean magnitude off every frame: spectral subtraction.

    Parameters
    ----------
    clip : Clip
        Noisy speech.
    noise : Clip, optional
        The noise alone. None takes the quietest frames of the speech for it.
    over : float
        How many times the noise is taken off; more leaves fewer stray tones and less of the voice.
    floor : float
        What is left at least, as a share of the noise's magnitude.

    Returns
    -------
    Clip
        As long as the recording, with its phase.

    Raises
    ------
    ValueError
        If the noise has another rate, or a clip holds no samples.

    Notes
    -----
    Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE TASSP 27 (2),
    1979; `over` and `floor` by Berouti, Schwartz and Makhoul, ICASSP 1979.

    Examples
    --------
    >>> hiss = Clip(0.1 * np.random.default_rng(0).normal(size=16000), 16000, "hiss")
    >>> subtraction(hiss, noise=hiss, over=3).level < hiss.level - 20
    True
    """
    spectrum = stft(clip)
    magnitude, mean = np.abs(spectrum), _noise(clip, noise, power=1)
    left = np.maximum(magnitude - over * mean, floor * np.minimum(mean, magnitude))
    gains = left / np.maximum(magnitude, TINY)
    return istft(gains * spectrum, clip, name=f"{clip.name} · subtraction".strip())


def wiener(
    clip: Clip, noise: Clip | None = None, smoothing: float = 0.98, floor: float = -25
) -> Clip:
    """Turn each cell down by its signal-to-noise ratio, guessed frame by frame: a Wiener filter.

    Parameters
    ----------
    clip : Clip
        Noisy speech.
    noise : Clip, optional
        The noise alone. None takes the quietest frames of the speech for it.
    smoothing : float
        Which part of the guess comes from the frame before, from 0 to 1: the "decision-directed"
        rule. It keeps single cells from twinkling.
    floor : float
        The strongest attenuation, in dB.

    Returns
    -------
    Clip
        As long as the recording, with its phase.

    Raises
    ------
    ValueError
        If the noise has another rate, or a clip holds no samples.

    Notes
    -----
    The guess is that of Ephraim and Malah, "Speech enhancement using a minimum mean-square error
    short-time spectral amplitude estimator", IEEE TASSP 32 (6), 1984; the gain is Wiener's.

    Examples
    --------
    >>> hiss = Clip(0.1 * np.random.default_rng(0).normal(size=16000), 16000, "hiss")
    >>> wiener(hiss, noise=hiss).level < hiss.level - 10
    True
    """
    spectrum = stft(clip)
    ratios = np.abs(spectrum) ** 2 / np.maximum(_noise(clip, noise, power=2), TINY)
    gains, before = np.empty_like(ratios), 0
    for frame, ratio in enumerate(ratios.T):  # of what came in, to the noise
        prior = smoothing * before + (1 - smoothing) * np.maximum(ratio - 1, 0)
        gains[:, frame] = np.maximum(prior / (1 + prior), 10 ** (floor / 20))
        before = gains[:, frame] ** 2 * ratio  # of what goes out
    return istft(gains * spectrum, clip, name=f"{clip.name} · Wiener".strip())


def nmf(
    mixture: Clip, *examples: Clip, parts: int = 20, free: int = 0, rounds: int = 60, seed: int = 0
) -> list[Clip]:
    """Separate by spectra heard before: non-negative matrix factorization.

    Every magnitude spectrum of the mixture is put together from spectra of the examples, and each
    cell of the mixture is shared out as they take part in it.

    Parameters
    ----------
    mixture : Clip
        What to take apart.
    *examples : Clip
        For each source a recording of it alone, at another time.
    parts : int
        How many spectra are learned from each example.
    free : int
        How many are learned from the mixture itself, for a last source without an example.
    rounds : int
        How often everything is improved.
    seed : int
        Where the random numbers begin.

    Returns
    -------
    list of Clip
        One a source, as long as the mixture; they add up to it.

    Raises
    ------
    ValueError
        If there are fewer than two sources, or the rates differ.

    Notes
    -----
    Updates for the Kullback-Leibler divergence by Lee and Seung, NIPS 2000; with examples for
    some of the sources only by Smaragdis, Raj and Shashanka, ICA 2007.

    Examples
    --------
    >>> low, high = Clip(np.sin(np.arange(8000) / 9), 8000), Clip(np.sin(np.arange(8000)), 8000)
    >>> both = Clip(low.samples + 0.1 * high.samples, 8000)
    >>> first, second = nmf(both, low, high, parts=2)
    >>> round(second.level - first.level)
    -20
    """
    sizes = [parts] * len(examples) + [free] * (free > 0)
    if len(sizes) < 2:
        raise ValueError(
            f"two sources or more are needed, and these are {len(sizes)}: nmf(mixture, her, him), "
            "or nmf(mixture, her, free=20) where all the rest is one source"
        )
    rng = np.random.default_rng(seed)
    for example in examples:
        _same_rate(mixture, example)
    known = [_factors(np.abs(stft(example)), parts, rounds, rng)[0] for example in examples]
    spectrum = stft(mixture)
    spectra, activations = _factors(np.abs(spectrum), free, rounds, rng, *known)
    edges = np.cumsum(sizes)[:-1]
    shares = zip(np.split(spectra, edges, axis=1), np.split(activations, edges), strict=True)
    models = [each @ times + TINY for each, times in shares]  # (bins, frames) a source
    masks = [model / sum(models) for model in models]
    return [istft(m * spectrum, mixture, name=f"NMF {i}") for i, m in enumerate(masks, start=1)]


def ica(*microphones: Clip, seed: int = 0) -> list[Clip]:
    """Separate by independence: undo a mixture that has one weight a source and microphone.

    Parameters
    ----------
    *microphones : Clip
        As many recordings of the same moment as there are sources.
    seed : int
        Where the random numbers begin.

    Returns
    -------
    list of Clip
        One a source, in no particular order, each as the first microphone got it.

    Raises
    ------
    ValueError
        If there are fewer than two, or they differ in rate or length, or only by a gain.

    Notes
    -----
    Hyvärinen and Oja, "Independent component analysis: algorithms and applications", Neural
    Networks 13, 2000; computed by scikit-learn's FastICA.

    Examples
    --------
    >>> one, two = np.random.default_rng(0).laplace(scale=0.1, size=(2, 8000))
    >>> first, second = ica(Clip(one + 0.1 * two, 8000), Clip(one - two, 8000))
    >>> sorted([round(first.level), round(second.level)])
    [-36, -17]
    """
    from sklearn.decomposition import FastICA

    clips = [clip for clip in microphones if isinstance(clip, Clip)]
    if len(clips) < max(2, len(microphones)) or len({(c.rate, len(c)) for c in clips}) > 1:
        raise ValueError(
            f"two microphones or more, of one rate and length, are needed, not {microphones}: "
            "record both at once and call ica(left, right)"
        )
    waves = np.stack([clip.samples.astype(np.float64) for clip in clips])
    waves -= waves.mean(axis=1, keepdims=True)
    if np.linalg.matrix_rank(waves @ waves.T, rtol=1e-10, hermitian=True) < len(waves):
        raise ValueError(
            "the microphones heard the same but for a gain: two unknowns need two equations, so "
            "put them at different places"
        )
    model = FastICA(whiten="unit-variance", random_state=seed, max_iter=1000, tol=1e-6)
    sources = (model.fit_transform(waves.T) * model.mixing_[0]).T  # (sources, n)
    return [clips[0].with_samples(row, f"ICA {i}") for i, row in enumerate(sources, start=1)]


def _noise(clip, noise, power):
    """Mean of magnitude ** power for each frequency [shape=(bins, 1)], over frames of noise."""
    if noise is not None:
        _same_rate(clip, noise)
        return (np.abs(stft(noise)) ** power).mean(axis=1, keepdims=True)
    magnitude = np.abs(stft(clip))
    total = (magnitude**2).sum(axis=0)
    heard = np.flatnonzero(total > 1e-9 * total.max())  # digital silence tells nothing of noise
    quiet = heard[total[heard].argsort(kind="stable")][: max(1, round(QUIET * len(heard)))]
    return (magnitude[:, quiet] ** power).mean(axis=1, keepdims=True) if len(quiet) else 0.0


def _factors(magnitude, free, rounds, rng, *known):
    """Factor magnitudes [shape=(bins, frames)] into spectra (bins, k) times activations."""
    new = rng.uniform(0.1, 1, (len(magnitude), free))
    spectra = np.hstack([*known, new / new.sum(axis=0)])  # (bins, k), each column adds up to 1
    fixed = spectra.shape[1] - free
    activations = rng.uniform(0.1, 1, (spectra.shape[1], magnitude.shape[1])) * magnitude.mean()
    for _ in range(rounds):
        activations *= spectra.T @ (magnitude / (spectra @ activations + TINY))
        ratio = magnitude / (spectra @ activations + TINY)
        new = spectra[:, fixed:] * (ratio @ activations[fixed:].T)
        spectra[:, fixed:] = new / np.maximum(new.sum(axis=0), TINY)
    return spectra, activations


def _same_rate(clip, other):
    """Refuse spectra of other frequencies."""
    if clip.rate != other.rate:
        raise ValueError(
            f"{other.name or 'the example'!r} has {other.rate} Hz and the recording {clip.rate} "
            f"Hz: audio.resample(example, {clip.rate})"
        )
