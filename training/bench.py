"""Time the fast path against ModelScope's pipelines as they are, at the published sizes.

    python run.py bench            # the table: some minutes on two quiet cores
    python run.py bench --quick    # the embedded sizes, one short clip: less than a minute
    python run.py bench --avx2     # as on a processor that has AVX2 and nothing newer
    python run.py bench --long     # also ten minutes of talk, time over length, an hour's memory
    python run.py bench --live     # instead: the stream, hop by hop, against the clock
    python run.py bench --crowd    # instead: one, two and eight calls at once

Writes evaluation/bench.csv, evaluation/bench.png and, with --long, evaluation/long.csv; what is
measured quickly goes to build/bench. Weights of the published sizes are random: speed does not
depend on them. All systems of a row get the same recording and the same
threads, one after the other. A row names the processor, and a run replaces its own processor's
rows alone. What a network multiplies and adds in a second is compared with what the same processor
does in one large matrix product.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("MODELSCOPE_LOG_LEVEL", "40")

from helpers import models, separate
from helpers.clip import Clip
from helpers.lab import bench, conversation, machine, memory
from helpers.networks import NETWORKS, fast
from training.evaluate import read_rows, write
from training.published import MEASURED, published

ROOT = Path(__file__).parent.parent


def speed(kind, folder, lengths, repeats, left_out=()):
    """One row a system and clip: seconds, times as fast, error."""
    errors, rows = bench.error(kind, folder, min(1.0, lengths[0] / 4)), []
    systems = bench.systems(kind, folder)
    systems = {name: run for name, run in systems.items() if name not in left_out}
    for seconds in lengths:
        clip = bench.example(kind, seconds)
        for row in bench.compare(systems, clip, 1 if seconds > 20 else repeats):
            row |= {
                "model": NETWORKS[kind].label,
                "clip": seconds,
                "error": errors.get(row["system"], ""),
            }
            rows.append(row)
    return rows


def shares(rows, work, products):
    """Add to each row what it computes in a second, as a share of the matrix product's.

    `work` is GFLOP a second of sound: both networks' work grows in a straight line with the length
    (attention over all frames is linear, the other one keeps to its chunk). Products that a form
    saves count as done.
    """
    for row in rows:
        product = products["bfloat16" if row["system"] == "bfloat16" else "float32"]
        row["share"] = work * row["clip"] / row["seconds"] / product


def products(left_out=()):
    """GFLOP/s of a matrix product, in float32 and in bfloat16."""
    import torch

    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    return {
        name: machine.matrix_product(kind) for name, kind in kinds.items() if name not in left_out
    }


def kept(path, processor):
    """Rows of the table that another processor measured."""
    if not path.exists():
        return []
    return [row for row in read_rows(path) if row.get("processor", processor) != processor]


def peaks(kind, folder, seconds):
    """Peak memory of every system on one clip, each in a process of its own."""
    code = (
        "from helpers.lab import bench\n"
        f"bench.systems({kind!r}, {str(folder)!r})[{{!r}}](bench.example({kind!r}, {seconds}))"
    )
    return {name: memory.peak_memory_gb(code.format(name)) for name in bench.systems(kind, folder)}


def over_length(kind, minutes):
    """Seconds of computing a minute of recording, embedded models, for several lengths."""
    run, found = bench.systems(kind)["float32"], {}
    run(bench.example(kind, 5))
    for length in minutes:
        began = time.process_time()
        run(bench.example(kind, 60 * length))
        found[length] = (time.process_time() - began) / length
    return found


def order(pairs, minutes, folder=None):
    """Share of 20-second stretches of a talk in which the speakers are on their tracks."""
    where = models.where(folder)
    found = {}
    for pair in pairs:
        people = conversation.simulate(pair, minutes)
        mixture = Clip(sum(p.samples for p in people), conversation.RATE, "talk")
        tracks = separate.separate(mixture, **where)
        found[" + ".join(pair)] = conversation.track_consistency(tracks, people)
    return found


def table(rows):
    """Markdown lines of the timings."""
    heads = (
        "| model | clip (s) | system | seconds | times as fast | error (dB) | peak memory (GB) "
        "| share of the matrix product |"
    )
    lines = [heads, "|---" * 8 + "|"]
    for row in rows:
        error, gigabytes = (row[key] for key in ("error", "memory"))
        lines.append(
            f"| {row['model']} | {row['clip']:g} | {row['system']} | {row['seconds']:.2f} "
            f"| {row['times']:.1f} | {'' if error == '' else f'{error:.0f}'} "
            f"| {'' if gigabytes == '' else f'{gigabytes:.1f}'} | {row['share']:.0%} |"
        )
    return lines


def main():
    """Measure, print the tables, write the CSV and the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short clip")
    parser.add_argument("--long", action="store_true", help="long recordings too")
    parser.add_argument("--live", action="store_true", help="the stream: see training.live_bench")
    parser.add_argument("--crowd", action="store_true", help="calls at once: see training.crowd")
    parser.add_argument("--avx2", action="store_true", help="let nothing newer than AVX2 be used")
    parser.add_argument("--threads", type=int, help="how many the systems may use")
    parser.add_argument("--out", type=Path, help="folder of the results")
    args = parser.parse_args()
    if args.avx2 and any(os.environ.get(name) != value for name, value in machine.AVX2.items()):
        command = [sys.executable, "-m", "training.bench", *sys.argv[1:]]  # before torch is loaded
        return subprocess.run(command, env=os.environ | machine.AVX2, check=False).returncode
    # What is committed is measured with care: a quick look does not take its place.
    args.out = args.out or ROOT / ("build/bench" if args.quick else "evaluation")
    if args.live:
        from training import live_bench

        return live_bench.run(args.out, args.quick)
    if args.crowd:
        from training import crowd

        return crowd.run(args.out, args.quick)
    import torch

    torch.set_num_threads(args.threads or torch.get_num_threads())
    rows, lengths = [], [1.5] if args.quick else [4.7, 30.0]
    # Without arithmetic for it, bfloat16 takes minutes, and the tools fall back to float32.
    left_out = () if fast.has_bfloat16() else ("bfloat16",)
    on, speeds = machine.processor(), products(left_out)
    told = ", ".join(f"{name} {value:.0f}" for name, value in speeds.items())
    print(f"threads: {torch.get_num_threads()}; {on}; a matrix product, in GFLOP/s: {told}")
    with tempfile.TemporaryDirectory() as home:
        for kind in MEASURED:
            folder = None if args.quick else published(kind, Path(home) / NETWORKS[kind].types[0])
            found = speed(kind, folder, lengths, 1 if args.quick else 3, left_out)
            shares(found, machine.operations(kind, lengths[0], folder) / lengths[0], speeds)
            held = {} if args.quick else peaks(kind, folder, lengths[0])
            for row in found:
                own = row["clip"] == lengths[0]
                row["memory"] = held.get(row["system"], "") if own else ""
                row |= {"threads": torch.get_num_threads(), "processor": on}
            rows += found
            print("\n".join(table(found)[0 if kind == MEASURED[0] else 2 :]), flush=True)
        if args.long:
            write(long_recordings(Path(home)), args.out / "long.csv")
    rounded = [
        {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
        for row in rows
    ]
    args.out.mkdir(parents=True, exist_ok=True)
    rounded = sorted(kept(args.out / "bench.csv", on) + rounded, key=lambda row: row["processor"])
    write(rounded, args.out / "bench.csv")
    bench.draw(rounded).savefig(args.out / "bench.png")


def long_recordings(home):
    """Print what length costs, and give it as rows: order, time, memory."""
    rows = []

    def note(model, what, value, unit):
        rows.append({"model": model, "what": what, "value": round(float(value), 3), "unit": unit})
        print(f"{model}, {what}: {value:.3g} {unit}", flush=True)

    for pair, right in order([("tux_es", "tux_ca"), ("tux_es", "tux_ru")], 10).items():
        share = f"of {len(right)} pieces of 20 s in order"
        note("MossFormer embedded", f"10 minutes of {pair}", right.sum(), share)
    for kind in MEASURED:
        name = f"{NETWORKS[kind].label} embedded"
        for length, cost in over_length(kind, (1, 5, 30)).items():
            note(name, f"{length} min", cost, "processor seconds a minute")
        code = "from helpers.lab import bench\nbench.systems({!r}, {})['float32']"
        code += "(bench.example({!r}, {}))"
        for what, seconds in (("one second", 1), ("one hour", 3600)):  # the first: what stays
            peak = memory.peak_memory_gb(code.format(kind, None, kind, seconds))
            note(name, what, peak, "GB at most")
        big = code.format(kind, repr(str(home / NETWORKS[kind].types[0])), kind, 120)
        note(
            f"{NETWORKS[kind].label} published size",
            "two minutes",
            memory.peak_memory_gb(big),
            "GB at most",
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
