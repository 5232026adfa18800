"""Build `sounds/` (the part that ships) and, with --full, the corpus of the shipped checkpoints.

    python -m training.build_corpus            # rebuilds sounds/ and sounds/manifest.csv
    python -m training.build_corpus --full     # also corpus/ (ignored) and training/corpus_full.csv

Every recording comes from a Debian package named in `sources.csv` or `noise_sources.csv`, so a
Debian machine with `apt-get` is needed (and `pip install -r requirements-training.txt`). The
lessons never need this script: they read what it left in `sounds/`.
"""

import argparse
import csv
import gzip
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile as sf

from training import noises

HERE = Path(__file__).parent
ROOT = HERE.parent
SOUNDS = ROOT / "sounds"
CORPUS = ROOT / "corpus"
RATE = 16000
OPUS = 0.9  # libsndfile's compression level: about 28 kbit/s
FIELDS = (
    "path seconds rate speaker sex language kind package version author license sha256 split text"
)
ORIGIN = ("package", "author", "license")
SYNTHESIZED = {"package": "training/noises.py", "author": "this project", "license": "CC0-1.0"}


def rows(path):
    """Read a CSV file as a list of dicts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fetch(package, folder):
    """Download and unpack a Debian package; return its folder and version."""
    home = folder / package
    if not home.exists():
        if not shutil.which("apt-get"):
            sys.exit("build_corpus needs Debian's apt-get: run it on Debian, or use sounds/ as is.")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        archive = next(folder.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", archive, home], check=True)
    archive = next(folder.glob(f"{package}_*.deb"))
    return home, archive.stem.split("_")[1].replace("%3a", ":")


def decode(path):
    """Decode any file to mono float32 at 16 kHz, in this process (one process a file is slow)."""
    import av

    form = {".g722": "g722", ".gsm": "gsm"}.get(path.suffix)
    try:
        with av.open(str(path), format=form, metadata_errors="ignore") as container:
            resampler = av.AudioResampler("flt", "mono", RATE)
            frames = [g for f in container.decode(audio=0) for g in resampler.resample(f)]
            frames += resampler.resample(None)
    except (av.FFmpegError, IndexError, ValueError) as error:
        print(f"left out, can't be decoded: {path.name} ({error})")
        return np.zeros(0, np.float32)
    parts = [frame.to_ndarray()[0] for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def frame_levels(wave, size=320):
    """Level of each 20 ms frame in dB re full scale."""
    frames = wave[: len(wave) // size * size].reshape(-1, size)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)


def trim(wave, below=38.0, pad=3):
    """Cut what lies `below` dB under the loud frames off both ends, `pad` frames spared."""
    levels = frame_levels(wave)
    loud = np.flatnonzero(levels > np.percentile(levels, 95) - below) if len(levels) else []
    if len(loud) == 0:
        return wave[:0]
    return wave[max(0, loud[0] - pad) * 320 : (loud[-1] + 1 + pad) * 320]


def set_level(wave, level=-25.0):
    """Scale so that the frames that carry speech have `level` dB RMS; never past 0.95 peak."""
    levels = frame_levels(wave)
    active = levels[levels > np.percentile(levels, 95) - 25]
    gain = 10 ** ((level - 10 * np.log10(np.mean(10 ** (active / 10)))) / 20)
    return wave * min(gain, 0.95 / (np.abs(wave).max() + 1e-9))


def noise_floor(wave):
    """How far the quietest frames lie under the loud ones, in dB: the recording's own SNR."""
    levels = frame_levels(wave)
    return float(np.percentile(levels, 95) - np.percentile(levels, 5))


def split_of(path, share=0.12):
    """'test' for a fixed share of the files, chosen by a hash of the name, else 'train'."""
    return (
        "test"
        if int(hashlib.sha256(path.encode()).hexdigest(), 16) % 1000 < share * 1000
        else "train"
    )


