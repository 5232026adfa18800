"""metrics: scores with a reference and without one."""

import math

import numpy as np
import pytest

from helpers import metrics
from helpers.clip import Clip


def noise(seed, n=8000, rate=8000, name="noise"):
    return Clip(0.1 * np.random.default_rng(seed).normal(size=n), rate, name)


def blend(target, other, db):
    """Add `other` to `target`, `db` below it and free of it."""
    t, o = target.samples - target.samples.mean(), other.samples - other.samples.mean()
    o = o - t * (o @ t) / (t @ t)
    scale = np.linalg.norm(t) / np.linalg.norm(o) * 10 ** (-db / 20)
    return target.with_samples(t + scale * o)


def voice(seconds=3, rate=16000, pitch=120):
    """A buzz in syllables: enough like speech for STOI and DNSMOS."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 30))
    return Clip(0.05 * buzz * (1 + np.sin(2 * np.pi * 4 * time)), rate, "voice")


@pytest.mark.parametrize("db", [-10, 0, 7.5, 40])
def test_si_sdr_is_the_ratio_that_was_mixed(db):
    estimate = blend(noise(0), noise(1), db)
    assert metrics.si_sdr(estimate, noise(0)) == pytest.approx(db, abs=1e-3)


def test_si_sdr_is_its_formula():
    estimate, reference = noise(0), blend(noise(0), noise(1), 3)
    e, r = (c.samples.astype(float) - c.samples.mean(dtype=float) for c in (estimate, reference))
    target = (e @ r) / (r @ r) * r
    expected = 10 * math.log10((target @ target) / ((e - target) @ (e - target)))
    assert metrics.si_sdr(estimate, reference) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("change", [lambda c: c.gain(-40), lambda c: c.with_samples(-c.samples)])
def test_si_sdr_does_not_hear_gain_or_polarity(change):
    estimate = blend(noise(0), noise(1), 10)
    assert metrics.si_sdr(change(estimate), noise(0)) == pytest.approx(10, abs=1e-3)


def test_si_sdr_does_not_hear_an_offset():
    estimate = blend(noise(0), noise(1), 10)
    shifted = estimate.with_samples(estimate.samples + 0.5)
    assert metrics.si_sdr(shifted, noise(0)) == pytest.approx(10, abs=1e-3)


def test_a_perfect_estimate_scores_very_high_and_a_silent_one_nothing():
    assert metrics.si_sdr(noise(0), noise(0)) > 100
    for value in (0.0, 0.3):
        silent = Clip(np.full(8000, value), 8000)
        assert metrics.si_sdr(silent, noise(0)) == -math.inf


def test_improvement_is_over_the_mixture():
    mixture, estimate = blend(noise(0), noise(1), -2), blend(noise(0), noise(1), 9)
    gain = metrics.si_sdr_improvement(estimate, noise(0), mixture)
    assert gain == pytest.approx(11, abs=1e-3)
    assert metrics.si_sdr_improvement(mixture, noise(0), mixture) == 0


@pytest.mark.parametrize(
    ("estimate", "reference", "message"),
    [
        (
            noise(0, rate=16000),
            noise(0),
            r"16000 Hz and the reference 8000.*resample\(estimate, 8000",
        ),
        (noise(0, n=7999), noise(0), r"7999 samples and the reference 8000: cut the longer"),
        (noise(0), Clip(np.zeros(8000), 8000, "hush"), "reference 'hush' is silent"),
        (noise(0), Clip(np.full(8000, 0.1), 8000, "dc"), "reference 'dc' is silent"),
        (Clip([], 8000), Clip([], 8000), "is silent"),
    ],
)
@pytest.mark.parametrize("score", [metrics.si_sdr, metrics.stoi])
def test_pairs_that_cannot_be_compared(score, estimate, reference, message):
    with pytest.raises(ValueError, match=message):
        score(estimate, reference)


def test_match_finds_the_order_and_scores_by_reference():
    references = [noise(0), noise(1), noise(2)]
    estimates = [blend(noise(2), noise(9), 20), blend(noise(0), noise(9), 10), noise(1)]
    mixture = noise(0).with_samples(sum(r.samples for r in references))
    match = metrics.match(estimates, references, mixture)
    assert match.order == [1, 2, 0]
    assert match.si_sdr[0] == pytest.approx(10, abs=1e-2)
    assert match.si_sdr[2] == pytest.approx(20, abs=1e-2)
    baseline = metrics.si_sdr(mixture, references[0])
    assert match.si_sdri[0] == pytest.approx(match.si_sdr[0] - baseline)
    assert metrics.match(estimates, references).si_sdri is None


def test_match_with_a_silent_estimate():
    match = metrics.match([Clip(np.zeros(8000), 8000), noise(0)], [noise(0), noise(1)])
    assert match.order == [1, 0]
    assert match.si_sdr[1] == -math.inf


@pytest.mark.parametrize("count", [0, 1, 3])
def test_match_needs_as_many_of_either(count):
    with pytest.raises(ValueError, match=f"{count} estimates for 2 references"):
        metrics.match([noise(0)] * count, [noise(0), noise(1)])


def test_stoi_falls_with_noise():
    clean = voice()
    noisy = [metrics.stoi(blend(clean, noise(0, 48000, 16000), db), clean) for db in (20, 0, -20)]
    assert metrics.stoi(clean, clean) == pytest.approx(1)
    assert 1 > noisy[0] > noisy[1] > noisy[2] > -0.1


def test_stoi_says_that_a_clip_is_too_short():
    with pytest.raises(ValueError, match=r"STOI needs 0.4 s of speech .*longer clip"):
        metrics.stoi(noise(0, 2000), noise(0, 2000))


def test_dnsmos_rates_offline_and_silently(capfd):
    clean = voice()
    noisy = blend(clean, noise(0, 48000, 16000), 0)
    good, bad = metrics.dnsmos(clean), metrics.dnsmos(noisy)
    assert set(good) == {"overall", "signal", "background"}
    assert all(
        type(score) is float and 1 <= score <= 5 for score in (*good.values(), *bad.values())
    )
    assert good["background"] > bad["background"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "clip", [voice(rate=8000), voice().gain(40), Clip([], 16000), Clip(np.zeros(16000), 16000)]
)
def test_dnsmos_says_what_it_takes(clip):
    with pytest.raises(ValueError, match=r"DNSMOS takes sound at 16000 Hz.*audio.resample"):
        metrics.dnsmos(clip)


def test_paired_is_the_mean_difference_and_its_interval():
    rng = np.random.default_rng(1)
    easy = rng.normal(10, 8, size=60)  # how easy each clip is: falls out of the differences
    better = easy + rng.normal(1, 1, size=60)
    mean, low, high = metrics.paired(better, easy)
    differences = better - easy
    assert mean == pytest.approx(differences.mean())
    half = 1.96 * differences.std() / math.sqrt(60)  # what theory says of 60 normal differences
    assert (mean - low, high - mean) == pytest.approx((half, half), rel=0.1)
    other = metrics.paired(easy, better)
    assert other == pytest.approx((-mean, -high, -low), abs=0.01)
    assert metrics.paired(better.tolist(), tuple(easy)) == (mean, low, high)
    assert metrics.paired(better, easy, seed=1) != (mean, low, high)


def test_paired_is_wider_where_more_confidence_is_asked():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 30))
    narrow, wide = (metrics.paired(a, b, confidence=share) for share in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_paired_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    intervals = [metrics.paired(rng.normal(0.5, 1, 40), np.zeros(40)) for _ in range(100)]
    assert 87 <= sum(low <= 0.5 <= high for _, low, high in intervals) <= 99


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([1, 2], [1, 2, 3], {}, r"shape \(2,\) and \(3,\): paired needs two lists of the same"),
        ([1], [2], {}, "two clips or more"),
        (1.0, 2.0, {}, "two lists"),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], {}, "two lists"),
        ([1, -math.inf], [0, 1], {}, "clip 1 are -inf and 1.0: a mean needs finite ones"),
        ([1, math.nan], [0, 1], {}, "clip 1 are nan"),
        ([1, 2], [0, 1], {"confidence": 95}, "confidence=95: take a share between 0 and 1"),
    ],
)
def test_paired_says_what_it_needs(a, b, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.paired(a, b, **options)
