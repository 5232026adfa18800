"""Two voices in noise: denoise first, or separate first?

    python -m training.orders

Twenty mixtures of two people that no model was trained on, each with one kind of noise at
four SNRs; the same mixtures at every SNR, so that the chains can be compared pair by pair. Writes
evaluation/orders.csv, one row a mixture, SNR and chain.
"""

import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np

from helpers import audio, denoise, metrics, mixing, separate
from helpers.clip import Clip
from training import testset
from training.evaluate import write

ROOT = Path(__file__).parent.parent
COUNT, SNRS = 20, (-5, 0, 5, 10)
EMBEDDED = {"tier": "embedded"}


CHAINS = {
    "separate only": lambda clip: separate.separate(clip, **EMBEDDED),
    "denoise, separate": lambda clip: separate.separate(
        denoise.denoise(clip, **EMBEDDED), **EMBEDDED
    ),
    "separate, denoise": lambda clip: [
        denoise.denoise(track, **EMBEDDED) for track in separate.separate(clip, **EMBEDDED)
    ],
}


def noises():
    """One test clip of every kind of noise, at 8 kHz."""
    folders = sorted({file.parent for file in (audio.SOUNDS / "noise").glob("*/test_*")})
    files = [sorted(folder.glob("test_*"))[0] for folder in folders]
    return {file.parent.name: audio.load(file, rate=separate.RATE) for file in files}


def rows():
    """One row a mixture, SNR and chain: the mean SI-SDR improvement of both people, in dB."""
    found, kinds = [], noises()
    for number, (pair, sources) in enumerate(testset.mixtures("unseen", COUNT, seed=3)):
        kind = list(kinds)[number % len(kinds)]
        people = [Clip(row, separate.RATE, name) for row, name in zip(sources, pair, strict=True)]
        both = mixing.mix(*people)
        for snr in SNRS:
            noisy, _ = mixing.at_snr(both, kinds[kind], snr=snr)
            for chain, run in CHAINS.items():
                gains = metrics.match(run(noisy), people, noisy).si_sdri
                found.append({"first": pair[0], "second": pair[1], "noise": kind, "snr": snr,
                              "chain": chain, "gain": round(float(np.mean(gains)), 2)})  # fmt: skip
        print(number, pair, kind, flush=True)
    return found


def main():
    """Measure, write the table, and print its means."""
    table = rows()
    write(table, ROOT / "evaluation" / "orders.csv")
    for chain in CHAINS:
        means = [
            np.mean([r["gain"] for r in table if (r["chain"], r["snr"]) == (chain, snr)])
            for snr in SNRS
        ]
        print(f"{chain:18}", " ".join(f"{mean:+5.1f}" for mean in means))


if __name__ == "__main__":
    main()