def utterances(source, packages):
    """Yield (file name, split, samples) of a source: trimmed, levelled, 0.3 s or longer."""
    home, _ = packages[source["package"]]
    for path in sorted(home.glob(source["pattern"])):
        if "silence" in path.parts or not path.is_file() or path.stat().st_size < 200:
            continue
        wave = decode(path)
        wave = trim(wave - wave.mean()) if len(wave) else wave
        if len(wave) < 0.3 * RATE or np.abs(wave).max() < 1e-3:
            continue
        name = str(path.relative_to(home))
        yield name, ("test" if source["role"] == "unseen" else split_of(name)), set_level(wave)


def grouped(waves, seconds=6.0, gap=0.2):
    """Join short utterances, a pause between them, into files of `seconds` or a little more.

    Takes and gives pairs: a name or a list of names, and samples.
    """
    pause, group, names = np.zeros(int(gap * RATE), np.float32), [], []
    for name, wave in waves:
        group += [wave, pause]
        names.append(name)
        if sum(map(len, group)) >= seconds * RATE:
            yield names, np.concatenate(group[:-1])
            group, names = [], []


def prompts(folder):
    """What the English telephone prompts say: file name without suffix to text."""
    home, _ = fetch("asterisk-core-sounds-en", folder)
    file = home / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        pairs = (line.partition(":") for line in lines if ":" in line and line[0] != ";")
        return {name.strip(): text.strip() for name, _, text in pairs}


def spoken(names, texts):
    """What a file of several prompts says; nothing where one of them has no words."""
    found = [texts.get(name.split("en_US_f_Allison/")[-1].rpartition(".")[0]) for name in names]
    return " ".join(found) if all(text and text[0] != "<" for text in found) else ""


