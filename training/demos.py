"""The named demo files of the lessons, mixed from the test split: no model was trained on them."""

import numpy as np
from scipy.signal import resample_poly

from training import noises

RATE = 16000


def demo_files(cache):
    """Yield (file name, samples, rate, facts) of every demo file and of its clean references.

    Parameters
    ----------
    cache : dict
        (speaker, package, pattern) -> list of (file name, split, samples).
    """
    pairs = [
        ("mix_speech", "allison", "en", "nickolay", "ru", 5.2),
        ("mix_speech1", "carlo", "it", "ivrvoice", "ru", 4.6),
    ]
    for name, first, lang1, second, lang2, seconds in pairs:
        n = int(seconds * 8000)
        talkers = [talker(cache, first, lang1, seconds), talker(cache, second, lang2, seconds)]
        sources = [0.5 * resample_poly(wave, 1, 2)[:n] for wave in talkers]
        who = facts(
            f"{first}+{second}",
            "female+male" if first == "allison" else "male+female",
            f"{lang1}+{lang2}",
        )
        yield f"{name}.wav", sources[0] + sources[1], 8000, who | {"kind": "mixture"}
        for i, (source, speaker) in enumerate(zip(sources, (first, second), strict=True)):
            sex = "male" if speaker in ("carlo", "nickolay") else "female"
            who = facts(speaker, sex, (lang1, lang2)[i]) | {"kind": "source"}
            yield f"{name}_s{i + 1}.wav", source, 8000, who
    n = 75_165  # the length whose padding the source document prints
    clean = talker(cache, "allison", "en", n / RATE + 0.1)[:n]
    noise = noises.street(np.random.default_rng(5), n) + 0.5 * noises.fan(
        np.random.default_rng(11), n
    )
    noise *= np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-5 / 20)  # 5 dB SNR
    who = facts("allison", "female", "en")
    noisy = who | {"kind": "noisy speech"}
    yield "speech_with_noise1.wav", clean + noise, RATE, noisy
    yield "speech_with_noise1_clean.wav", clean, RATE, who | {"kind": "clean speech"}


def facts(speaker, sex, language):
    """The manifest's facts about who speaks."""
    return {
        "speaker": speaker,
        "sex": sex,
        "language": language,
        "packages": [],
        "authors": [],
        "licences": [],
    }


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
