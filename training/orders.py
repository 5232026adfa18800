"""Two voices in noise: denoise first, separate first, or both in one pass?

    python -m training.orders
    python -m training.orders --only conversation    # measure one chain again, keep the others

Twenty mixtures of two people that no model was trained on, each with one kind of noise at
four SNRs; the same mixtures at every SNR, so that the chains can be compared pair by pair. Writes
evaluation/orders.csv, one row a mixture, SNR and chain.

The conversation model says itself how many people it hears: column `people`. Of three tracks the
two that fit best count, as for everybody the order of tracks that fits best does. For a person who
got no track, the recording stands in, which is what a listener has left: a gain of 0 dB.
"""

import argparse
import itertools
import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np

from helpers import audio, denoise, metrics, mixing, separate
from helpers.clip import Clip
from training import testset
from training.evaluate import read_rows, write

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
    "conversation": lambda clip: separate.conversation(clip, **EMBEDDED).people,
}


def noises():
    """One test clip of every kind of noise, at 8 kHz."""
    folders = sorted({file.parent for file in (audio.SOUNDS / "noise").glob("*/test_*")})
    files = [sorted(folder.glob("test_*"))[0] for folder in folders]
    return {file.parent.name: audio.load(file, rate=separate.RATE) for file in files}


def score(tracks, people, noisy):
    """Mean SI-SDR improvement of both people, in dB, of any number of tracks."""
    tracks = [*tracks, *[noisy] * (len(people) - len(tracks))]
    chosen = itertools.combinations(tracks, len(people))
    return max(float(np.mean(metrics.match(some, people, noisy).si_sdri)) for some in chosen)


def rows(chains):
    """One row a mixture, SNR and chain."""
    found, kinds = [], noises()
    for number, (pair, sources) in enumerate(testset.mixtures("unseen", COUNT, seed=3)):
        kind = list(kinds)[number % len(kinds)]
        people = [Clip(row, separate.RATE, name) for row, name in zip(sources, pair, strict=True)]
        both = mixing.mix(*people)
        for snr in SNRS:
            noisy, _ = mixing.at_snr(both, kinds[kind], snr=snr)
            for chain in chains:
                tracks = CHAINS[chain](noisy)
                found.append({"mixture": number, "first": pair[0], "second": pair[1],
                              "noise": kind, "snr": snr, "chain": chain, "people": len(tracks),
                              "gain": round(score(tracks, people, noisy), 2)})  # fmt: skip
        print(number, pair, kind, flush=True)
    return found


def kept(path, chains):
    """The rows that a table has of other chains than these."""
    return [row for row in read_rows(path) if row["chain"] not in chains]


def place(row):
    """Where a row stands in the table."""
    return int(row["mixture"]), int(row["snr"]), list(CHAINS).index(row["chain"])


def main():
    """Measure, write the table, and print its means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=list(CHAINS), help="measure this chain again")
    parser.add_argument("--out", type=Path, default=ROOT / "evaluation" / "orders.csv")
    args = parser.parse_args()
    chains = [args.only] if args.only else list(CHAINS)
    others = kept(args.out, chains) if args.only else []
    table = sorted([*others, *rows(chains)], key=place)
    write(table, args.out)
    for chain in CHAINS:
        means = [
            np.mean([float(r["gain"]) for r in table
                     if (r["chain"], int(r["snr"])) == (chain, snr)])
            for snr in SNRS
        ]  # fmt: skip
        print(f"{chain:18}", " ".join(f"{mean:+5.1f}" for mean in means))


if __name__ == "__main__":
    main()
