"""Send the same clips, at every level of noise and without any, through every denoiser.

    python -m training.ladder         # about three minutes on one core

`evaluate` draws other clips at each signal-to-noise ratio; here each clip meets the same noise at
all of them, and, as a control, no noise at all. Writes evaluation/ladder.csv, which lesson 10
reads: one row a clip, ratio and denoiser.
"""

import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import soundfile as sf

from helpers import metrics, mixing
from helpers.clip import Clip
from helpers.denoise import denoise
from helpers.lab import baselines
from training import testset
from training.evaluate import write

RATIOS = (-5, 0, 10, 20)  # dB
RATE, SECONDS, A_KIND = 16000, 2.5, 5
TABLE = Path(__file__).parent.parent / "evaluation" / "ladder.csv"


def items(each=A_KIND, seed=1):
    """Clean clips and a noise for each: list of (kind, clean, noise), `each` of every kind.

    Voices are sentences that no model was trained on, noises recordings put aside.
    """
    rng, table = np.random.default_rng([seed, 10]), testset.manifest()
    spoken = [row for row in table if row["kind"] == "speech" and row["speaker"] != "paola"]
    spoken = [row for row in spoken if row["split"] in ("test", "unseen")]
    voices = testset.pieces(spoken, round(SECONDS * RATE), RATE)
    noises = [r for r in table if r["path"].startswith("noise/") and r["split"] == "test"]
    kinds, found = sorted({row["kind"] for row in noises}), []
    chosen = iter(rng.choice(len(voices), len(kinds) * each, replace=False))  # no clip twice
    for kind in kinds:
        files = [row for row in noises if row["kind"] == kind]
        for _ in range(each):
            clean = Clip(voices[next(chosen)][1], RATE, "clean")
            path = testset.SOUNDS / files[rng.integers(len(files))]["path"]
            wave = np.resize(sf.read(path, dtype="float32")[0], 40 * RATE)
            start = rng.integers(0, 10 * RATE)
            found.append((kind, clean, clean.with_samples(wave[start : start + len(clean)])))
    return found


def systems():
    """Return the denoisers by the names that lesson 10 gives them."""
    named = {"spectral gating": baselines.noisereduce, "RNNoise": baselines.rnnoise}
    named |= {"NSNet2": baselines.nsnet2, "DeepFilterNet3": baselines.deepfilternet3}
    return {"as recorded": lambda clip: clip} | named | {"FRCRN": lambda c: denoise(c, quiet=True)}


def rows(each=A_KIND):
    """One row a clip, ratio and denoiser: SI-SDR in dB and STOI against the clean clip."""
    found, tools = [], systems()
    for number, (kind, clean, noise) in enumerate(items(each)):
        for ratio in (*RATIOS, "clean"):
            given = clean if ratio == "clean" else mixing.at_snr(clean, noise, ratio)[0]
            loud = min(1, 0.98 / np.abs(given.samples).max())  # beyond it a file would be clipped
            for name, system in tools.items():
                out = system(given.with_samples(loud * given.samples))
                row = {"clip": number, "noise": kind, "snr": ratio, "system": name}
                same = ratio == "clean" and name == "as recorded"  # nothing differs: no ratio
                row["si_sdr"] = "" if same else round(metrics.si_sdr(out, clean), 2)
                row["stoi"] = round(metrics.stoi(out, clean), 4)
                found.append(row)
    return found


if __name__ == "__main__":
    write(rows(), TABLE)
