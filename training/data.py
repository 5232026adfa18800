"""Endless training examples, mixed on the fly from `sounds/` or from the full corpus.

A voice is resampled before it is mixed: played faster or slower by up to a third, one person
becomes many (pitch, formants and tempo move together). What the test hears is never drawn here.
"""

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from training import noises

ROOT = Path(__file__).parent.parent
RATE = 16000
SPEEDS = [Fraction(n, d) for n, d in ((3, 4), (4, 5), (5, 6), (7, 8), (9, 10), (1, 1))]
SPEEDS += [Fraction(n, d) for n, d in ((11, 10), (9, 8), (6, 5), (5, 4), (4, 3))]


class Corpus:
    """Voices and noises as arrays: `voices[speaker]` and `noises[kind]` are lists of int16 waves.

    Parameters
    ----------
    full : bool
        Read corpus/ (what `training.build_corpus --full` made) instead of sounds/.
    min_floor : float
        Leave out recordings whose own noise lies less than this many dB under the speech.
    min_band : float
        Leave out speakers recorded with less bandwidth than this, in Hz.
    split : str
        "train", or "test" (other recordings of the same people) to validate on.
    """

    def __init__(self, full=False, min_floor=0.0, min_band=0.0, split="train"):
        speech, noise = _read_full() if full else _read_sounds(split)
        self.voices, self.noises, self.sex = {}, {}, {}
        for about, wave in speech:
            if about["split"] != split or float(about.get("band") or 8000) < min_band:
                continue
            if float(about.get("floor") or 99) >= min_floor:
                self.voices.setdefault(about["speaker"], []).append(wave)
                self.sex[about["speaker"]] = about["sex"]
        for about, wave in noise:
            if about["split"] == split:
                self.noises.setdefault(about["kind"], []).append(wave)
        self.speakers = sorted(self.voices)
        seconds = np.array([sum(map(len, self.voices[s])) / RATE for s in self.speakers])
        # People with hours of speech are not drawn hours more often: minutes count by square root.
        weight = np.sqrt(np.minimum(seconds, 1200))
        self.chance = weight / weight.sum()

    def speaker(self, rng):
        """Draw a speaker."""
        return self.speakers[rng.choice(len(self.speakers), p=self.chance)]

    def voice(self, rng, speaker, n, rate, speeds=SPEEDS):
        """Draw n samples at `rate` of one speaker: utterances, pauses between, one speed."""
        speed = speeds[rng.integers(len(speeds))]
        need = int(n * RATE / rate * speed) + 1
        parts, total = [np.zeros(rng.integers(0, RATE // 3), np.float32)], 0
        while total < need:
            wave = self.voices[speaker][rng.integers(len(self.voices[speaker]))]
            parts += [
                wave.astype(np.float32) / 32768,
                np.zeros(rng.integers(800, 8000), np.float32),
            ]
            total = sum(map(len, parts))
        joined = np.concatenate(parts)
        start = rng.integers(0, len(joined) - need + 1)
        ratio = Fraction(rate, RATE) / speed
        wave = resample_poly(joined[start : start + need], ratio.numerator, ratio.denominator)
        wave = np.pad(wave, (0, max(0, n - len(wave))))[:n]
        return wave if np.abs(wave).max() > 1e-3 else self.voice(rng, speaker, n, rate, speeds)

    def mixture(self, rng, n, rate=8000, spread=5.0):
        """Two different people at once, levels within `spread` dB: sources [shape=(2, n)]."""
        first, second = self.speaker(rng), self.speaker(rng)
        while second == first:
            second = self.speaker(rng)
        sources = np.stack([self.voice(rng, s, n, rate) for s in (first, second)])
        if rng.uniform() < 0.15:
            sources = np.stack([reverberate(rng, s, rate) for s in sources])
        sources /= np.sqrt(np.mean(sources**2, 1, keepdims=True)) + 1e-9
        gain = rng.uniform(-spread, spread) / 2
        sources *= 10 ** (np.array([[gain], [-gain]]) / 20)
        return (sources * 0.08 * 10 ** (rng.uniform(-6, 6) / 20)).astype(np.float32)

    def noise(self, rng, n):
        """Draw n samples of noise at 16 kHz, of any kind; a quarter is two kinds at once."""
        kinds = [*sorted(self.noises), "babble", "typing", *noises.SYNTHETIC]
        kind = kinds[rng.integers(len(kinds))]
        if kind in noises.SYNTHETIC:
            wave = noises.SYNTHETIC[kind](rng, n)
        elif kind == "babble":
            people = [self.speaker(rng) for _ in range(rng.integers(3, 8))]
            wave = noises.babble([self.voice(rng, s, n, RATE) for s in people])
        elif kind in ("typing", "keyboard"):
            wave = noises.typing(rng, n, self.noises["keyboard"])
        else:
            wave = self.recorded(rng, kind, n)
            if rng.uniform() < 0.5:  # other packages recorded with other microphones
                wave = tilt(rng, wave)
        wave = wave / (np.sqrt(np.mean(wave**2)) + 1e-9)
        if rng.uniform() < 0.25:
            wave = wave + self.noise(rng, n) * rng.uniform(0.2, 1)
        return wave

    def recorded(self, rng, kind, n):
        """Draw n samples of a recorded kind, at a random speed, repeated where it is short."""
        wave, total = [], 0
        while total < n:
            piece = self.noises[kind][rng.integers(len(self.noises[kind]))]
            start = rng.integers(0, max(1, len(piece) - n))
            piece = piece[start : start + int(1.4 * n)].astype(np.float32) / 32768
            speed = SPEEDS[rng.integers(len(SPEEDS))]
            wave.append(resample_poly(piece, speed.denominator, speed.numerator))
            total += len(wave[-1])
        return np.concatenate(wave)[:n]

    def noisy(self, rng, n, low=-5.0, high=20.0):
        """Noisy and clean speech at 16 kHz: (noisy, clean), each [shape=(n,)]."""
        clean = self.voice(rng, self.speaker(rng), n, RATE)
        if rng.uniform() < 0.2:
            clean = reverberate(rng, clean, RATE)
        if rng.uniform() < 0.3:
            clean = tilt(rng, clean)
        clean /= np.sqrt(np.mean(clean**2)) + 1e-9
        noise = self.noise(rng, n) * 10 ** (-rng.uniform(low, high) / 20)
        level = 0.056 * 10 ** (rng.uniform(-4, 4) / 20)
        return (level * (clean + noise)).astype(np.float32), (level * clean).astype(np.float32)


def reverberate(rng, wave, rate):
    """A small room by its statistics: the direct sound and an exponentially dying tail."""
    decay, n = rng.uniform(0.05, 0.25), int(0.3 * rate)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / rate / decay)
    tail[: int(0.002 * rate)] = 0
    tail *= 10 ** (-rng.uniform(6, 20) / 20) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    size = len(wave) + n
    wet = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(tail, size), size)[: len(wave)]
    return wave + wet


def tilt(rng, wave):
    """Another microphone: a random spectral slope of up to 3 dB an octave either way."""
    spectrum = np.fft.rfft(wave)
    f = np.maximum(np.arange(len(spectrum)) * RATE / len(wave), 60.0)
    return np.fft.irfft(spectrum * (f / 1000) ** (rng.uniform(-3, 3) / 6.02), len(wave))


def _read_full():
    """(row, wave) of speech and noise in corpus/."""
    tables = []
    for kind in ("speech", "noise"):
        file = ROOT / "corpus" / f"{kind}.npy"
        if not file.exists():
            raise ValueError(f"{file} is missing: python -m training.build_corpus --full makes it")
        waves = np.load(file, mmap_mode="r")
        with open(ROOT / "training" / f"corpus_{kind}.csv", newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
        ends = [(int(row["start"]), int(row["start"]) + int(row["length"])) for row in rows]
        tables.append([(row, waves[a:b]) for row, (a, b) in zip(rows, ends, strict=True)])
    return tables


def _read_sounds(split="train"):
    """(row, wave) of speech and noise in sounds/."""
    import soundfile as sf

    with open(ROOT / "sounds" / "manifest.csv", newline="", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == split]
    rows = [row for row in rows if row["path"].startswith(("speech/", "noise/"))]
    waves = [(row, sf.read(ROOT / "sounds" / row["path"], dtype="int16")[0]) for row in rows]
    speech = [(row, wave) for row, wave in waves if row["kind"] == "speech"]
    return speech, [(row, wave) for row, wave in waves if row["kind"] != "speech"]
