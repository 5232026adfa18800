"""Filters that learn a room: how late the echo comes, and what the room does to it.

The linear half of `echo.cancel`. Taught in 09_cancel_echo.
"""

import logging

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
LATEST = 5  # seconds by which two recordings may have been started apart
CLOCK_PIECE = 2**15  # samples in which a clock that drifts by 300 ppm loses ten
CLOCK_PIECES = 48  # how many of them are heard
DRIFT = 400  # ppm: what the worst of two sound cards are apart
DRIFTS = 16  # samples of drift in all that the filter follows by itself
NEAR = 80  # samples around a first guess in which delay and drift are looked for again
SURE = 12  # standard deviations by which a line stands out: chance has 7

_log = logging.getLogger("helpers")


def bulk_delay(mic: Clip, far: Clip, most: float = 0.5, piece: int = PIECE) -> int | None:
    """Find by how much the echo comes after the far end, by GCC-PHAT.

    Parameters
    ----------
    mic : Clip
        What the microphone heard.
    far : Clip
        What the loudspeaker was given, at the same rate.
    most : float
        The largest delay looked for, in seconds, in either direction.
    piece : int
        Samples that are correlated at a time; longer than the delay.

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
    n, reach = min(piece, len(mic) + len(far)), round(most * mic.rate)
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


def clock(mic: Clip, far: Clip, most: float = LATEST) -> tuple[int, float] | None:
    """Find delay and drift: two sound cards never count quite the same seconds.

    Short pieces of the recording are correlated with the far end, and the line is sought on which
    their delays lie. A clock that is off by 50 ppm is 3 ms off after a minute.

    Parameters
    ----------
    mic, far : Clip
        As for `bulk_delay`.
    most : float
        The largest delay looked for, in seconds, in either direction.

    Returns
    -------
    tuple or None
        By how many samples the echo is late at the start of the recording, and how many it loses
        each million (ppm; negative where it gains). None where no echo is found.

    Raises
    ------
    ValueError
        If the rates differ.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> far = Clip(np.random.default_rng(0).normal(size=64000), 16000)
    >>> clock(shift(far, 20000, 64000), far)
    (20000, 0.0)
    """
    _same_rate(mic, far)
    found = _line(mic, far, round(most * mic.rate), np.arange(-DRIFT, DRIFT + 1, 10))
    if found is None:
        return None
    late, ppm = found
    # Once more on what that makes of the far end: sharper, as no piece drifts any longer.
    far = shift(retime(far, ppm) if ppm else far, late, len(mic))
    closer = _line(mic, far, NEAR, np.arange(-20, 20.5))
    return found if closer is None else (late + closer[0], float(ppm + closer[1]))


def _line(mic, far, reach, drifts):
    """Find the line on which the delays of pieces lie: its start in samples, its drift in ppm."""
    n, step = CLOCK_PIECE, max(1, reach // NEAR // 500)
    size = 1 << (2 * reach + 2 * n).bit_length()
    starts = np.arange(0, max(1, len(mic) - n // 2), n)
    power = np.array([np.square(mic.samples[at : at + n]).mean() for at in starts])
    if len(starts) > CLOCK_PIECES:  # the louder of each few neighbors, so that all times are heard
        groups = np.array_split(np.arange(len(starts)), CLOCK_PIECES)
        starts = starts[[group[power[group].argmax()] for group in groups]]
    fade, rows = np.hanning(n), []  # else the ends of the pieces correlate
    for at in starts:
        heard = mic.samples[at : at + n] * fade[: len(mic) - at]
        around = shift(far, reach - at, n + 2 * reach).samples  # from at - reach on
        played = np.concatenate([fade[: n // 2], np.ones(2 * reach), fade[n // 2 :]]) * around
        cross = np.fft.rfft(heard, size).conj() * np.fft.rfft(played, size)
        strength = np.abs(cross)
        cross /= strength + 1e-6 * max(strength.max(), 1e-300)
        row = np.abs(np.fft.irfft(cross, size)[: 2 * reach + 1][::-1])  # lags -reach to reach
        row = row[: len(row) // step * step].reshape(-1, step).max(axis=1)
        rows.append(np.minimum((row - row.mean()) / max(row.std(), 1e-300), 20))
    best, late, ppm = 0.0, 0, 0
    for drift in sorted(drifts, key=abs):  # none, where that explains it as well
        lost = [round((at + n / 2) * drift * 1e-6 / step) for at in starts]
        total = sum(map(np.roll, rows, lost))
        if total.max() > 1.02 * best:
            best, late, ppm = total.max(), (int(total.argmax()) + 0.5) * step - reach, drift
    sure = best > SURE * np.sqrt(len(rows)) or reach == NEAR
    return (round(late - step / 2 if step == 1 else late), int(ppm)) if sure else None


def retime(far: Clip, ppm: float) -> Clip:
    """Bring a clip to another clock, which counts `ppm` millionths more seconds.

    Parameters
    ----------
    far : Clip
        The sound.
    ppm : float
        Millionths by which it has to become shorter.

    Returns
    -------
    Clip
        At the same rate by name, shorter or longer by that much.

    Examples
    --------
    >>> from helpers.clip import Clip
    >>> len(retime(Clip(np.zeros(1_000_000), 16000), 300))
    999700
    """
    import soxr

    return far.with_samples(soxr.resample(far.samples, 1e6 + ppm, 1e6, quality="VHQ"))


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
    heard = np.pad(mic.samples, (0, blocks * BLOCK - n))
    played = shift(far, 0, blocks * BLOCK).samples
    left, echo = np.zeros(len(heard), np.float32), np.zeros(len(heard), np.float32)
    room = Kalman(parts, forget, start)
    for at in range(0, len(heard), BLOCK):
        now = slice(at, at + BLOCK)
        left[now], echo[now] = room.block(heard[now], played[now])
    return mic.with_samples(left[:n]), mic.with_samples(echo[:n]), (room.answer, room.doubt)


class Kalman:
    """The filter of `kalman`, block by block: what it has learned is what it keeps.

    Parameters
    ----------
    parts : int
        As for `kalman`.
    forget : float
        As for `kalman`.
    start : tuple of ndarray, optional
        As for `kalman`.

    Attributes
    ----------
    answer : ndarray [shape=(parts, 257)]
        What the room does to the far end, as far as it is known.
    doubt : ndarray [shape=(parts, 257)]
        How uncertain that is.

    Examples
    --------
    >>> far = 0.05 * np.random.default_rng(0).normal(size=(100, BLOCK))
    >>> room = Kalman()
    >>> levels = [np.std(room.block(0.5 * block, block)[0]) for block in far]
    >>> bool(levels[-1] < 0.1 * levels[0])
    True
    """

    def __init__(
        self, parts: int = PARTS, forget: float = FORGET, start: tuple | None = None
    ) -> None:
        self.forget = forget
        self.least = _unknown(parts) / 100  # nothing is ever quite sure, even after a long silence
        self.spectra: np.ndarray = np.zeros(
            (parts, BLOCK + 1), complex
        )  # of the far end, newest block first
        self.answer, self.doubt = start or (np.zeros_like(self.spectra), _unknown(parts))
        self.played = np.zeros(BLOCK, np.float32)  # the far end's block before
        self.others: np.ndarray = np.zeros(BLOCK + 1)  # power of all that is no echo, a frequency

    def block(self, heard: np.ndarray, played: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict the echo in one block, take it out, and learn from what was missed.

        Parameters
        ----------
        heard : ndarray [shape=(256,)]
            The block of the microphone.
        played : ndarray [shape=(256,)]
            The block of the far end.

        Returns
        -------
        tuple of ndarray
            What is left, and the echo as predicted [shape=(256,)].
        """
        both = np.concatenate([self.played, played]).astype(np.float64)
        self.played = np.array(played)
        self.spectra = np.roll(self.spectra, 1, axis=0)
        self.spectra[0] = np.fft.rfft(both)
        guess = np.fft.irfft((self.spectra * self.answer).sum(axis=0))[BLOCK:]  # overlap-save
        error = heard - guess
        missed = np.fft.rfft(np.pad(error, (BLOCK, 0)))
        self.others = 0.5 * (self.others + np.abs(missed) ** 2)
        power = np.abs(self.spectra) ** 2  # (parts, frequencies)
        # One block's power is a jagged guess of the far end's: look at the neighbors, too.
        whole = np.pad((self.doubt * power).sum(axis=0) + 2 * self.others, 3, mode="edge")
        step = self.doubt / (np.convolve(whole, NEIGHBORS, mode="valid") + 1e-10)
        change: np.ndarray = np.fft.irfft(step * self.spectra.conj() * missed, axis=1)
        change[:, BLOCK:] = 0  # a part is one block long: the rest is the FFT's wrapping round
        change = np.fft.rfft(change, axis=1)
        # Frequencies that sound together, as in a pure tone, would each mend the whole error.
        effect = np.fft.irfft((self.spectra * change).sum(axis=0))[BLOCK:]
        fit = np.clip((error @ effect) / (effect @ effect + 1e-20), 0, 1)
        self.answer = self.answer + change * fit
        keep = self.forget**2
        self.doubt = keep * np.maximum(1 - 0.35 * step * power, 0) * self.doubt
        self.doubt += (1 - keep) * (np.abs(self.answer) ** 2 + self.least)
        return error, guess


def linear(mic: Clip, far: Clip) -> tuple[Clip, Clip]:
    """Take out of a recording what a filter can: align, learn, and go over it again.

    A call can't be heard twice, a recording can: the filter learns the room from the first half
    minute, and then begins anew with what it knows.

    Parameters
    ----------
    mic, far : Clip
        As for `kalman`; the far end may be early or late by five seconds, and its clock off by
        up to 400 ppm: both are said on the log "helpers", as is that no echo was found.

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
    late, found = bulk_delay(mic, far), clock(mic, far)
    if found and abs(found[1]) * 1e-6 * len(mic) > DRIFTS:
        late, ppm = found
        _log.warning("%r: the far end's clock is %.0f ppm off: resampled", mic.name, ppm)
        far = retime(far, ppm)
    elif found and (late is None or abs(found[0]) > mic.rate / 2):
        late = found[0]
        _log.warning("%r: the echo is %.2f s late", mic.name, late / mic.rate)
    if late is None:
        _log.warning("%r: no echo of %r was found, nothing is taken out", mic.name, far.name)
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