def write(out, path, wave, **about):
    """Write one sound and return its manifest row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = np.clip(wave, -1, 1).astype(np.float32)
    if path.suffix == ".ogg":
        sf.write(path, wave, RATE, format="OGG", subtype="OPUS", compression_level=OPUS)
    else:
        sf.write(path, wave, about.get("rate", RATE), subtype="PCM_16")
    info = sf.info(path)
    return {
        "path": path.relative_to(out).as_posix(),
        "seconds": f"{info.frames / info.samplerate:.3f}",
        "rate": info.samplerate,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        **{key: value for key, value in about.items() if key != "rate"},
    }


def ship_speech(out, sources, packages, cache, texts):
    """Write sounds/speech/<speaker>/ and return the manifest rows."""
    table, counts = [], {}
    for source in sources:
        minutes = float(source["shipped"])
        if not minutes:
            continue
        about = {
            k: source[k] for k in ("speaker", "sex", "language", "package", "author", "license")
        }
        about |= {"kind": "speech", "version": packages[source["package"]][1]}
        unseen = source["role"] == "unseen"
        for split, share in [("test", 1.0)] if unseen else [("train", 0.8), ("test", 0.2)]:
            waves = ((name, w) for name, s, w in cache[source_key(source)] if s == split)
            total = 0.0
            for names, wave in grouped(waves):
                number = counts[source["speaker"]] = counts.get(source["speaker"], -1) + 1
                path = out / "speech" / source["speaker"] / f"{split}_{number:03d}.ogg"
                label = "unseen" if unseen else split
                text = spoken(names, texts) if source["language"] == "en" else ""
                table.append(write(out, path, wave, **about, split=label, text=text))
                total += len(wave) / RATE
                if total >= minutes * 60 * share:
                    break
    return table


def source_key(source):
    """What tells two rows of sources.csv apart."""
    return source["speaker"], source["package"], source["pattern"]


def noise_waves(noise_sources, packages):
    """Yield (row, name, samples) of every recorded noise."""
    for source in noise_sources:
        home, _ = packages[source["package"]]
        for path in sorted(home.glob(source["pattern"])):
            if re.search(r"_(desc|[a-z]{2}(_[A-Z]+)?)\.ogg$", path.name):
                continue  # Tux Paint's spoken names
            wave = decode(path)
            if len(wave) > 800 and np.abs(wave).max() > 1e-3:
                yield source, str(path.relative_to(home)), wave - wave.mean()


def ship_noise(out, recorded, packages, speech):
    """Write sounds/noise/<kind>/ and return the manifest rows."""
    table, rng = [], np.random.default_rng(7)

    def add(kind, split, wave, about):
        number = sum(row["kind"] == kind for row in table)
        path = out / "noise" / kind / f"{split}_{number:03d}.ogg"
        level = wave / (np.sqrt(np.mean(wave**2)) + 1e-12) * 10 ** (-25 / 20)
        level *= min(1.0, 0.95 / np.abs(level).max())
        table.append(
            write(
                out, path, level, kind=kind, split=split, speaker="", sex="", language="", **about
            )
        )

    def about(source):
        facts = {k: source[k] for k in ("package", "author", "license")}
        return facts | {"version": packages[source["package"]][1]}

    keys = {"train": [], "test": []}
    for number, (source, name, wave) in enumerate(recorded):
        if source["role"] == "unseen":
            if len(wave) > 2.5 * RATE:  # the first ten seconds
                add(source["kind"], "unseen", wave[: 10 * RATE], about(source))
            continue
        split = "test" if held_out(source["kind"], name, number) else "train"
        if source["kind"] == "crowd" and len(wave) > 1.5 * RATE:
            add("crowd", split, wave[: 15 * RATE], about(source))
        elif source["kind"] == "music":
            for part in range(3):
                start = int((part + 0.5) * len(wave) / 4)
                add("music", split, wave[start : start + 12 * RATE], about(source))
        elif source["kind"] == "keyboard":
            keys[split].append((source, wave))
    for split, count in [("train", 6), ("test", 3)]:
        clicks = [wave for _, wave in keys[split]]
        for _ in range(count):
            typed = noises.typing(rng, 12 * RATE, clicks)
            add("keyboard", split, typed, about(keys[split][0][0]))
    for kind in ("pink", "hum", "fan", "street"):
        for i in range(7):
            wave = noises.SYNTHETIC[kind](rng, 10 * RATE)
            add(kind, "test" if i >= 5 else "train", wave, SYNTHESIZED | {"version": "1"})
    authors = "Allison Smith + Carlo Flora + Maxim Topal (ivrvoice.ru) + Nickolay V. Shmyrev"
    mixed = SYNTHESIZED | {"author": authors, "license": "CC-BY-SA-3.0"}
    for i in range(7):
        split = "test" if i >= 5 else "train"
        voices = [long_voice(rng, speech[split], 10 * RATE) for _ in range(6)]
        add("babble", split, noises.babble(voices), mixed | {"version": "1"})
    return table


def long_voice(rng, waves, n):
    """One babbling voice: utterances drawn at random and joined to n samples."""
    voice = np.zeros(0)
    while len(voice) < n:
        voice = np.concatenate([voice, waves[rng.integers(len(waves))]])
    return voice[:n]


def ship_demos(out, cache, packages, sources):
    """Write the named demo files of the lessons, each with its clean references."""
    from training.demos import demo_files

    table = []
    for name, wave, rate, about in demo_files(cache):
        spoken = set(zip(about["speaker"].split("+"), about["language"].split("+"), strict=True))
        used = [s for s in sources if (s["speaker"], s["language"]) in spoken]
        about |= {key: " + ".join(sorted({s[key] for s in used})) for key in ORIGIN}
        about["version"] = " + ".join(packages[p][1] for p in about["package"].split(" + "))
        table.append(write(out, out / name, wave, rate=rate, **about))
    return table


def write_manifest(table, path):
    """Write manifest rows, sorted by path."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS.split(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(table, key=lambda row: row["path"]))


def build_full(sources, packages, cache, recorded):
    """Write the whole corpus as one int16 array a kind, with a table of where each piece lies."""
    CORPUS.mkdir(exist_ok=True)
    pieces = []
    for source in sources:
        about = {k: source[k] for k in ("speaker", "sex", "language", *ORIGIN, "band")}
        about["version"] = packages[source["package"]][1]
        for name, split, wave in cache[source_key(source)]:
            split = "unseen" if source["role"] == "unseen" else split
            floor = f"{noise_floor(wave):.0f}"
            pieces.append((wave, {"split": split, "name": name, "floor": floor, **about}))
    save_full("speech", pieces)
    pieces = []
    for number, (source, name, wave) in enumerate(recorded):
        about = {k: source[k] for k in ("kind", *ORIGIN)}
        about |= {"version": packages[source["package"]][1], "name": name}
        about["split"] = noise_split(source, name, number)
        pieces.append((wave / np.abs(wave).max() * 0.7, about))
    save_full("noise", pieces)


