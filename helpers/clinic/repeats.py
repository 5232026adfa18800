"""Examinations of repetition: the same sound gives the same result, whenever and wherever."""

import json
import os
import random as dice
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from helpers.clinic import measure, sounds
from helpers.clinic.record import PASSED, bad, examination, judge, ok, skip

SECONDS = 2.0
SAME = -80  # dB: closer than what 16 bits tell apart
CHUNKS = (1, 7, 160, 999)


@examination("repetition", "high", "gives the same twice")
def twice(patient):
    """The same recording, straight after itself; then one of -60 dB, in which dither is heard."""
    sound, first = patient.base(SECONDS)
    result = _compare(patient, sound, patient.run(sound), first, "the second time")
    if result.status != PASSED:
        return result
    soft = np.float32(10 ** (-34 / 20)) * sound
    first, again = patient.run(soft), patient.run(soft)
    softly = _compare(patient, soft, again, first, "at -60 dB, the second time")
    return result if softly.status == PASSED else softly


@examination("repetition", "high", "remembers nothing of the recording before")
def state(patient):
    """The same recording before and after another, loud one."""
    sound, first = patient.base(SECONDS)
    patient.run(np.clip(sounds.noise(patient.rate, -6, seed=7), -0.99, 0.99))
    return _compare(patient, sound, patient.run(sound), first, "after another recording")


@examination("repetition", "medium", "gives the same when two threads call it at once")
def together(patient):
    """Four calls in two threads, each with the recording of its own."""
    pair = [
        (patient.usual(patient.rate, start=start), patient.far(patient.rate, start=start))
        for start in (0.0, 2.0)
    ]
    expected = [patient.run(*each) for each in pair]
    found, faults = {}, []

    def work(i):
        for turn in range(2):
            try:
                found[i, turn] = patient.run(*pair[i])
            except Exception as problem:
                faults.append(f"{type(problem).__name__}: {problem}")

    workers = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    smallest = f"two threads, {patient.seconds(patient.rate)} each"
    if faults:
        return bad(f"two calls at once end in {faults[0]}", smallest=smallest)
    error = max(measure.error_db(out, expected[i]) for (i, _), out in found.items())
    said = f"two calls at once give the same as one after the other to {error:.0f} dB"
    return judge(error < SAME, said, error, "dB", smallest)


@examination(
    "repetition", "medium", "gives the same in another process", needs=("reopened", "trained")
)
def process(patient):
    """The same recording in a new Python."""
    return _elsewhere(patient, {}, "in another process", SAME)


@examination(
    "repetition", "low", "gives the same with other threads", needs=("reopened", "trained")
)
def threads(patient):
    """The same recording in a new Python that may use another number of threads."""
    count = "3" if os.environ.get("OMP_NUM_THREADS") == "1" else "1"
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return _elsewhere(patient, dict.fromkeys(names, count), f"with {count} thread(s)", -60)


@examination("repetition", "low", "leaves the random numbers of its caller alone", needs=("array",))
def dice_untouched(patient):
    """The state of numpy's and Python's generators, before and after."""
    np.random.seed(5)  # noqa: NPY002, the global generator is what is looked at
    dice.seed(5)
    patient.run(patient.usual(patient.rate))
    after = np.random.random(), dice.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    dice.seed(5)
    moved = (np.random.random(), dice.random()) != after  # noqa: NPY002
    said = "it sets or uses the global random numbers" if moved else "the global ones stand still"
    return judge(not moved, said, smallest=patient.seconds(patient.rate))


@examination("repetition", "low", "prints nothing on its caller's screen", needs=("quiet",))
def printing(patient):
    """What is written to stdout during a call."""
    if patient.printed is None:
        return skip("nothing catches what is printed")
    at = patient.printed.tell()
    patient.run(patient.usual(patient.rate))
    said = patient.printed.getvalue()[at:].strip()
    first = said.splitlines()[0][:60] if said else ""
    words = f"a call prints {len(said)} letters: {first!r}" if said else "nothing is printed"
    return judge(not said, words, len(said), "letters", patient.seconds(patient.rate))


@examination(
    "repetition", "high", "gives the same in chunks of any size it takes", kinds=("stream",)
)
def chunks(patient):
    """The same recording in chunks of 1, 7, 160 and 999 samples."""
    stream = patient.system.factory()
    if frame := getattr(stream, "frame", None):
        return skip(f"it takes chunks of {frame} samples only")
    sound = patient.usual(patient.rate)
    outs = [patient.system.feed(patient.system.factory(), sound, size) for size in CHUNKS]
    n = min(map(len, outs))
    error, size = max((measure.error_db(out[:n], outs[2][:n]), size)
                      for out, size in zip(outs, CHUNKS, strict=True))  # fmt: skip
    said = f"chunks of {', '.join(map(str, CHUNKS))} samples give the same to {error:.0f} dB"
    return judge(error < SAME, said, error, "dB", f"chunks of {size} samples")


def elsewhere(system, seconds, environment=None, timeout=300):
    """Run a system in another process.

    Parameters
    ----------
    system : System
        With a `spec`.
    seconds : float
        Of the usual recording.
    environment : dict, optional
        Variables to set there.
    timeout : float
        In seconds.

    Returns
    -------
    dict
        What it gave as "tracks", the "seconds" of the call, and the "megabytes" at the most.

    Raises
    ------
    RuntimeError
        If that process ends without a result.
    """
    with tempfile.TemporaryDirectory(prefix="clinic") as place:
        job = {"target": system.spec, "kind": system.kind, "rate": system.rate}
        job |= {"seconds": seconds, "out": str(Path(place) / "out.npz")}
        # -P: a folder one works in may have a helpers of its own.
        path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
        done = subprocess.run(
            [sys.executable, "-P", "-m", "helpers.clinic.worker", json.dumps(job)],
            env=os.environ | {"PYTHONPATH": path} | (environment or {}),
            capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise RuntimeError(said[-1] if said else f"exit status {done.returncode}")
        with np.load(job["out"]) as found:
            return {name: found[name] for name in found.files}


def _elsewhere(patient, environment, where, limit):
    """Compare what comes out here and there."""
    sound, first = patient.base(SECONDS)
    try:
        there = elsewhere(patient.system, SECONDS, environment)["tracks"]
    except subprocess.TimeoutExpired as problem:
        return skip(f"{where} it did not end within {problem.timeout:.0f} s")
    except RuntimeError as problem:
        return bad(f"{where} it ends in {problem}", smallest=patient.seconds(len(sound)))
    return _compare(patient, sound, there, first, where, limit)


def _compare(patient, sound, again, first, when, limit=SAME):
    """Judge two results of one recording."""
    if again.shape != first.shape:
        said = f"{when} the shape is {again.shape}, at first {first.shape}"
        return bad(said, smallest=patient.seconds(len(sound)))
    error = measure.error_db(again, first)
    if np.array_equal(again, first):
        return ok(f"{when} every sample is the same", error, "dB")
    said = f"{when} the result differs by {error:.0f} dB"
    heard = (first[0], again[0])
    return judge(error < limit, said, error, "dB", patient.seconds(len(sound)), heard)
