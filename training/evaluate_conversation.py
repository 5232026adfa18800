"""Measure the conversation model, and the two-speaker model beside it, on people it never heard.

    python -m training.evaluate_conversation                 # all tests, some minutes
    python -m training.evaluate_conversation --calibrate     # measure first who counts as a person

Voices are those of the four unseen people in sounds/, recorded noises those of packages that no
training hears. Seeds are fixed. Writes evaluation/conversation.csv (one row an item and system) and
prints the tables; the thresholds are measured on other people (known ones, recordings left out of
training) and kept in the model's configuration.json.
"""

import argparse
import itertools
import json
import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np
import torch

from helpers import separate
from training import conversation, rooms, scenes, separation, testset
from training.conversation import VOICES, decibel, match
from training.data import Corpus
from training.evaluate import interval, read_rows, write
from training.separation import si_sdr

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "models" / "mossformer_conversation_8k"
GRID = np.arange(-15, 0, 0.5)  # dB: scenes hold nobody who is softer, so the rest has leaked over
BESIDE = ROOT / "models" / "mossformer_mini_8k"
RATE = 8000
SECONDS = 4
FIELDS = ["test", "system", "item", "people", "sexes", "noise", "snr", "gain", "si_sdr", "worst",
          "other", "noise_si_sdr", "counted"]  # fmt: skip


def sexes():
    """The sex of every speaker in sounds/, by name."""
    return {row["speaker"]: row["sex"] for row in testset.manifest() if row["kind"] == "speech"}


def items(test, count):
    """The scenes of a test: list of (about, sources [shape=(4, n)]), the noise last.

    "two": the mixtures of evaluation/separation.csv, clean; "two noisy": the same with a recorded
    noise 7 to 10 dB below; "one": one person alone; "three": three people, clean, at once; "noise":
    two people and a recorded noise 5 dB below. In "count", 0 to 3 people take turns, with and
    without noise, dry and in rooms.
    """
    if test == "count":
        return counting(count)
    n, sex = SECONDS * RATE, sexes()
    rng = np.random.default_rng([5, len(test)])
    found, unseen = [], Corpus(split="unseen")
    for i, (names, voices) in enumerate(voices_of(test, count)):
        sources = np.zeros((VOICES + 1, n), np.float32)
        sources[: len(voices)] = voices
        about = {"item": i, "people": len(voices), "noise": "", "snr": "",
                 "sexes": "".join(sorted(sex[name][0] for name in names))}  # fmt: skip
        if "nois" in test:
            kinds = sorted(unseen.noises)
            about["noise"] = kinds[i % len(kinds)]
            about["snr"] = 5.0 if test == "noise" else round(float(rng.uniform(7, 10)), 1)
            sources[VOICES] = recorded(unseen, rng, about["noise"], n)
            level = np.sqrt(np.mean(sources[:VOICES].sum(0) ** 2))
            sources[VOICES] *= level * 10 ** (-about["snr"] / 20)
        found.append((about, torch.from_numpy(sources)))
    return found


def voices_of(test, count):
    """Names and voices of a test's scenes: the two-talker mixtures, or one or three people."""
    if test not in ("one", "three"):
        return testset.mixtures("unseen", count, SECONDS)
    rows = [r for r in testset.manifest() if r["kind"] == "speech" and r["split"] == "unseen"]
    people, rng = {}, np.random.default_rng([6, len(test)])
    for row, wave in testset.pieces(rows, SECONDS * RATE, RATE):
        people.setdefault(row["speaker"], []).append(wave)
    found = []
    for _ in range(count):
        names = rng.choice(sorted(people), 1 if test == "one" else 3, replace=False)
        voices = np.stack([people[name][rng.integers(len(people[name]))] for name in names])
        voices = 0.08 * voices / np.sqrt(np.mean(voices**2, 1, keepdims=True))
        voices *= 10 ** (rng.uniform(-2.5, 2.5, (len(names), 1)) / 20)
        found.append(([str(name) for name in names], voices))
    return found


