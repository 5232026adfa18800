"""Numbers for examinations: levels, errors, delays, what a filter forgives; numpy and scipy only.

All take arrays, and forgive what each says it forgives. Decibels stop at -200, so that none is
infinite.
"""

from itertools import permutations

import numpy as np

FLOOR = -200.0  # dB: what silence is said to be


def db(samples):
    """Return the level of samples, their root mean square, in dB re full scale."""
    samples = np.asarray(samples, dtype=np.float64)
    return _decibel(np.square(samples).mean()) if samples.size else FLOOR


def peak_db(samples):
    """Return the largest absolute sample in dB re full scale."""
    return _decibel(float(np.abs(samples).max(initial=0)) ** 2)


def error_db(found, expected):
    """Measure how far tracks are from those expected, in dB of these.

    Parameters
    ----------
    found, expected : ndarray [shape=(tracks, n)]
        Compared as far as both reach; the order of the tracks is forgiven.

    Returns
    -------
    float
        In dB, from -200 (the same) up; 0 is an error as large as what was expected.

    Examples
    --------
    >>> error_db(np.array([[0.0, 0.9], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])).__round__()
    -23
    """
    found, expected = _common(found, expected)
    gap = np.square(found - expected).sum()
    return max(FLOOR, _decibel(gap) - max(FLOOR, _decibel(np.square(expected).sum())))


def than(change):
    """Say a change of level in words: "3.0 dB louder" or "3.0 dB softer"."""
    return f"{abs(change):.1f} dB {'louder' if change > 0 else 'softer'}"


def in_order(found, expected):
    """Return the rows of `found` in the order in which they are most like those of `expected`."""
    found, expected = (np.atleast_2d(np.asarray(x, dtype=np.float64)) for x in (found, expected))
    if len(found) != len(expected) or len(found) == 1 or len(found) > 4:
        return found
    n = min(found.shape[1], expected.shape[1])
    alike = found[:, :n] @ expected[:, :n].T
    rows = range(len(found))
    best = max(permutations(rows), key=lambda order: sum(alike[order[i], i] for i in rows))
    return found[list(best)]


def si_sdr(estimate, reference):
    """Return the scale-invariant signal-to-distortion ratio in dB: one gain is forgiven."""
    (estimate,), (reference,) = _common(estimate, reference)
    gain = estimate @ reference / max(reference @ reference, 1e-30)
    return _ratio(gain * reference, estimate - gain * reference)


def filtered_sdr(estimate, reference, taps=256):
    """Return the signal-to-distortion ratio in dB where a short filter is forgiven.

    Parameters
    ----------
    estimate, reference : ndarray [shape=(n,)]
        What came out, and what it is made of.
    taps : int
        Length of the filter: half of it may look back, half ahead.

    Returns
    -------
    float
        In dB, at most 200.

    Notes
    -----
    As BSS Eval's SDR (Vincent, Gribonval and Févotte, IEEE TASLP 2006): the filter is the one of
    least squares.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=4000)
    >>> filtered_sdr(np.convolve(noise, [1, 0.5])[:4000], noise) > 40
    True
    """
    (estimate,), (reference,) = _common(estimate, reference)
    image = voice_in(estimate, reference, taps)
    return _ratio(image, estimate - image)


def voice_in(estimate, reference, taps=256):
    """Return what of an estimate [shape=(n,)] is the reference through a short filter."""
    from scipy.linalg import solve_toeplitz

    half, n = taps // 2, len(reference)
    size = 1 << (2 * n + taps).bit_length()
    before, after = np.fft.rfft(reference, size), np.fft.rfft(estimate, size)
    auto = np.fft.irfft(np.abs(before) ** 2, size)[:taps]
    cross = np.roll(np.fft.irfft(after * before.conj(), size), half)[:taps]
    if auto[0] < 1e-20:
        return np.zeros_like(estimate)
    auto[0] *= 1 + 1e-9  # a voice has empty bands
    response = solve_toeplitz(auto, cross)
    spread = np.fft.irfft(np.fft.rfft(response, size) * before, size)
    return np.roll(spread, -half)[:n]


def delay(found, expected, limit):
    """Return by how many samples one sound is later than another, of at most `limit`."""
    (found,), (expected,) = _common(found, expected)
    size = 1 << (2 * len(found)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(found, size) * np.fft.rfft(expected, size).conj(), size)
    lags = np.arange(-limit, limit + 1)
    return int(lags[np.argmax(np.abs(cross[lags]))])


def frames(samples, size):
    """Cut samples [shape=(n,)] into whole frames [shape=(frames, size)]."""
    samples = np.asarray(samples, dtype=np.float64)
    return samples[: len(samples) // size * size].reshape(-1, size)


def wraps(samples, before):
    """Count the places where a wave jumps from one end of the range to the other.

    Parameters
    ----------
    samples, before : ndarray [shape=(n,)]
        What came out, and what went in: where that jumps as well, nothing is counted. Samples
        beyond 1 have not wrapped: the range then ends at the largest.

    Returns
    -------
    int
        How many.

    Examples
    --------
    >>> wraps(np.array([0.8, 0.95, -0.9, -0.8]), np.array([0.8, 0.95, 1.1, 1.2]))
    1
    """
    (samples,), (before,) = _common(samples, before)
    samples = samples / max(1.0, np.abs(samples).max(initial=0))
    jumps = (np.abs(np.diff(samples)) > 1.2) & (np.abs(samples[1:]) > 0.5)
    return int((jumps & (np.abs(np.diff(before)) < 0.8)).sum())


def _common(found, expected):
    """Return two sets of tracks in double precision, as long and in one order."""
    found = in_order(found, expected)
    expected = np.atleast_2d(np.asarray(expected, dtype=np.float64))
    n = min(found.shape[1], expected.shape[1])
    return found[:, :n], expected[:, :n]


def _ratio(signal, rest):
    """Return a ratio of energies in dB, between -200 and 200."""
    power, left = np.square(signal).sum(), np.square(rest).sum()
    return float(np.clip(_decibel(power) - _decibel(left), FLOOR, -FLOOR))


def _decibel(power):
    """Return 10 log10, no less than the floor; what is no number is as far off as can be."""
    if not np.isfinite(power):
        return -FLOOR
    return max(FLOOR, 10 * float(np.log10(max(power, 1e-30))))
