"""Measure the embedded models, and other denoisers beside them, on the fixed test set.

    python run.py evaluate            # the whole table, about 15 minutes on two cores
    python run.py evaluate --quick    # a sixth of the items

Seeds are fixed and no test recording was trained on, so the same weights give the same table.
Writes evaluation/separation.csv, evaluation/denoising.csv and evaluation/denoising_unseen.csv,
where the noises were recorded and come from packages that no training heard (one row an item).
"""

import argparse
import csv
import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np

from helpers import denoise, metrics, separate
from helpers.clip import Clip
from helpers.lab import baselines
from training import testset

ROOT = Path(__file__).parent.parent
SNRS = (-5, 0, 5, 10, 15, 20)
NUMBERS = ("snr", "gain", "stoi", "dnsmos")


def separation(count, folder=None):
    """One row a mixture: who speaks, SI-SDR improvement in dB."""
    rows = []
    for kind in ("known", "unseen"):
        for pair, sources in testset.mixtures(kind, count):
            mixture = Clip(sources.sum(0), 8000, "mixture")
            references = [Clip(s, 8000, name) for s, name in zip(sources, pair, strict=True)]
            estimates = separate.separate(mixture, folder=folder, quiet=True)
            found = metrics.match(estimates, references)
            before = np.mean([metrics.si_sdr(mixture, r) for r in references])
            rows.append({"voices": kind, "first": pair[0], "second": pair[1],
                         "gain": round(float(np.mean(found.si_sdr) - before), 2)})  # fmt: skip
    return rows


def denoising(count, folder=None, others=True, systems=None, noises="test"):
    """One row an item and system: noise kind, SNR, SI-SDR gain, STOI, DNSMOS (at 5 dB alone)."""
    if systems is None:
        systems = {
            "input": lambda clip: clip,
            "FRCRN mini": lambda clip: denoise.denoise(clip, folder=folder, quiet=True),
        }
        systems |= baselines.ALL if others else {}
    rows = []
    for snr in SNRS:
        for kind, noisy, clean in testset.noisy(snr, count, noises=noises):
            source, reference = Clip(noisy, 16000, "noisy"), Clip(clean, 16000, "clean")
            before = metrics.si_sdr(source, reference)
            for name, system in systems.items():
                output = system(source)
                row = {"system": name, "snr": snr, "noise": kind}
                row["gain"] = round(metrics.si_sdr(output, reference) - before, 2)
                row["stoi"] = round(metrics.stoi(output, reference), 4)
                row["dnsmos"] = round(metrics.dnsmos(output)["overall"], 3) if snr == 5 else ""
                rows.append(row)
    return rows


def interval(values):
    """Mean and half the width of its 95 % confidence interval."""
    values = np.asarray(values, float)
    return values.mean(), 1.96 * values.std(ddof=1) / np.sqrt(len(values))


def separation_table(rows):
    """Markdown lines of the separation results."""
    lines = ["| voices | mixtures | mean SI-SDRi (dB) | median | worst |", "|---|---|---|---|---|"]
    for kind in ("known", "unseen"):
        gains = [row["gain"] for row in rows if row["voices"] == kind]
        mean, half = interval(gains)
        lines.append(
            f"| {kind} | {len(gains)} | {mean:.1f} ± {half:.1f} | {np.median(gains):.1f} "
            f"| {min(gains):.1f} |"
        )
    return lines


def denoising_table(rows):
    """Markdown lines of the denoising results: SI-SDR gain by SNR, STOI change, DNSMOS at 5 dB."""
    items = sum(row["system"] == "input" for row in rows) // len(SNRS)
    heads = [f"system ({items} clips a SNR)", *(f"{snr} dB" for snr in SNRS)]
    lines = [f"| {' | '.join([*heads, 'STOI change at 0 dB', 'DNSMOS at 5 dB'])} |"]
    lines.append("|---" * (len(SNRS) + 3) + "|")

    def mean(system, snr, column):
        chosen = (row for row in rows if row["system"] == system and row["snr"] == snr)
        return np.mean([row[column] for row in chosen])

    for system in dict.fromkeys(row["system"] for row in rows):
        gains = " | ".join(f"{mean(system, snr, 'gain'):+.1f}" for snr in SNRS)
        stoi = mean(system, 0, "stoi") - mean("input", 0, "stoi")
        lines.append(f"| {system} | {gains} | {stoi:+.3f} | {mean(system, 5, 'dnsmos'):.2f} |")
    return lines


