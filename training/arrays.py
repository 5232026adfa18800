"""More microphones, WPE, and an enrolled voice: what lesson 16 claims, measured.

    python -m training.arrays                    # all three tables, some ten minutes on two cores
    python -m training.arrays --only enrollment --encoder Resemblyzer-0.1.4-py3-none-any.whl

Rooms are simulated by the image method, voices and noises are the test recordings in sounds/.
Writes evaluation/arrays.csv (beamformers), evaluation/rooms.csv (WPE) and
evaluation/enrollment.csv (which track is the enrolled voice's).
"""

import argparse
import itertools
import os
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

import numpy as np

from helpers import audio, denoise, metrics, mixing, separate
from helpers.clip import Clip
from helpers.lab import arrays, enroll
from training import testset
from training.evaluate import write

EVALUATION = Path(__file__).parent.parent / "evaluation"
EMBEDDED = {"tier": "embedded"}
SPACING, MICROPHONES, HISS = 0.08, 4, 1e-4
SECONDS = 4.0


# --- scenes ---------------------------------------------------------------------------------------


def room(rng, rate, rt60, count=2):
    """Responses of a box to sources at 0.8 to 1.4 m from a row of four microphones.

    The sources lie at least 30 degrees apart as the row sees them.
    """
    size = np.array([rng.uniform(4, 7), rng.uniform(3.5, 6), rng.uniform(2.5, 3.2)])
    center = size * [rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), 0]
    center[2] = rng.uniform(0.8, 1.4)
    angles = []
    while len(angles) < count:
        angle = rng.uniform(20, 160)
        if all(abs(angle - other) > 30 for other in angles):
            angles.append(angle)
    sources = []
    for angle in np.radians(angles):
        away = rng.uniform(0.8, 1.4) * np.array([np.cos(angle), np.sin(angle), 0])
        away[2] = rng.uniform(0.1, 0.4)
        sources.append(np.clip(center + away, 0.2, size - 0.2))
    microphones = arrays.line(center, MICROPHONES, SPACING)
    return arrays.responses(size, microphones, sources, rate, rt60)


def together(rng, first, second, db=0.0):
    """Add two sets of microphones at a ratio at the first one, and a faint hiss of their own."""
    gain = first[0].level - second[0].level - db
    return [
        a.with_samples(a.samples + b.gain(gain).samples + HISS * rng.normal(size=len(a)), a.name)
        for a, b in zip(first, second, strict=True)
    ]


def rest(mixture, voice):
    """All of a mixture that isn't the voice."""
    return mixture.with_samples(mixture.samples - voice.samples)


# --- beamformers ----------------------------------------------------------------------------------


def scored(row, clips, reference):
    """One row a system: SI-SDR in dB and STOI of its clip."""
    return [
        row | {"system": name, "si_sdr": round(metrics.si_sdr(clip, reference), 2),
               "stoi": round(metrics.stoi(clip, reference), 3)}
        for name, clip in clips.items()
    ]  # fmt: skip


def beams(rng, microphones, voice, mask):
    """What MVDR makes of the network's mask, of the oracle's, and of two that know nothing."""
    oracle = arrays.share([voice, rest(microphones[0], voice)])
    masks = {
        "MVDR, network's mask": mask,
        "MVDR, oracle mask": oracle,
        "MVDR, random mask": rng.uniform(size=mask.shape),
        "MVDR, equal mask": np.full(mask.shape, 0.5),
    }
    return {name: arrays.beamform(microphones, m) for name, m in masks.items()}


def with_noise(count):
    """A voice and a noise from another direction, at 0 dB: FRCRN makes the mask."""
    found, rng = [], np.random.default_rng(16)
    for number, (kind, noisy, clean) in enumerate(testset.noisy(0, count, seed=16)):
        rt60 = rng.uniform(0.2, 0.4)
        first, second = room(rng, denoise.RATE, rt60)
        voice = arrays.heard(Clip(clean, denoise.RATE), first)
        microphones = together(rng, voice, arrays.heard(Clip(noisy - clean, denoise.RATE), second))
        one = microphones[0]
        alone = denoise.denoise(one, **EMBEDDED)
        mask = arrays.share([alone, rest(one, alone)])
        clips = {"one microphone": one, "network alone": alone}
        clips |= beams(rng, microphones, voice[0], mask)
        clips["MVDR, then network"] = denoise.denoise(clips["MVDR, network's mask"], **EMBEDDED)
        row = {"task": "noise", "scene": number, "what": kind, "rt60": round(rt60, 2)}
        found += scored(row, clips, voice[0])
        print("noise", number, kind, flush=True)
    return found


