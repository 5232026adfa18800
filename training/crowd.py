"""How long a call takes while others run beside it, as a ratio to its fair share of the machine.

    python run.py bench --crowd    # writes evaluation/crowd.csv

One, two and eight processes denoise or separate the same recording at once, again and again. Alone
a call keeps so many cores busy for so many seconds; with k calls at once nobody can expect less
than that work, shared out over the cores. What a call takes longer is the price of getting into
each other's way: caches that are too small for all ("work": processor time of a call, beside that
of a call alone), cores unequally shared out, and threads that spin while they wait. The last one is
the control: the same once more without the course's manners, beside the same fair share.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from helpers.cores import visible
from helpers.lab import machine
from helpers.networks import NETWORKS
from training.evaluate import write
from training.published import MEASURED

ROOT = Path(__file__).parent.parent
CROWD = 1, 2, 8  # calls at once
WAITING = "PASSIVE", "ACTIVE"  # OMP_WAIT_POLICY: as the course sets it, and as the control
SECONDS = 4.7  # of the recording
ROUNDS = 5  # calls of each process that count
LIMIT = 1.3  # how many times its fair share a call may take

# A process says that it is ready, waits for the word, works, and says how long each call took.
WORKER = """
import json, sys, time
from helpers.lab import bench
run, clip = bench.systems(sys.argv[1])["float32"], bench.example(sys.argv[1], float(sys.argv[2]))
run(clip)
print("ready", flush=True)
sys.stdin.readline()
took = []
for _ in range(int(sys.argv[3])):
    began = time.perf_counter(), time.process_time()
    run(clip)
    took.append((time.perf_counter() - began[0], time.process_time() - began[1]))
print(json.dumps(took), flush=True)
"""


def together(network, count, seconds=SECONDS, rounds=ROUNDS, waiting=WAITING[0]):
    """Let processes work at once; return (wall, processor) seconds of all their calls.

    Calls at the end, when some processes are done, have more than their share; the others do not.
    """
    command = [sys.executable, "-c", WORKER, network, str(seconds), str(rounds)]
    env = os.environ | {"OMP_WAIT_POLICY": waiting}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, cwd=ROOT, env=env, **pipes) for _ in range(count)]
    try:
        for worker in workers:
            if worker.stdout.readline().strip() != "ready":
                raise RuntimeError(f"a worker of {network} did not start")
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        return [tuple(pair) for worker in workers for pair in json.loads(worker.stdout.readline())]
    finally:
        for worker in workers:
            worker.stdin.close()
            worker.stdout.close()
            worker.wait()


def fair_share(alone, busy, count, cores):
    """Seconds that a call can expect beside others.

    Parameters
    ----------
    alone : float
        Seconds that it takes alone.
    busy : float
        Seconds of processor time that it takes alone.
    count : int
        Calls at once.
    cores : int
        Of the machine.

    Returns
    -------
    float
        All the work over all the cores, and never less than the call takes alone.

    Examples
    --------
    >>> fair_share(alone=1.0, busy=1.8, count=8, cores=2)
    7.2
    >>> fair_share(alone=1.0, busy=1.0, count=2, cores=2)
    1.0
    """
    return max(alone, count * busy / cores)


def measure(networks, crowd=CROWD, seconds=SECONDS, rounds=ROUNDS):
    """One row a network, crowd and way to wait: seconds a call, its fair share, and the ratio."""
    cores, rows = visible(), []
    for network in networks:
        alone = busy = 0.0
        for waiting in WAITING:
            for count in crowd:
                found = together(network, count, seconds, rounds, waiting)
                took, work = (statistics.median(times) for times in zip(*found, strict=True))
                if not alone:
                    alone, busy = took, work
                share = fair_share(alone, busy, count, cores)
                rows.append({
                    "model": NETWORKS[network].label, "clip": seconds, "waiting": waiting.lower(),
                    "calls": count, "cores": cores, "seconds": round(took, 3),
                    "fair": round(share, 3), "ratio": round(took / share, 3),
                    "work": round(work / busy, 3), "processor": machine.processor(),
                })  # fmt: skip
    return rows


def table(rows):
    """Markdown lines."""
    heads = (
        "| model | threads wait | calls at once | cores | seconds a call | fair share (s) "
        "| times its share | times the work |"
    )
    lines = [heads, "|---" * 8 + "|"]
    return lines + [
        f"| {row['model']} | {row['waiting']} | {row['calls']} | {row['cores']} "
        f"| {row['seconds']:.2f} | {row['fair']:.2f} | {row['ratio']:.2f} | {row['work']:.2f} |"
        for row in rows
    ]


def run(out, quick=False):
    """Measure, print the table, write the CSV; return 1 where a crowd is too dear."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.5:
        print(f"other work is going on here (load {load:.1f}): it counts as a crowd of its own")
    began = time.perf_counter()
    sizes = {"crowd": (1, 2), "seconds": 1.5, "rounds": 3} if quick else {}
    rows = measure(MEASURED[:1] if quick else MEASURED, **sizes)
    print("\n".join(table(rows)))
    print(f"measured in {time.perf_counter() - began:.0f} s; a call may take {LIMIT} of its share")
    out.mkdir(parents=True, exist_ok=True)
    write(rows, out / "crowd.csv")
    polite = [row for row in rows if row["waiting"] == WAITING[0].lower()]
    return int(any(row["ratio"] > LIMIT for row in polite))