def unseen_table(rows):
    """Markdown lines of the recorded noises that no training heard, with 95 % intervals.

    SI-SDR gain by SNR, and the change of STOI by SNR, paired with the input's.
    """
    items = sum(row["system"] == "input" for row in rows) // len(SNRS)
    lines = [f"| {' | '.join([f'system ({items} clips a SNR)', *(f'{s} dB' for s in SNRS)])} |"]
    lines.append("|---" * (len(SNRS) + 1) + "|")

    def column(system, snr, name):
        chosen = [r for r in rows if r["system"] == system and r["snr"] == snr]
        return np.array([float(r[name]) for r in chosen])

    systems = [s for s in dict.fromkeys(row["system"] for row in rows) if s != "input"]
    for system in systems:
        cells = [interval(column(system, snr, "gain")) for snr in SNRS]
        cells = [f"{mean:+.1f} ± {half:.1f}" for mean, half in cells]
        lines.append(f"| {system}, SI-SDR gain (dB) | {' | '.join(cells)} |")
    for system in systems:
        cells = [interval(column(system, s, "stoi") - column("input", s, "stoi")) for s in SNRS]
        cells = [f"{mean:+.3f} ± {half:.3f}" for mean, half in cells]
        lines.append(f"| {system}, STOI change | {' | '.join(cells)} |")
    return lines


def read_rows(path, numbers=()):
    """An evaluation CSV with its numeric columns as floats."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {name: float(row[name]) for name in numbers if row[name]}
    return rows


def write(rows, path):
    """Write rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def renewed(path, rows, clip=("snr", "noise")):
    """The table of `path` with these rows in place of those of the same systems.

    The others were measured on the same clips, which columns `clip` tell, and our weights have no
    part in what they give.
    """
    if not path.exists():
        return rows
    old, new = read_rows(path), {}
    for row in rows:
        new.setdefault(row["system"], []).append(row)
    rest = {system: iter(own) for system, own in new.items()}
    table = [next(rest[r["system"]], {}) if r["system"] in rest else r for r in old]
    same = all(str(b.get(c)) == a[c] for a, b in zip(old, table, strict=True) for c in clip)
    if not same or any(next(own, None) for own in rest.values()):
        raise ValueError(f"{path} is of other clips, or of other systems: measure all of it")
    return table


def stored(rows, path, again):
    """Write rows, beside those of systems that were not measured again; return the whole table."""
    write(renewed(path, rows) if again else rows, path)
    return read_rows(path, NUMBERS)


def main():
    """Measure, print the tables, write the CSV files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a sixth of the items")
    parser.add_argument("--only", choices=["separation", "denoising", "unseen"])
    parser.add_argument("--folder", type=Path, help="another model folder than the embedded one")
    parser.add_argument(
        "--no-others", action="store_true", help="measure no other denoiser: its rows stay"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "evaluation")
    args = parser.parse_args()
    share = 6 if args.quick else 1
    if args.only in (None, "separation"):
        rows = separation(96 // share, args.folder)
        write(rows, args.out / "separation.csv")
        print("\n".join(separation_table(rows)), flush=True)
    again = args.no_others and not args.quick  # a quick look has other clips than the table
    if args.only in (None, "denoising"):
        rows = denoising(48 // share, args.folder, not args.no_others)
        rows = stored(rows, args.out / "denoising.csv", again)
        print("\n".join(denoising_table(rows)), flush=True)
    if args.only in (None, "unseen"):
        rows = denoising(42 // share, args.folder, not args.no_others, noises="unseen")
        rows = stored(rows, args.out / "denoising_unseen.csv", again)
        print("\n".join(unseen_table(rows)))


if __name__ == "__main__":
    main()
