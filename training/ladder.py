"""Send the same clips, at every level of noise and without any, through every denoiser.

    python -m training.ladder               # about ten minutes of one core
    python -m training.ladder --only FRCRN  # the rows of the others stay

`evaluate` draws other clips at each signal-to-noise ratio; here each clip meets the same noise at
all of them, so that ratios compare as well as methods. Two controls go along: clean speech through
every method, and a mask that knows the answer. Writes evaluation/ladder.csv, one row a clip, ratio
and system, which lesson 10 reads. PESQ needs a compiled extra (requirements-extra.txt); without it
that column stays empty.
"""

import argparse
import importlib.util
import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import soundfile as sf

from helpers import masks, metrics, mixing
from helpers.clip import Clip
from helpers.denoise import denoise
from helpers.lab import baselines, classic
from training import testset
from training.evaluate import renewed, write

RATIOS = (-5, 0, 5, 10, 15, 20)  # dB
RATE, SECONDS, A_KIND = 16000, 2.5, 5
TABLE = Path(__file__).parent.parent / "evaluation" / "ladder.csv"
ORACLE = "oracle mask"


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
    """Return what works from the recording alone, by the names that lesson 10 gives it."""
    return {
        "as recorded": lambda clip: clip,
        "subtraction": classic.subtraction,
        "Wiener filter": classic.wiener,
        "spectral gating": baselines.noisereduce,
        "RNNoise": baselines.rnnoise,
        "NSNet2": baselines.nsnet2,
        "DeepFilterNet3": baselines.deepfilternet3,
        "FRCRN": lambda clip: denoise(clip, tier="embedded", quiet=True),
    }


def pesq(clip, clean):
    """Wide-band PESQ (ITU-T P.862.2), from 1 to 4.64; an empty string where it isn't installed."""
    if importlib.util.find_spec("pesq") is None:
        return ""
    from pesq import pesq

    return round(float(pesq(clip.rate, clean.samples, clip.samples, "wb")), 3)


def mixed(clean, noise, ratio):
    """(recording, its clean part) at a ratio in dB, or "clean"; so soft that a file can hold it."""
    given = clean if ratio == "clean" else mixing.at_snr(clean, noise, ratio)[0]
    loud = min(1, 0.98 / np.abs(given.samples).max())
    return given.with_samples(loud * given.samples), clean.with_samples(loud * clean.samples)


def outputs(given, clean, ratio, tools):
    """What each system makes of a recording, by name; the oracle where there is a noise."""
    found = {name: system(given) for name, system in tools.items()}
    if ratio != "clean":
        noise = given.with_samples(given.samples - clean.samples)
        found[ORACLE] = masks.apply(masks.ratio(clean, noise), given)
    return found


def rows(each=A_KIND, only=None):
    """One row a clip, ratio and system: SI-SDR in dB, STOI and PESQ against the clean clip."""
    found, tools = [], {name: run for name, run in systems().items() if only in (None, name)}
    for number, (kind, clean, noise) in enumerate(items(each)):
        for ratio in (*RATIOS, "clean"):
            given, part = mixed(clean, noise, ratio)
            for name, out in outputs(given, part, ratio, tools).items():
                row = {"clip": number, "noise": kind, "snr": ratio, "system": name}
                same = ratio == "clean" and name == "as recorded"  # nothing differs: no ratio
                row["si_sdr"] = "" if same else round(metrics.si_sdr(out, part), 2)
                row["stoi"] = round(metrics.stoi(out, part), 4)
                row["pesq"] = pesq(out, part)
                found.append(row)
        print(number, kind, flush=True)
    return found


def main():
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=list(systems()), help="measure this system again")
    args = parser.parse_args()
    table = rows(only=args.only)
    write(renewed(TABLE, table, ("clip", "noise", "snr")) if args.only else table, TABLE)


if __name__ == "__main__":
    main()
