"""The named demo files of the lessons, mixed from the test split: no model was trained on them."""

import numpy as np
from scipy.signal import resample_poly

from training import noises

RATE = 16000


PAIRS = [  # name, then each talker's speaker, sex and language, and the length in seconds
    ("mix_speech", ("tux_be", "female", "be"), ("tux_da", "male", "da"), 5.2),
    ("mix_speech1", ("tux_ca", "male", "ca"), ("tux_es", "female", "es"), 4.6),
]


def demo_files(cache):
    """Yield (file name, samples, rate, facts) of every demo file and of its clean references.

    Parameters
    ----------
    cache : dict
        (speaker, package, pattern) -> list of (file name, split, samples).
    """
    for name, first, second, seconds in PAIRS:
        people = (first, second)
        sources = [demo_voice(cache, person, seconds) for person in people]
        together = ("+".join(pair) for pair in zip(*people, strict=True))
        yield f"{name}.wav", sources[0] + sources[1], 8000, facts("mixture", *together)
        for i, (source, person) in enumerate(zip(sources, people, strict=True), start=1):
            yield f"{name}_s{i}.wav", source, 8000, facts("source", *person)
    n = 75_165  # the length whose padding the source document prints
    clean = talker(cache, "allison", "en", n / RATE + 0.1)[:n]
    cars, fan = (np.random.default_rng(seed) for seed in (5, 11))
    noise = noises.street(cars, n) + 0.5 * noises.fan(fan, n)
    noise *= np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-5 / 20)  # 5 dB SNR
    who = ("allison", "female", "en")
    yield "speech_with_noise1.wav", clean + noise, RATE, facts("noisy speech", *who)
    yield "speech_with_noise1_clean.wav", clean, RATE, facts("clean speech", *who)


def demo_voice(cache, person, seconds):
    """One person at 8 kHz, at -30 dB RMS: two people equally loud, with headroom."""
    speaker, _, language = person
    wave = resample_poly(talker(cache, speaker, language, seconds), 1, 2)[: int(seconds * 8000)]
    return wave * 10 ** (-30 / 20) / np.sqrt(np.mean(wave**2))


def facts(kind, speaker, sex, language):
    """The manifest's facts about what is heard."""
    return {"kind": kind, "speaker": speaker, "sex": sex, "language": language, "split": "demo"}


def talker(cache, speaker, language, seconds):
    """`seconds` of one person from test utterances of 1.5 s or more, 0.15 s pauses between."""
    key = next(
        k for k in cache if k[0] == speaker and (speaker != "allison" or f"-{language}-" in k[1])
    )
    waves = [w for _, split, w in cache[key] if split == "test" and 1.5 * RATE < len(w) < 6 * RATE]
    parts, n = [], int(seconds * RATE)
    for wave in waves:
        parts += [wave, np.zeros(int(0.15 * RATE), np.float32)]
        if sum(map(len, parts)) >= n:
            break
    return np.concatenate(parts)[:n]