def recorded(corpus, rng, kind, n):
    """A recorded noise at 8 kHz and RMS 1, as it is, repeated where it is short."""
    from scipy.signal import resample_poly

    waves = corpus.noises[kind]
    wave = waves[rng.integers(len(waves))].astype(np.float32) / 32768
    wave = np.resize(resample_poly(wave, 1, 2), max(2 * n, len(wave) // 2))
    start = rng.integers(0, len(wave) - n + 1)
    wave = wave[start : start + n]
    return wave / (np.sqrt(np.mean(wave**2)) + 1e-9)


def counting(count, split="unseen", full=False, seed=7):
    """Scenes of 0 to 3 people in turn, drawn like the training's, at the voices' own speed."""
    corpus, bank, found = Corpus(full=full, split=split), rooms.build(8, seed=seed), []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        scene = scenes.draw(corpus, rng, SECONDS * RATE, bank, people=i % 4, speeds=[1])
        sources = np.concatenate([scene["voices"], scene["noise"][None]])
        about = {"item": i, "people": i % 4, "sexes": "", "noise": "", "snr": ""}
        found.append((about, torch.from_numpy(sources)))
    return found


def levels(tracks, mixture):
    """How loud every voice track is against the recording, in dB, as `separate` measures it."""
    return separate.track_levels(np.asarray(tracks)[:VOICES], np.asarray(mixture))


def thresholds_of(found, counts, grid=GRID):
    """The thresholds in dB, one a rank, that count most scenes right, and how many they do.

    found: levels [shape=(scenes, tracks)]. All combinations are tried; of equal ones the middle
    one is taken.
    """
    ranked, falling = -np.sort(-found, axis=1), grid[::-1]  # a third voice comes out fainter
    tried = sorted(itertools.combinations_with_replacement(falling, found.shape[1]))
    right = [np.mean(np.cumprod(ranked > at, axis=1).sum(1) == counts) for at in tried]
    best = np.flatnonzero(np.isclose(right, max(right)))
    return [float(at) for at in tried[best[len(best) // 2]]], max(right)


def calibrate(model, folder=FOLDER, count=400, full=True):
    """Measure the thresholds on scenes of known people and write them into the model's folder."""
    scenes_, counts = counting(count, "test", full, seed=17), np.arange(count) % 4
    found = [levels(conversation.separate(model, s.sum(0).numpy()), s.sum(0)) for _, s in scenes_]
    at, right = thresholds_of(np.array(found), counts)
    path = folder / "configuration.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    about["people"] = {"thresholds_db": at, "measured_on": count, "right": round(float(right), 3)}
    path.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return at, right


def load(folder):
    """A model folder's network, and its thresholds (None where it has none)."""
    about = json.loads((folder / "configuration.json").read_text(encoding="utf-8"))
    model = separation.build(separation.CONFIG | {"num_spks": about["model"]["num_spks"]})
    separation.begin_with(model, folder)
    return model.eval(), about.get("people", {}).get("thresholds_db")


def tracks_of(model, mixture):
    """Four tracks of a mixture; with the two-speaker model the noise is what both leave over."""
    if model.num_spks > 2:
        return conversation.separate(model, mixture.numpy())
    voices = separation.separate(model, mixture.numpy())
    rest = mixture - voices.sum(0)
    return torch.stack([*voices, torch.zeros_like(rest), rest])


def counted(model, limits, sources):
    """How many people the model hears in a scene; two, where there are no thresholds."""
    row, mixture = dict.fromkeys(FIELDS, ""), sources.sum(0)
    if limits is None:
        return row | {"counted": 2}
    tracks = conversation.separate(model, mixture.numpy())
    return row | {"counted": int(separate.heard(levels(tracks, mixture), limits).sum())}


def measured(model, limits, sources):
    """The figures of one scene."""
    row, mixture = dict.fromkeys(FIELDS, ""), sources.sum(0)
    if limits is None:
        row["counted"] = 2  # there are two tracks, whatever goes in
    tracks = tracks_of(model, mixture)
    usable = tracks[: VOICES if model.num_spks > 2 else 2]
    voices = sources[:VOICES][conversation.there(sources)[:VOICES]]
    if limits is not None:
        row["counted"] = int(separate.heard(levels(usable, mixture), limits).sum())
    if 0 < len(voices) <= len(usable):
        order, quality = match(usable, sources, len(usable))
        before = si_sdr(mixture.expand(len(voices), -1), voices)
        row["si_sdr"] = round(quality.mean().item(), 2)
        row["worst"] = round((quality - before).min().item(), 2)
        row["gain"] = round((quality - before).mean().item(), 2)
        if len(voices) == 1:
            power = decibel(usable.square().mean(-1))
            others = [t for t in range(len(usable)) if t not in order]
            row["other"] = round((power[others].max() - power[order[0]]).item(), 2)
            row["gain"] = row["worst"] = ""
    if sources[VOICES].any():
        row["noise_si_sdr"] = round(si_sdr(tracks[-1], sources[VOICES]).item(), 2)
    return row


TESTS = {"two": 60, "two noisy": 60, "one": 40, "three": 40, "count": 200, "noise": 40}


def evaluate(folder, system, share=1.0, tests=TESTS):
    """All rows of one model."""
    model, limits = load(folder)
    rows = []
    for test in tests:
        for about, sources in items(test, int(TESTS[test] * share)):
            if test == "count":
                row = counted(model, limits, sources)
            else:
                row = measured(model, limits, sources)
            rows.append(row | about | {"test": test, "system": system})
    return rows


def spread(values, digits=1):
    """Mean and 95 % interval as text; a dash for none."""
    if not values:
        return "–"
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def table(rows):
    """Markdown lines: every test, both systems."""
    systems = list(dict.fromkeys(row["system"] for row in rows))
    lines = [f"| {' | '.join(['test', 'items', *systems])} |", "|---" * (len(systems) + 2) + "|"]

    def line(label, test, column, chosen=lambda row: True):
        picked = {s: [float(r[column]) for r in rows if r["system"] == s and r["test"] == test
                      and r[column] != "" and chosen(r)] for s in systems}  # fmt: skip
        count = max(map(len, picked.values()))
        if count > 1:
            lines.append(
                f"| {' | '.join([label, str(count), *(spread(v) for v in picked.values())])} |"
            )

    line("two voices, SI-SDRi (dB)", "two", "gain")
    for pair, name in (("ff", "two women"), ("mm", "two men"), ("fm", "a woman and a man")):
        line(f"– {name}", "two", "gain", lambda row, pair=pair: row["sexes"] == pair)
    line("two voices, a recorded noise at 7 to 10 dB, SI-SDRi (dB)", "two noisy", "gain")
    line("one voice alone, SI-SDR (dB)", "one", "si_sdr")
    line("one voice alone, the loudest other track against it (dB)", "one", "other")
    line("three voices, SI-SDRi (dB)", "three", "gain")
    line("noise track at 5 dB SNR, SI-SDR (dB)", "noise", "noise_si_sdr")
    for people in ("", 0, 1, 2, 3):
        chosen = [r for r in rows if r["test"] == "count" and people in ("", int(r["people"]))]
        cells = []
        for system in systems:
            own = [r for r in chosen if r["system"] == system]
            right = np.mean([int(r["counted"]) == int(r["people"]) for r in own]) if own else 0
            cells.append(f"{right:.0%}".replace("%", " %") if own else "–")
        label = "people counted right (0 to 3)" if people == "" else f"– {people}"
        lines.append(f"| {label} | {len(chosen) // len(systems)} | {' | '.join(cells)} |")
    return lines


def main():
    """Measure, write the CSV, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calibrate", action="store_true", help="measure the thresholds first")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--quick", action="store_true", help="a sixth of the items")
    parser.add_argument("--only", choices=["conversation", "two speakers"], help="one system")
    parser.add_argument("--out", type=Path, default=ROOT / "evaluation")
    args = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count()))
    if args.calibrate:
        full = (ROOT / "corpus" / "speech.npy").exists()
        at, right = calibrate(load(args.folder)[0], args.folder, full=full)
        print(f"tracks are people above {at} dB: {right:.0%} of the scenes counted right")
    path = args.out / "conversation.csv"
    kept = read_rows(path) if path.exists() else []
    rows = []
    for folder, system in ((args.folder, "conversation"), (BESIDE, "two speakers")):
        if args.only in (None, system):
            rows += evaluate(folder, system, 1 / 6 if args.quick else 1)
        else:
            rows += [row for row in kept if row["system"] == system]
    write(rows, path)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
