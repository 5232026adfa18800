"""How much faster is a corpus on several processes? Prints a table, with the machine's load.

    python -m training.corpus_bench    # writes evaluation/corpus.csv, some minutes

Each count gets its own cluster, and a few recordings first that are not timed: starting processes
and building networks takes the same for a corpus of any size. CPU seconds are those of the
workers: where they stay the same and the time does not halve, the cores were not free.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil

from helpers import audio, cores, corpus
from helpers.corpus import cluster
from helpers.lab import machine
from training.evaluate import write

ROOT = Path(__file__).parent.parent


def make(folder, count, seconds):
    """Write recordings of one length, of all people in turn; return the folder."""
    files = sorted((audio.SOUNDS / "speech").rglob("*.ogg"))
    for i in range(count):
        clip = audio.load(files[i % len(files)], 16000)
        repeated = clip.samples.tolist() * (1 + int(seconds / clip.duration))
        audio.save(clip.with_samples(repeated).cut(0, seconds), folder / f"r{i:04}.flac")
    return folder


def measure(found, workers, folder, shard):
    """Return wall and CPU seconds of a corpus, on workers that are ready."""
    warm, rest = 2 * workers * shard, len(found)
    with cluster.local(workers) as made:
        how = {"cluster": made, "shard": shard, "progress": False, "say": None}
        corpus.process(found.select(range(min(warm, rest))), folder / f"warm{workers}", **how)
        before, began = cpu_seconds(), time.perf_counter()
        rows = corpus.process(found, folder / f"timed{workers}", **how)
        took, spent = time.perf_counter() - began, cpu_seconds() - before
    if any(rows["error"]):
        raise RuntimeError(next(filter(None, rows["error"])))
    return took, spent


def cpu_seconds():
    """Count what all processes that this one started have computed."""
    times = (p.cpu_times() for p in psutil.Process().children(recursive=True))
    return sum(t.user + t.system for t in times)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--recordings", type=int, default=144)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each recording")
    parser.add_argument("--shard", type=int, default=4)
    parser.add_argument("--out", type=Path, default=ROOT / "evaluation")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make(folder / "corpus", args.recordings, args.seconds)
        found = corpus.index(folder / "corpus", folder / "index")
        sound = args.recordings * args.seconds
        print(f"{args.recordings} recordings, {sound:.0f} s of sound; {os.cpu_count()} cores")
        print("workers  load before  seconds  CPU seconds  real-time factor  speed-up")
        first, rows = None, []
        for workers in args.workers:
            load = psutil.getloadavg()[0]
            took, spent = measure(found, workers, folder, args.shard)
            first = first or took * workers
            print(
                f"{workers:7}  {load:11.1f}  {took:7.1f}  {spent:11.1f}  {took / sound:16.3f}  "
                f"{first / took:8.2f}"
            )
            rows.append({
                "workers": workers, "recordings": args.recordings, "sound": sound,
                "load_before": round(load, 2), "seconds": round(took, 2), "cpu": round(spent, 2),
                "factor": round(took / sound, 4), "speed_up": round(first / took, 3),
                "cores": cores.visible(), "processor": machine.processor(),
            })  # fmt: skip
    write(rows, args.out / "corpus.csv")


if __name__ == "__main__":
    main()
