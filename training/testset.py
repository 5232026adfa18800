"""The fixed test mixtures: drawn once by seed from the test recordings in `sounds/`."""

import csv
from pathlib import Path

import numpy as np
import soundfile as sf
from scipy.signal import resample_poly

SOUNDS = Path(__file__).parent.parent / "sounds"


def manifest():
    """The rows of sounds/manifest.csv."""
    with open(SOUNDS / "manifest.csv", newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def pieces(rows, n, rate):
    """Cut recordings into pieces of n samples at `rate`: list of (row, wave)."""
    found = []
    for row in rows:
        wave = sf.read(SOUNDS / row["path"], dtype="float32")[0]
        wave = resample_poly(wave, 1, 2) if rate == 8000 else wave
        found += [(row, wave[at : at + n]) for at in range(0, len(wave) - n + 1, n)]
    return [(row, w) for row, w in found if np.sqrt(np.mean(w**2)) > 10 ** (-40 / 20)]


def mixtures(kind, count, seconds=4.0, seed=1):
    """Two-talker mixtures at 8 kHz: list of (names, sources [shape=(2, n)]).

    kind "known": both people were trained on (other utterances of theirs); "unseen": neither was.
    """
    split = {"known": "test", "unseen": "unseen"}[kind]
    rows = [r for r in manifest() if r["kind"] == "speech" and r["split"] == split]
    rng, people = np.random.default_rng([seed, len(kind)]), {}
    for row, wave in pieces(rows, int(seconds * 8000), 8000):
        people.setdefault(row["speaker"], []).append(wave)
    found = []
    for _ in range(count):
        pair = [str(name) for name in rng.choice(sorted(people), 2, replace=False)]
        sources = np.stack([people[name][rng.integers(len(people[name]))] for name in pair])
        sources = sources / np.sqrt(np.mean(sources**2, 1, keepdims=True))
        gain = rng.uniform(-2.5, 2.5)
        sources *= 0.08 * 10 ** (np.array([[gain], [-gain]]) / 20)
        found.append((pair, sources.astype(np.float32)))
    return found


def noisy(snr, count, seconds=4.0, seed=1, split=("test", "unseen"), noises="test"):
    """Noisy speech at 16 kHz: list of (kind, noisy, clean), noise kinds in turn.

    noises "test": kinds that training knows, other recordings; "unseen": recorded ones of packages
    that training does not know.
    """
    table, n = manifest(), int(seconds * 16000)
    rng = np.random.default_rng([seed, int(snr + 100)])
    speech = [
        r
        for r in table
        if r["kind"] == "speech" and r["split"] in split and r["speaker"] != "paola"
    ]
    noise = {}
    for row in table:
        if row["path"].startswith("noise/") and row["split"] == noises:
            noise.setdefault(row["kind"], []).append(row)
    voices, found, kinds = pieces(speech, n, 16000), [], sorted(noise)
    for i in range(count):
        clean = voices[rng.integers(len(voices))][1]
        row = noise[kinds[i % len(kinds)]][rng.integers(len(noise[kinds[i % len(kinds)]]))]
        wave = np.resize(sf.read(SOUNDS / row["path"], dtype="float32")[0], 40 * 16000)
        start = rng.integers(0, 10 * 16000)
        wave = wave[start : start + n]
        gain = np.sqrt(np.mean(clean**2) / np.mean(wave**2)) * 10 ** (-snr / 20)
        mixed = clean + gain * wave
        fitting = min(1, 0.98 / np.abs(mixed).max())  # a file would clip it, and DNSMOS refuses it
        found.append((row["kind"], np.float32(fitting) * mixed, np.float32(fitting) * clean))
    return found
