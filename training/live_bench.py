"""Time the stream hop by hop, against the clock: does it keep up, and does it stay small?

    python run.py bench --live           # some 15 minutes: a minute in real time, an hour of audio
    python run.py bench --live --quick   # five seconds of each

Every system runs in a process of its own, on one thread. In real time a block comes when the
microphone would have it and has to be done before the next one comes: if not, it is missed. Sound
programs do that at a priority above all others, and so does this where the system lets it (Linux,
as root). After that, audio as fast as it goes, and what that does to the memory. Writes
evaluation/live.csv and evaluation/live.png.
"""

import argparse
import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

ROOT = Path(__file__).parent.parent
SYSTEMS = {
    "ONNX Runtime": "denoiser, a hop of 10 ms",
    "PyTorch": "denoiser, a hop of 10 ms",
    "NumPy": "echo canceler, a block of 16 ms",
}
PERCENTILES = (50, 95, 99)
GOAL = 5.0  # ms: half a hop, so that the other half is left for all else


def build(system):
    """Return (block in samples, work(block of sound)) of a system."""
    from helpers import adaptive, stream

    if system == "NumPy":
        canceler = stream.EchoCanceler()
        return adaptive.BLOCK, lambda samples: canceler.process(samples, samples)
    engine = "onnx"
    if system == "PyTorch":
        import torch

        torch.set_num_threads(1)
        engine = "torch"
    return stream.HOP, stream.Denoiser(engine=engine).process


def sound(seconds):
    """Noisy speech, over and over [shape=(n,)]."""
    from helpers import audio

    clip = audio.load(audio.SOUNDS / "speech_with_noise1.wav", 16000)
    return np.resize(clip.samples, round(seconds * clip.rate))


def in_real_time(block, work, wave, rate=16000):
    """Feed blocks when they are due: (ms that each took, how many were not done in time)."""
    took, missed = [], 0
    began = time.perf_counter() + 0.05
    for i in range(len(wave) // block):
        due = began + (i + 1) * block / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        start = time.perf_counter()
        work(wave[i * block : (i + 1) * block])
        done = time.perf_counter()
        took.append(1e3 * (done - start))
        missed += done > due + block / rate
    return took, missed


@contextlib.contextmanager
def above_others():
    """Run at the priority of sound programs, if the system lets us; tell which it is."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except (AttributeError, PermissionError):  # not Linux, or not root
        yield "normal"
        return
    try:
        yield "real-time"
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def memory():
    """Memory of this process, in MB."""
    import psutil

    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def measure(system, seconds, minutes):
    """Measure one system in this process."""
    block, work = build(system)
    wave = sound(max(seconds, 1.0))
    for i in range(50):  # the first ones set up what the others find
        work(wave[i * block : (i + 1) * block])
    with above_others() as priority:
        took, missed = in_real_time(block, work, wave[: int(seconds * 16000)])
    before, count = memory(), len(wave) // block
    for i in range(int(minutes * 60 * 16000 / block)):
        at = i % count * block
        work(wave[at : at + block])
    return {"took": took, "missed": missed, "memory": before, "drift": memory() - before,
            "priority": priority}  # fmt: skip


def apart(system, seconds, minutes):
    """Measure one system in a process of its own."""
    call = [sys.executable, "-m", "training.live_bench", "--only", system]
    call += ["--seconds", str(seconds), "--minutes", str(minutes)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{system} did not run:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def row(system, found, seconds, minutes):
    """One row of the table."""
    from helpers.lab import machine

    took = found["took"]
    times = {f"p{p}": round(float(np.percentile(took, p)), 2) for p in PERCENTILES}
    return {
        "system": system, "what": SYSTEMS[system], **times, "most": round(max(took), 2),
        "missed": found["missed"], "blocks": len(took), "seconds": seconds,
        "memory": round(found["memory"], 1), "drift": round(found["drift"], 1),
        "minutes": minutes, "priority": found["priority"], "processor": machine.name(),
    }  # fmt: skip


def table(rows):
    """Markdown lines of the timings."""
    heads = ["system", "what", *(f"p{p} (ms)" for p in PERCENTILES), "most (ms)", "missed"]
    heads += ["memory (MB)", "drift (MB)"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for r in rows:
        times = " | ".join(f"{float(r[f'p{p}']):.2f}" for p in PERCENTILES)
        lines.append(
            f"| {r['system']} | {r['what']} | {times} | {float(r['most']):.1f} "
            f"| {r['missed']} of {r['blocks']} | {float(r['memory']):.0f} "
            f"| {float(r['drift']):+.1f} after {float(r['minutes']):g} min |"
        )
    return lines


def draw(taken):
    """Draw what share of blocks took longer than some time: system -> ms of each block."""
    from helpers import plots

    figure = plots.picture(1, 1, (7, 3.5))
    axes = figure.axes[0]
    for (name, took), color in zip(taken.items(), ("#0072b2", "#e69f00", "#009e73"), strict=False):
        share = 1 - np.arange(len(took)) / len(took)
        axes.step(np.sort(took), 100 * share, where="post", color=color, label=name)
    axes.axvline(GOAL, color="#999999", linestyle=":", label="half a hop")
    axes.axvline(10, color="#000000", linestyle="--", label="a hop: the next one is here")
    axes.set(xscale="log", yscale="log", xlabel="Time for a block (ms)")
    axes.set(ylabel="Blocks that take longer (%)")
    axes.legend()
    return figure


def run(out, quick=False):
    """Measure all systems, print the table, write the CSV and the picture."""
    from training.evaluate import write

    seconds, hour, less = (5.0, 0.1, 0.1) if quick else (60.0, 60.0, 2.0)
    rows, taken = [], {}
    for system in SYSTEMS:
        minutes = hour if system == "ONNX Runtime" else less
        found = apart(system, seconds, minutes)
        rows.append(row(system, found, seconds, minutes))
        taken[system] = found["took"]
        print("\n".join(table(rows)[0 if len(rows) == 1 else -1 :]), flush=True)
    write(rows, out / "live.csv")
    draw(taken).savefig(out / "live.png")


def main():
    """Measure one system and print what was found as JSON: for `apart`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=SYSTEMS, required=True)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--minutes", type=float, default=0.1)
    args = parser.parse_args()
    print(json.dumps(measure(args.only, args.seconds, args.minutes)))


if __name__ == "__main__":
    main()