def with_voice(count):
    """A voice and another voice, at 0 dB: MossFormer makes the mask."""
    found, rng = [], np.random.default_rng(61)
    for number, (pair, sources) in enumerate(testset.mixtures("unseen", count, seed=16)):
        rt60 = rng.uniform(0.2, 0.4)
        dry = [Clip(wave, separate.RATE, name) for wave, name in zip(sources, pair, strict=True)]
        places = room(rng, separate.RATE, rt60)
        voice, other = (arrays.heard(*each) for each in zip(dry, places, strict=True))
        microphones = together(rng, voice, other)
        one = microphones[0]
        tracks = separate.separate(one, **EMBEDDED)
        order = metrics.match(tracks, [voice[0], rest(one, voice[0])]).order
        clips = {"one microphone": one, "network alone": tracks[order[0]]}
        clips |= beams(rng, microphones, voice[0], arrays.share(tracks, order[0]))
        row = {"task": "voice", "scene": number, "what": "+".join(pair), "rt60": round(rt60, 2)}
        found += scored(row, clips, voice[0])
        print("voice", number, pair, flush=True)
    return found


# --- dereverberation ------------------------------------------------------------------------------


def dereverberated(count):
    """One voice in rooms of 0 to 0.7 s: before and after WPE, with one and with four microphones.

    The reference is the voice as it comes straight and within 32 ms.
    """
    found, rng = [], np.random.default_rng(32)
    voices = list(testset.noisy(20, count, seed=32))
    for number, (_, _, clean) in enumerate(voices):
        for rt60 in (0.0, 0.3, 0.7):
            (response,) = room(rng, denoise.RATE, rt60, count=1)
            dry = Clip(clean, denoise.RATE)
            hiss = HISS * rng.normal(size=(MICROPHONES, len(dry)))
            microphones = [
                clip.with_samples(clip.samples + noise)
                for clip, noise in zip(arrays.heard(dry, response), hiss, strict=True)
            ]
            (wanted,) = arrays.heard(dry, [arrays.early(response[0], denoise.RATE)])
            clips = {
                "reverberant": microphones[0],
                "WPE, one microphone": arrays.dereverberate(microphones[:1])[0],
                "WPE, four microphones": arrays.dereverberate(microphones)[0],
            }
            row = {"task": "dereverberation", "scene": number, "rt60": rt60}
            found += scored(row, clips, wanted)
        print("dereverberation", number, flush=True)
    return found


def in_front(count):
    """Two voices in a room of 0.5 s: the separator with and without WPE before it.

    The reference is each voice as it comes straight and within 32 ms, the score their mean.
    """
    found, rng = [], np.random.default_rng(23)
    for number, (pair, sources) in enumerate(testset.mixtures("unseen", count, seed=23)):
        dry = [Clip(wave, separate.RATE, name) for wave, name in zip(sources, pair, strict=True)]
        places = room(rng, separate.RATE, 0.5)
        both = [arrays.heard(*each) for each in zip(dry, places, strict=True)]
        microphones = together(rng, *both, db=both[0][0].level - both[1][0].level)
        wanted = [
            arrays.heard(clip, [arrays.early(place[0], separate.RATE)])[0]
            for clip, place in zip(dry, places, strict=True)
        ]
        given = {
            "separator": microphones[0],
            "WPE, then separator": arrays.dereverberate(microphones)[0],
        }
        for name, clip in given.items():
            tracks = separate.separate(clip, **EMBEDDED)
            order = metrics.match(tracks, wanted).order
            scores = [
                (metrics.si_sdr(tracks[i], one), metrics.stoi(tracks[i], one))
                for i, one in zip(order, wanted, strict=True)
            ]
            si_sdr, stoi = np.mean(scores, axis=0)
            row = {"task": "separation", "scene": number, "rt60": 0.5, "system": name}
            found.append(row | {"si_sdr": round(float(si_sdr), 2), "stoi": round(float(stoi), 3)})
        print("separation", number, pair, flush=True)
    return found


# --- an enrolled voice ----------------------------------------------------------------------------


