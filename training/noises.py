"""Noise made by arithmetic: pink, hum, fan, street, babble and typing.

Every function takes a seeded generator, so the same seed gives the same noise on any machine.
Levels are left to the mixer, which sets them by SNR.
"""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

RATE = 16000


def pink(rng, n):
    """Noise whose power falls by 3 dB an octave, shaped in the frequency domain."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.sqrt(np.arange(len(spectrum)) + 1.0)
    return _unit(np.fft.irfft(spectrum, n))


def hum(rng, n):
    """Mains hum: 50 or 60 Hz and a dozen harmonics, a little out of tune and unsteady."""
    t = np.arange(n) / RATE
    base = rng.choice([50.0, 60.0]) * (1 + rng.uniform(-0.002, 0.002))
    wave = np.zeros(n)
    for k in range(1, rng.integers(6, 30)):
        wave += rng.uniform(0.2, 1) / k * np.sin(2 * np.pi * (k * base * t + rng.uniform()))
    return _unit(wave + 0.05 * rng.standard_normal(n))


def fan(rng, n):
    """A fan: low-passed noise, modulated at the blades' rate, with the motor's tone."""
    t = np.arange(n) / RATE
    blades = rng.uniform(8, 40)
    low = sosfilt(butter(2, rng.uniform(300, 3000), fs=RATE, output="sos"), rng.standard_normal(n))
    swing = 1 + rng.uniform(0.05, 0.4) * np.sin(2 * np.pi * blades * t)
    tone = np.sin(2 * np.pi * rng.uniform(90, 400) * t) * rng.uniform(0, 0.5)
    return _unit(_unit(low) * swing + tone)


def street(rng, n):
    """Traffic: rumble all the time, and cars that swell and pass."""
    t = np.arange(n) / RATE
    rumble = lfilter([1], [1, -0.98], rng.standard_normal(n))
    wave = 0.5 * _unit(rumble)
    for _ in range(rng.integers(1, 3 + n // (4 * RATE))):
        center, width = rng.uniform(0, n / RATE), rng.uniform(0.5, 2.5)
        edge = sorted(rng.uniform(80, 4000, 2) + [0, 200])
        band = sosfilt(butter(1, edge, "bandpass", fs=RATE, output="sos"), rng.standard_normal(n))
        wave += rng.uniform(0.3, 1.5) * _unit(band) * np.exp(-(((t - center) / width) ** 2))
    return _unit(wave)


def colored(rng, n):
    """Steady noise of a random slope (-8 to +3 dB an octave) and two random resonances."""
    f = np.arange(n // 2 + 1) * RATE / n + 20.0
    gain = (f / 1000) ** (rng.uniform(-8, 3) / 6.02)
    for _ in range(2):
        gain *= 1 + rng.uniform(0, 5) * np.exp(-((np.log2(f / rng.uniform(100, 6000)) * 3) ** 2))
    gain = np.minimum(gain, 50)
    return _unit(np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * gain, n))


def babble(voices):
    """Many people at once: equal-level voices, array [shape=(talkers, n)], summed."""
    return _unit(sum(_unit(voice) for voice in voices))


def typing(rng, n, clicks):
    """Somebody types: key clicks (arrays) laid out in bursts with uneven gaps."""
    wave, at = np.zeros(n), rng.uniform(0, 0.3) * RATE
    while at < n:
        click = clicks[rng.integers(len(clicks))]
        end = min(n, int(at) + len(click))
        wave[int(at) : end] += rng.uniform(0.4, 1) * click[: end - int(at)]
        at += RATE * (rng.uniform(0.06, 0.25) if rng.uniform() < 0.9 else rng.uniform(0.4, 1.2))
    return _unit(wave)


SYNTHETIC = {"pink": pink, "hum": hum, "fan": fan, "street": street, "colored": colored}


def _unit(wave):
    """Scale to a root mean square of one (silence stays silent)."""
    return wave / (np.sqrt(np.mean(np.square(wave))) + 1e-12)
