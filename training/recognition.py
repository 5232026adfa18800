"""What a recognizer writes of mixtures and noisy speech, and of what the models make of them.

    python -m training.recognition

Prompts whose text is known (sounds/manifest.csv), never trained on, though their speaker was. Each
is mixed with three other people at 0 dB, and with four kinds of noise at 5 dB. Errors are counted
against what was said. Writes evaluation/recognition.csv, one row a text, disturbance and condition.
"""

import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np

from helpers import audio, denoise, metrics, mixing, separate
from helpers.lab import recognize
from training import testset
from training.evaluate import write

ROOT = Path(__file__).parent.parent
OTHERS = ("tux_be", "tux_da", "june")
NOISES = ("crowd", "music", "keyboard", "babble")
SNR = 5


def sentences():
    """The test prompts of known text: list of (path, text)."""
    rows = testset.manifest()
    return [(row["path"], row["text"]) for row in rows if row["text"] and row["split"] == "test"]


def disturbance(folder, length, rate, number):
    """A test recording of a speaker or of a kind of noise, as long as is needed."""
    files = sorted(p for p in (audio.SOUNDS / folder).glob("*.ogg") if "train" not in p.name)
    clip = audio.load(files[number % len(files)], rate=rate)
    return clip.with_samples(np.resize(clip.samples, length))


def two_voices(path, other, number):
    """Her alone, the mixture, her track, and half of each, at 8 kHz."""
    her = audio.load(audio.SOUNDS / path, rate=separate.RATE)
    him = disturbance(f"speech/{other}", len(her), her.rate, number)
    mixture, *people = mixing.at_sir(her, him, ratio=0)
    tracks = separate.separate(mixture, tier="embedded")
    track = tracks[metrics.match(tracks, people).order[0]]
    return {"alone": her, "mixture": mixture, "track": track, "half and half": half(mixture, track)}


def one_voice(path, kind, number):
    """Her alone, with noise, denoised, and half of each, at 16 kHz."""
    her = audio.load(audio.SOUNDS / path, rate=denoise.RATE)
    noise = disturbance(f"noise/{kind}", len(her), her.rate, number)
    noisy, _ = mixing.at_snr(her, noise, snr=SNR)
    clean = denoise.denoise(noisy, tier="embedded")
    return {"alone": her, "noisy": noisy, "denoised": clean, "half and half": half(noisy, clean)}


def half(before, after):
    """Observation adding (Iwamoto et al. 2022, arXiv 2201.06685): the mean of both."""
    return after.with_samples((before.samples + after.samples) / 2)


def rows():
    """One row a text, disturbance and condition: how many words, and how many of them wrong."""
    found = []
    for task, names, make in (
        ("two voices", OTHERS, two_voices),
        ("one voice and noise", NOISES, one_voice),
    ):
        for number, (path, text) in enumerate(sentences()):
            count = len(recognize.words(text))
            for name in names:
                for condition, clip in make(path, name, number).items():
                    wrote = recognize.transcribe(clip)
                    wrong = round(count * recognize.word_error_rate(wrote, text))
                    row = {"task": task, "file": path, "other": name, "condition": condition}
                    found.append(row | {"words": count, "wrong": wrong})
            print(task, path, flush=True)
    return found


def main():
    """Measure, write the table, and print it."""
    table = rows()
    write(table, ROOT / "evaluation" / "recognition.csv")
    for task in dict.fromkeys(row["task"] for row in table):
        for condition in dict.fromkeys(row["condition"] for row in table if row["task"] == task):
            some = [r for r in table if (r["task"], r["condition"]) == (task, condition)]
            rate = sum(r["wrong"] for r in some) / sum(r["words"] for r in some)
            print(f"{task:20} {condition:14} {rate:.2f}")


if __name__ == "__main__":
    main()