def shipped_noise(source):
    """Whether a row of noise_sources.csv gives files to sounds/, or serves training alone."""
    return source["role"] == "unseen" or source["kind"] in ("crowd", "music", "keyboard")


def held_out(kind, name, number):
    """Whether a recorded noise (the number-th of all) is for testing only."""
    if kind == "crowd":
        return number % 4 == 0
    if kind == "music":
        return re.search("coffee|system", name) is not None
    return kind == "keyboard" and number // 2 % 4 == 3


def noise_split(source, name, number):
    """'unseen' for the packages that no training hears, else 'test' or 'train' by file."""
    if source["role"] == "unseen":
        return "unseen"
    if source["kind"] in ("crowd", "music", "keyboard", "effects"):  # as the first models split
        return "test" if held_out(source["kind"], name, number) else "train"
    return split_of(name)


def save_full(kind, pieces):
    """One array in corpus/, its table in training/ (committed: what, from where, which license)."""
    index, waves, at = [], [], 0
    for wave, about in pieces:
        pcm = (np.clip(wave, -1, 1) * 32767).astype(np.int16)
        digest = hashlib.sha256(pcm.tobytes()).hexdigest()[:16]
        index.append({"start": at, "length": len(pcm), "sha256": digest, **about})
        waves.append(pcm)
        at += len(pcm)
    new = CORPUS / f"{kind}.new.npy"  # a training that runs has the old file in its memory map
    np.save(new, np.concatenate(waves))
    new.replace(CORPUS / f"{kind}.npy")
    with open(HERE / f"corpus_{kind}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(index[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(index)


def main():
    """Fetch, decode, trim, level, split, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="build corpus/ instead of sounds/")
    parser.add_argument(
        "--packages", type=Path, default=CORPUS / "packages", help="where .deb files lie"
    )
    parser.add_argument("--out", type=Path, default=SOUNDS, help="where sounds/ is written")
    args = parser.parse_args()
    sources, noise_sources = rows(HERE / "sources.csv"), rows(HERE / "noise_sources.csv")
    if not args.full:
        sources = [s for s in sources if float(s["shipped"])]
        noise_sources = [s for s in noise_sources if shipped_noise(s)]
    names = sorted({s["package"] for s in sources + noise_sources})
    packages = {name: fetch(name, args.packages) for name in names}
    cache = {}
    for source in sources:
        cache[source_key(source)] = list(utterances(source, packages))
        seconds = sum(len(wave) for *_, wave in cache[source_key(source)]) / RATE
        count = len(cache[source_key(source)])
        print(f"{source['speaker']:14s} {count:5d} files {seconds / 60:6.1f} min")
    recorded = list(noise_waves(noise_sources, packages))
    if args.full:
        build_full(sources, packages, cache, recorded)
        return
    for folder in ("speech", "noise"):
        shutil.rmtree(args.out / folder, ignore_errors=True)
    args.out.mkdir(exist_ok=True)
    table = ship_speech(args.out, sources, packages, cache, prompts(args.packages))
    # Babble is an adaptation of all its voices: those whose licenses go together.
    babblers = [key for key in cache if key[0] in ("allison", "carlo", "ivrvoice", "nickolay")]
    speech = {split: [w for key in babblers for _, s, w in cache[key] if s == split]
              for split in ("train", "test")}  # fmt: skip
    table += ship_noise(args.out, recorded, packages, speech)
    table += ship_demos(args.out, cache, packages, sources)
    from training import mandarin

    table += mandarin.ship(args.out, args.packages)
    write_manifest(table, args.out / "manifest.csv")
    print(f"{len(table)} files, {sum(float(row['seconds']) for row in table) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