def calls(kind, count, seed=11):
    """Two people who talk at once, and a second recording of the first one.

    A list of (rows of both, the two clips, the enrolled clip); the enrolled one is cut from another
    file than what is heard of that person in the mixture.
    """
    split = {"known": "test", "unseen": "unseen"}[kind]
    rows = [r for r in testset.manifest() if r["kind"] == "speech" and r["split"] == split]
    people = {}
    for row, wave in testset.pieces(rows, round(SECONDS * separate.RATE), separate.RATE):
        clip = audio.set_level(Clip(wave, separate.RATE, row["speaker"]), -25)
        people.setdefault(row["speaker"], []).append((row, clip))
    rng, found, names = np.random.default_rng([seed, len(kind)]), [], sorted(people)
    while len(found) < count:
        one, two = (people[name] for name in rng.choice(names, 2, replace=False))
        (row, said), (other, against) = (some[rng.integers(len(some))] for some in (one, two))
        again = [clip for each, clip in one if each["path"] != row["path"]]
        if again:
            found.append(((row, other), [said, against], again[rng.integers(len(again))]))
    return found


def resemblyzer(wheel):
    """A description by a network that was trained to tell thousands of people apart.

    It comes from the wheel of Resemblyzer 0.1.4 (Apache-2.0), which holds its weights; the method
    is that of Wan and others 2018, arXiv 1710.10467. The package asks for a C compiler, so it is no
    requirement of the course:

        python -m pip download --no-deps Resemblyzer==0.1.4
    """
    import io
    import zipfile

    import librosa
    import torch

    with zipfile.ZipFile(wheel) as archive:
        stored = io.BytesIO(archive.read("resemblyzer/pretrained.pt"))
    weights = torch.load(stored, map_location="cpu", weights_only=True)["model_state"]
    memory, last = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    for name, layer in (("lstm.", memory), ("linear.", last)):
        own = {k.removeprefix(name): v for k, v in weights.items() if k.startswith(name)}
        layer.load_state_dict(own)

    def describe(clip):
        wave = audio.set_level(audio.resample(clip, 16000), -30).samples
        mel = librosa.feature.melspectrogram(
            y=wave, sr=16000, n_fft=400, hop_length=160, n_mels=40
        ).T  # (frames, 40)
        starts = range(0, max(1, len(mel) - 159), 80)
        pieces = torch.from_numpy(np.stack([mel[at : at + 160] for at in starts])).float()
        with torch.no_grad():
            found = torch.relu(last(memory(pieces)[1][0][-1])).numpy()  # (pieces, 256)
        mean = (found / np.linalg.norm(found, axis=1, keepdims=True)).mean(axis=0)
        return mean / np.linalg.norm(mean)

    return describe


def picked(count, wheel=None):
    """Which track lies nearer to the enrolled voice, by each description: one row a call."""
    found, descriptions = [], dict(enroll.DESCRIPTIONS)
    if wheel:
        descriptions["Resemblyzer"] = resemblyzer(wheel)
    for kind in ("known", "unseen"):
        for number, (rows, people, enrolled) in enumerate(calls(kind, count)):
            tracks = separate.separate(mixing.mix(*people), **EMBEDDED)
            order = metrics.match(tracks, people).order
            voices = {"same": enrolled, "other": enroll.telephone(enrolled)}
            heard = {"separated": [tracks[i] for i in order], "clean": people}
            for (channel, voice), (given, clips), (name, describe) in itertools.product(
                voices.items(), heard.items(), descriptions.items()
            ):
                found.append({
                    "speakers": kind, "call": number, "enrolled": rows[0]["speaker"],
                    "against": rows[1]["speaker"],
                    "sexes": "same" if rows[0]["sex"] == rows[1]["sex"] else "different",
                    "tracks": given, "microphone": channel, "description": name,
                    "right": int(enroll.pick(clips, voice, describe) == 0),
                })  # fmt: skip
            print("enrollment", kind, number, flush=True)
    return found


TABLES = {
    "arrays": lambda _: with_noise(24) + with_voice(24),
    "rooms": lambda _: dereverberated(10) + in_front(10),
    "enrollment": lambda wheel: picked(30, wheel),
}


def main():
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=TABLES)
    parser.add_argument("--encoder", help="wheel of Resemblyzer 0.1.4, to compare with")
    args = parser.parse_args()
    for name, make in TABLES.items():
        if args.only in (None, name):
            write(make(args.encoder), EVALUATION / f"{name}.csv")


if __name__ == "__main__":
    main()
