"""The sounds that a system is examined with: three voices, and what is computed. Fixed seeds.

The voices are 4.8 s each of recordings of the course (credits: README.md beside this file); they
loop without a seam, at 2.4 s too. Everything else is arithmetic.
"""

import functools
from pathlib import Path

import numpy as np

VOICES = Path(__file__).with_name("voices.flac")
LOOP = 2.4  # seconds: a whole number of every usual hop, at every usual rate
LEVEL = -26  # dB re full scale, of a voice


def voice(rate, n, who=0, start=0.0, loop=2 * LOOP):
    """Return a voice that speaks without end.

    Parameters
    ----------
    rate : int
        In Hz.
    n : int
        How many samples.
    who : int
        0 is a woman, 1 and 2 are men.
    start : float
        Where in the recording to begin, in seconds.
    loop : float
        After how many seconds it begins again: 4.8 or 2.4.

    Returns
    -------
    ndarray [shape=(n,)]
        In float32, at -26 dB re full scale.

    Examples
    --------
    >>> first, again = np.split(voice(8000, 2 * 19200, loop=2.4), 2)
    >>> bool((first == again).all())
    True
    """
    once = _once(rate, who, loop)
    return once[(round(start * rate) + np.arange(n)) % len(once)]


@functools.lru_cache(maxsize=32)
def _once(rate, who, loop):
    """Return one round of a voice at a rate."""
    import soundfile

    samples, own = soundfile.read(VOICES, dtype="float64", always_2d=True)
    samples = samples[:, who]
    if loop == LOOP:  # 20 ms of what comes next fade into the beginning
        half, fade = len(samples) // 2, np.linspace(0, 1, own // 50)
        after = samples[half : half + len(fade)]
        samples = samples[:half].copy()
        samples[: len(fade)] = fade * samples[: len(fade)] + (1 - fade) * after
    samples = resampled(np.tile(samples, 3), own, rate)  # a seam in the resampling would be heard
    samples = samples[len(samples) // 3 : 2 * len(samples) // 3]
    return at_level(samples, LEVEL)


def resampled(samples, rate, wanted):
    """Return samples at another rate, in float64."""
    from scipy.signal import resample_poly

    divisor = np.gcd(int(rate), int(wanted))
    samples = np.asarray(samples, dtype=np.float64)
    return resample_poly(samples, wanted // divisor, rate // divisor, axis=-1)


def at_level(samples, level):
    """Return samples at a level in dB re full scale, in float32; silence stays silence."""
    samples = np.asarray(samples, dtype=np.float64)
    size = np.sqrt(np.square(samples).mean()) if samples.size else 0
    return np.float32(samples * (10 ** (level / 20) / size if size else 1))


def noise(n, level, seed=0):
    """Return white noise [shape=(n,)] at a level in dB re full scale."""
    return np.float32(np.random.default_rng(seed).normal(size=n) * 10 ** (level / 20))


def alarm(rate, n):
    """Return a smoke alarm: 3 kHz, or three eighths of the rate, half a second on and off."""
    seconds = np.arange(n) / rate
    tone = np.sin(2 * np.pi * min(3000, 0.375 * rate) * seconds)
    return at_level(tone * (seconds % 1 < 0.5), -26)


def music(rate, n):
    """Return chords of plucked strings: harmonics that die away, a new chord each 0.6 s."""
    seconds, out = np.arange(n) / rate, np.zeros(n)
    for i, root in enumerate((220.0, 174.6, 261.6, 196.0)):
        since = (seconds - 0.6 * i) % 2.4
        for note in (1, 1.26, 1.5):
            for harmonic in range(1, 7):
                wave = np.sin(2 * np.pi * root * note * harmonic * since)
                out += wave * np.exp(-since * 2 * harmonic**0.5) * np.minimum(since / 0.005, 1)
    return at_level(out, -26)


def telephone(rate, samples):
    """Return samples [shape=(n,)] as a telephone hands them on: 300 to 3400 Hz."""
    from scipy.signal import butter, sosfiltfilt

    band = butter(4, [300, min(3400, 0.45 * rate)], "bandpass", fs=rate, output="sos")
    return np.float32(sosfiltfilt(band, samples, padlen=min(len(samples) - 1, 3 * rate // 10)))


def child(rate, n):
    """Return the first voice as a child's might be: pitch and resonances seven fifths as high."""
    high = resampled(voice(rate, n * 7 // 5 + 7), 7, 5)
    return at_level(high[:n], LEVEL)


def singing(rate, n):
    """Return a voice that sings on "ah": held notes with vibrato, through three resonances."""
    from scipy.signal import lfilter

    seconds = np.arange(n) / rate
    notes = np.array([220.0, 277.2, 329.6, 277.2])[(seconds / 0.8).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(notes * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * seconds))) / rate
    out = sum(np.sin(k * phase) / k for k in range(1, 13))
    for hertz, width in ((700, 80), (1220, 90), (2600, 120)):
        r = np.exp(-np.pi * width / rate)
        out = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * hertz / rate), r * r], out)
    breath = np.minimum(1, 20 * np.minimum(seconds % 1.6, 1.6 - seconds % 1.6))
    return at_level(out * breath, LEVEL)


def babble(rate, n):
    """Return the second and the third voice, each four times at once."""
    starts = np.arange(4) * 1.13
    return at_level(sum(voice(rate, n, who, start) for start in starts for who in (1, 2)), LEVEL)


def coded(rate, samples):
    """Return samples [shape=(n,)] as GSM's first codec hands them on: 13 kbit/s at 8 kHz."""
    import io

    import soundfile

    file, n = io.BytesIO(), len(samples)
    narrow = np.clip(resampled(samples, rate, 8000), -1, 1)
    soundfile.write(file, narrow, 8000, format="WAV", subtype="GSM610")
    file.seek(0)
    out = resampled(soundfile.read(file)[0], 8000, rate)[:n]
    return np.float32(np.pad(out, (0, n - len(out))))


def room(rate, samples, seconds=0.5, seed=0):
    """Return samples [shape=(n,)] in a room whose sound dies away by 60 dB in some seconds."""
    from scipy.signal import fftconvolve

    return np.float32(fftconvolve(samples, response(rate, seconds, seed))[: len(samples)])


def response(rate, seconds, seed=0):
    """Return a room's impulse response [shape=(n,)]: the direct sound, then noise that decays."""
    n = max(2, round(seconds * rate))
    out = np.random.default_rng(seed).normal(size=n) * 10 ** (-3 * np.arange(n) / n)
    out[: rate // 200] = 0
    out *= 0.5 / np.sqrt(np.square(out).sum())
    out[0] = 1
    return out
