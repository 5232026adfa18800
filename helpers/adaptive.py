"""Filters that learn a room: how late the echo comes, and what the room does to it.

The linear half of `echo.cancel`. Taught in 09_cancel_echo.
"""

import numpy as np

from helpers.clip import Clip

BLOCK = 256  # samples that the filter hears at a time: 16 ms at 16 kHz
PARTS = 16  # blocks of the room's answer that it learns: 256 ms
NEIGHBORS = np.hanning(9)[1:-1] / 4  # weights of seven frequencies; they add up to 1
FORGET = 0.9995  # how much of what it knows a block leaves standing: rooms change
MARGIN = 128  # samples by which the far end is kept early: something may arrive before the peak
WARM_UP = 30  # seconds: length of the first pass, which initializes the filter
PIECE = 2**17  # samples that are correlated at a time
PIECES = 8  # how many of them: the loudest ones
DISTINCT = 22  # times the median: a correlation below that is chance, an echo is far above it


def bulk_delay(mic: Clip, far: Clip, most: float = 0.5) -> int | None:
    """Find by how much the echo comes after the far end, by GCC-PHAT.

    Parameters
    ----------
    mic : Clip
        What the microphone heard.
    far : Clip
        What the loudspeaker was given, at the same rate.
    most : float
        The largest delay looked for, in seconds, in either direction.

    Returns
    -------
    int or None
        In samples; negative where the far end's recording is the late one. None where the
        microphone heard nothing of the far end.

    Raises
    ------
    ValueError
        If the rates differ.

    Notes
    -----
    Knapp and Carter, "The generalized correlation method for estimation of time delay", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 24 (4), 1976.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> far = Clip(np.random.default_rng(0).normal(size=16000), 16000)
    >>> bulk_delay(far.with_samples(np.pad(far.samples, (300, 0))), far)
    300
    """
    _same_rate(mic, far)
    n, reach = min(PIECE, len(mic) + len(far)), round(most * mic.rate)
    size = 1 << max(2 * n - 1, 2).bit_length()
    reach = min(reach, size // 2 - 1)
    lags = np.arange(-reach, reach + 1)
    starts = range(0, max(1, min(len(mic), len(far))), n)
    loudest = sorted(starts, key=lambda start: -np.square(far.samples[start : start + n]).sum())
    scores = np.zeros(len(lags))
    for start in loudest[:PIECES]:
        heard, played = (
            np.fft.rfft(clip.samples[start : start + n].astype(np.float64), size)
            for clip in (mic, far)
        )
        cross = heard * played.conj()
        strength = np.abs(cross)
        if strength.any():  # PHAT: of each frequency only its phase counts
            scores += np.fft.irfft(cross / (strength + 1e-9 * strength.max()), size)[lags]
    scores = np.abs(scores)
    best = int(scores.argmax())
    return int(lags[best]) if scores[best] > DISTINCT * np.median(scores) else None


def shift(far: Clip, samples: int, length: int) -> Clip:
    """Delay a clip and give it a length: silence goes where there is no sound.

    Parameters
    ----------
    far : Clip
        The sound.
    samples : int
        By how much; negative starts later in the clip.
    length : int
        Samples wanted.

    Returns
    -------
    Clip
        Samples [shape=(length,)].

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> shift(Clip([1, 2, 3], 8000), 1, 5).samples.tolist()
    [0.0, 1.0, 2.0, 3.0, 0.0]
    >>> shift(Clip([1, 2, 3], 8000), -1, 1).samples.tolist()
    [2.0]
    """
    moved = np.pad(far.samples[max(0, -samples) :], (max(0, samples), 0))[:length]
    return far.with_samples(np.pad(moved, (0, length - len(moved))))


def kalman(
    mic: Clip,
    far: Clip,
    parts: int = PARTS,
    forget: float = FORGET,
    start: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[Clip, Clip, tuple[np.ndarray, np.ndarray]]:
    """Take the echo out with a partitioned frequency-domain Kalman filter.

    The room's answer is cut into `parts` pieces of one block each, and each piece is a number a
    frequency. A block of the microphone is predicted, and what the prediction missed corrects the
    numbers: much where little is known yet and the microphone holds little else, hardly at all
    while somebody speaks into it. That is what makes it survive double talk.

    Parameters
    ----------
    mic, far : Clip
        What the microphone heard and the loudspeaker played, at one rate; at levels of about
        -25 dB. A far end that is too short goes on in silence.
    parts : int
        How many blocks of 256 samples the filter spans.
    forget : float
        Just under 1: the smaller, the faster it follows a room that changes, and the less exactly.
    start : tuple of ndarray, optional
        The third result of another call: begin with what that one had learned.

    Returns
    -------
    tuple
        What is left and the echo as predicted, both Clips of the microphone's length, and what was
        learned: the room's answer and how uncertain it is, [shape=(parts, 257)] each.

    Raises
    ------
    ValueError
        If the rates differ.

    Notes
    -----
    Enzner and Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in
    hands-free telephones", Signal Processing 86 (6), 2006; in parts: Kuech, Mabande and Enzner,
    "State-space architecture of the partitioned-block-based acoustic echo controller", ICASSP 2014.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> far = Clip(0.05 * np.random.default_rng(0).normal(size=32000), 16000)
    >>> left, echo, _ = kalman(shift(far, 40, 32000), far)
    >>> left.cut(1).level < far.level - 20
    True
    """
    _same_rate(mic, far)
    n, blocks = len(mic), -(-len(mic) // BLOCK)
    observed = np.pad(mic.samples, (0, blocks * BLOCK - n))
    played = shift(far, BLOCK, (blocks + 1) * BLOCK).samples
    errors = np.zeros(len(observed), np.float32)
    echo_estimate = np.zeros(len(observed), np.float32)
    X: np.ndarray = np.zeros((parts, BLOCK + 1), complex)  # of the far end, newest block first
    least = _unknown(parts) / 100  # nothing is ever quite sure, not even after a long silence
    H: np.ndarray
    H, P = start or (np.zeros_like(X), _unknown(parts))
    noise_psd = np.zeros(BLOCK + 1)  # power of all that is no echo, a frequency
    for block in range(blocks):
        now = slice(block * BLOCK, (block + 1) * BLOCK)
        X = np.roll(X, 1, axis=0)
        X[0] = np.fft.rfft(played[now.start : now.stop + BLOCK].astype(np.float64))
        echo = np.fft.irfft((X * H).sum(axis=0))[BLOCK:]  # overlap-save
        error = observed[now] - echo
        echo_estimate[now], errors[now] = echo, error
        E = np.fft.rfft(np.pad(error, (BLOCK, 0)))
        noise_psd = 0.5 * (noise_psd + np.abs(E) ** 2)
        power = np.abs(X) ** 2  # (parts, frequencies)
        # One block's power is a jagged guess of the far end's: look at the neighbors, too.
        whole = np.pad((P * power).sum(axis=0) + 2 * noise_psd, 3, mode="edge")
        kalman_gain = P / (np.convolve(whole, NEIGHBORS, mode="valid") + 1e-10)
        change: np.ndarray = np.fft.irfft(kalman_gain * X.conj() * E, axis=1)
        change[:, BLOCK:] = 0  # a part is one block long: the rest is the FFT's wrapping round
        change = np.fft.rfft(change, axis=1)
        # Frequencies that sound together, as in a pure tone, would each mend the whole error.
        effect = np.fft.irfft((X * change).sum(axis=0))[BLOCK:]
        H = H + change * np.clip((error @ effect) / (effect @ effect + 1e-20), 0, 1)
        P = forget**2 * np.maximum(1 - 0.35 * kalman_gain * power, 0) * P
        P += (1 - forget**2) * (np.abs(H) ** 2 + least)
    return mic.with_samples(errors[:n]), mic.with_samples(echo_estimate[:n]), (H, P)


def linear(mic: Clip, far: Clip) -> tuple[Clip, Clip]:
    """Take out of a recording what a filter can: align, learn, and go over it again.

    A call can't be heard twice, a recording can: the filter learns the room from the first half
    minute, and then begins anew with what it knows.

    Parameters
    ----------
    mic, far : Clip
        As for `kalman`; the far end may be early or late by half a second.

    Returns
    -------
    tuple of Clip
        What is left, and the echo that was taken out: silence where the microphone has nothing of
        the far end.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> far = Clip(0.05 * np.random.default_rng(0).normal(size=32000), 16000)
    >>> left, echo = linear(shift(far, 4000, 32000), far)
    >>> left.cut(0.5).level < far.level - 30
    True
    """
    late = bulk_delay(mic, far)
    if late is None:
        return mic, mic.with_samples(np.zeros(len(mic)))
    far = shift(far, late - MARGIN, len(mic))
    begin = [clip.with_samples(clip.samples[: WARM_UP * clip.rate]) for clip in (mic, far)]
    first, _, learned = kalman(begin[0], begin[1])
    left, echo, _ = kalman(mic, far, start=learned)
    if first.level < left.with_samples(left.samples[: len(first)]).level:  # the room had changed
        left, echo, _ = kalman(mic, far)
    return left, echo


def _unknown(parts):
    """Prior covariance of a room's response: rooms ring off, some 3 dB in 16 ms."""
    return np.tile(10 ** (1 - 0.3 * np.arange(parts))[:, None], BLOCK + 1)


def _same_rate(mic, far):
    """Refuse two clips whose samples do not count the same time."""
    if mic.rate != far.rate:
        raise ValueError(
            f"the microphone has {mic.rate} Hz and the far end {far.rate} Hz: "
            f"audio.resample(far, {mic.rate})"
        )
