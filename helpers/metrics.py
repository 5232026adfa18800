"""How good is it? Scores with a reference (SI-SDR, STOI), without one (DNSMOS), and how sure."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from helpers.clip import Clip


def si_sdr(estimate: Clip, reference: Clip) -> float:
    """Score an estimate by its scale-invariant signal-to-distortion ratio.

    The estimate is split into a multiple of the reference and the rest; the ratio of their
    energies does not depend on how loud the estimate is.

    Parameters
    ----------
    estimate : Clip
        What a model gave.
    reference : Clip
        What it should have given.

    Returns
    -------
    float
        In dB, higher is better; 0 is as much distortion as signal. A silent estimate scores -inf.

    Raises
    ------
    ValueError
        If the rates or the lengths differ, or the reference is silent.

    Notes
    -----
    Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or well done?", ICASSP 2019, equation 2;
    computed by torchmetrics in double precision.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> tone, hum = Clip(np.sin(np.arange(8000)), 8000), Clip(np.sin(np.arange(8000) / 40), 8000)
    >>> round(si_sdr(tone.with_samples(tone.samples + 0.1 * hum.samples), tone))
    20
    """
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

    _check(estimate, reference)
    if not np.ptp(estimate.samples):
        return -math.inf
    pair = _double(estimate, reference)
    return float(scale_invariant_signal_distortion_ratio(pair[0], pair[1], zero_mean=True))


def si_sdr_improvement(estimate: Clip, reference: Clip, mixture: Clip) -> float:
    """Tell how many dB of SI-SDR a model gained over doing nothing.

    Parameters
    ----------
    estimate, reference : Clip
        What a model gave, and what it should have given.
    mixture : Clip
        What the model was given.

    Returns
    -------
    float
        SI-SDR of the estimate minus SI-SDR of the mixture, in dB.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> tone, hum = Clip(np.sin(np.arange(8000)), 8000), Clip(np.sin(np.arange(8000) / 40), 8000)
    >>> mixture = tone.with_samples(tone.samples + hum.samples)
    >>> estimate = tone.with_samples(tone.samples + 0.1 * hum.samples)
    >>> round(si_sdr_improvement(estimate, tone, mixture))
    20
    """
    return si_sdr(estimate, reference) - si_sdr(mixture, reference)


@dataclass(frozen=True)
class Match:
    """Which estimate belongs to which reference, and how well they fit.

    Parameters
    ----------
    order : list of int
        The estimate order[i] belongs to reference i.
    si_sdr : list of float
        SI-SDR of that estimate, in dB, a reference.
    si_sdri : list of float or None
        Its improvement over the mixture, in dB, where the mixture was given.
    """

    order: list
    si_sdr: list
    si_sdri: list | None = None


def match(
    estimates: Sequence[Clip], references: Sequence[Clip], mixture: Clip | None = None
) -> "Match":
    """Find out which estimate is whose: a separator does not know the speakers' names.

    Of all orders, take the one whose mean SI-SDR is highest, as permutation-invariant training
    (PIT; Kolbæk et al., 2017) does in its loss.

    Parameters
    ----------
    estimates, references : list of Clip
        As many of either.
    mixture : Clip, optional
        What the model was given, to count improvements.

    Returns
    -------
    Match
        The order and the scores, reference by reference.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> low, high = Clip(np.sin(np.arange(8000) / 9), 8000), Clip(np.sin(np.arange(8000)), 8000)
    >>> match([high, low], [low, high]).order
    [1, 0]
    """
    from torchmetrics.functional.audio import permutation_invariant_training
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio as ratio

    if not estimates or len(estimates) != len(references):
        raise ValueError(
            f"{len(estimates)} estimates for {len(references)} references: give one estimate for "
            "each reference, match([first, second], [reference_1, reference_2])"
        )
    for reference in references:
        for estimate in estimates:
            _check(estimate, reference)
    given, wanted = _double(*estimates), _double(*references)
    _, best = permutation_invariant_training(given[None], wanted[None], ratio, zero_mean=True)
    order = best[0].tolist()
    pairs = [(estimates[i], reference) for i, reference in zip(order, references, strict=True)]
    gains = None if mixture is None else [si_sdr_improvement(*pair, mixture) for pair in pairs]
    return Match(order, [si_sdr(*pair) for pair in pairs], gains)


def stoi(estimate: Clip, reference: Clip) -> float:
    """Predict how much of the words can be understood.

    Parameters
    ----------
    estimate, reference : Clip
        What a model gave, and clean speech.

    Returns
    -------
    float
        Between 0 and 1; above 0.9 nearly every word is understood.

    Raises
    ------
    ValueError
        If rates or lengths differ, the reference is silent, or there is less than 0.4 s of speech.

    Notes
    -----
    Taal, Hendriks, Heusdens and Jensen, IEEE TASLP 2011; computed by pystoi at 10 kHz.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> noise = Clip(np.random.default_rng(0).normal(size=16000), 16000)
    >>> round(stoi(noise, noise), 3)
    1.0
    """
    from pystoi import stoi

    _check(estimate, reference)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(stoi(reference.samples, estimate.samples, reference.rate))
        except RuntimeWarning as short:
            message = f"STOI needs 0.4 s of speech without its pauses, more than {reference!r} has"
            raise ValueError(f"{message}: take a longer clip") from short


def dnsmos(clip: Clip) -> dict[str, float]:
    """Predict how people would rate a recording, from 1 (bad) to 5 (excellent), by ear alone.

    Parameters
    ----------
    clip : Clip
        Speech at 16 kHz, within full scale; what is shorter than 9 s is repeated until it is not.

    Returns
    -------
    dict
        Ratings of the "signal", the "background" and the "overall" impression.

    Raises
    ------
    ValueError
        If the rate is not 16 kHz, or the clip is silent or beyond full scale.

    Notes
    -----
    Reddy, Gopal and Cutler, "DNSMOS P.835", ICASSP 2022; the network comes with speechmos.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> hiss = Clip(0.1 * np.random.default_rng(0).normal(size=16000), 16000)
    >>> dnsmos(hiss)["overall"] < 2
    True
    """
    if clip.rate != 16000 or not 0 < np.abs(clip.samples).max(initial=0) <= 1:
        raise ValueError(
            f"DNSMOS takes sound at 16000 Hz, within full scale, and got {clip!r} with a peak of "
            f"{clip.peak:.1f} dB: audio.resample(clip, 16000), or audio.set_level(clip, -25)"
        )
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # it warns of machines that have no GPU
    from speechmos import dnsmos

    scores = dnsmos.run(clip.samples, sr=clip.rate)
    keys = {"overall": "ovrl_mos", "signal": "sig_mos", "background": "bak_mos"}
    return {name: float(scores[key]) for name, key in keys.items()}


class Difference(NamedTuple):
    """A mean difference and the interval around it.

    Parameters
    ----------
    mean : float
        Mean of the differences, in the unit of the scores.
    low, high : float
        Ends of the interval.
    """

    mean: float
    low: float
    high: float


def paired(
    a: Sequence[float], b: Sequence[float], *, confidence: float = 0.95, seed: int = 0
) -> Difference:
    """Tell how much better the scores `a` are than `b`, and how sure that is.

    Both lists score the same clips in the same order, so that what makes a clip easy or hard falls
    out of the differences. An interval that holds 0 says that these clips can't tell the two apart.

    Parameters
    ----------
    a, b : sequence of float [shape=(n,)]
        Scores of two methods, clip by clip, at least two clips; all finite.
    confidence : float
        Share of such intervals that are to hold the true mean, between 0 and 1.
    seed : int
        Of the random draws: the same scores always give the same interval.

    Returns
    -------
    Difference
        The mean of a - b, and the ends of its bootstrap interval.

    Raises
    ------
    ValueError
        If the lists differ in length, hold fewer than two scores or one that is not finite, or
        `confidence` is not between 0 and 1.

    Notes
    -----
    The percentile interval of 10,000 resamples (Efron and Tibshirani, "An Introduction to the
    Bootstrap", 1993). It takes the clips as independent: several clips of one speaker are less
    evidence than their number says.

    Examples
    --------
    >>> mean, low, high = paired([9.1, 7.9, 8.2, 10.0], [8.0, 7.0, 7.9, 8.7])
    >>> f"{mean:+.1f} dB, from {low:+.1f} to {high:+.1f}"
    '+0.9 dB, from +0.5 to +1.2'
    """
    first, second = (np.asarray(scores, dtype=np.float64) for scores in (a, b))
    if first.ndim != 1 or first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"scores of shape {first.shape} and {second.shape}: paired needs two lists of the same "
            "clips in the same order, two clips or more, paired([9.1, 7.9], [8.0, 7.0])"
        )
    differences = first - second
    if not np.isfinite(differences).all():
        at = int(np.flatnonzero(~np.isfinite(differences))[0])
        raise ValueError(
            f"the scores of clip {at} are {first[at]} and {second[at]}: a mean needs finite ones, "
            "leave the clip out of both lists and say so"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: take a share between 0 and 1, confidence=0.95")
    draws = np.random.default_rng(seed).integers(len(differences), size=(10_000, len(differences)))
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    low, high = np.quantile(differences[draws].mean(axis=1), tails)
    return Difference(float(differences.mean()), float(low), float(high))


def _check(estimate, reference):
    """Refuse pairs whose samples can't be compared one by one."""
    if estimate.rate != reference.rate:
        raise ValueError(
            f"the estimate has {estimate.rate} Hz and the reference {reference.rate} Hz: "
            f"audio.resample(estimate, {reference.rate})"
        )
    if len(estimate) != len(reference):
        raise ValueError(
            f"the estimate has {len(estimate)} samples and the reference {len(reference)}: cut the "
            "longer, for example estimate.cut(0, reference.duration)"
        )
    if not len(reference) or not np.ptp(reference.samples):
        raise ValueError(f"the reference {reference.name!r} is silent, no score: leave it out")


def _double(*clips):
    """Stack clips for torchmetrics [shape=(clips, n)]."""
    import torch

    return torch.from_numpy(np.stack([clip.samples for clip in clips]).astype(np.float64))
