"""Examinations of cost: work and memory that grow as the recording does, and no faster."""

import subprocess

import numpy as np

from helpers.clinic.record import bad, examination, judge, skip
from helpers.clinic.repeats import elsewhere

SHORT, LONG = 6.0, 36.0  # seconds, of which the work is compared
STEEPEST = (LONG / SHORT) ** 0.5  # how much more a second of the longer may cost: length ** 1.5
LEAST = 1e-3  # processor seconds a second of sound: below this nothing grows that anybody notices
LENGTHS = (30.0, 90.0)  # seconds, of which the memory is compared
MOST = 8.0  # gigabytes for an hour: what a small laptop has


@examination("cost", "medium", "takes twice as long for twice as much")
def time(patient):
    """Processor time for 6 s and for 36 s of sound, medians of three: other work doesn't count."""
    import statistics

    rounds = next((n for n in (3, 1) if patient.affords(n * (SHORT + LONG), 2 * n)), 0)
    if not rounds:
        return skip(f"{LONG:g} s would take {patient.takes(LONG):.0f} s")
    short, long = (
        statistics.median(_work(patient, seconds) for _ in range(rounds))
        for seconds in (SHORT, LONG)
    )
    growth = long / max(1e-9, short)
    said = f"{long:.3f} s of processor time for a second of sound at {LONG:g} s, "
    said += f"{growth:.2f} times that at {SHORT:g} s"
    passes = growth < STEEPEST or long < LEAST
    return judge(passes, said, growth, "times", f"{SHORT:g} s and {LONG:g} s of sound")


def _work(patient, seconds):
    """Return how many seconds of processors a second of sound costs, programs of its own too."""
    sound = patient.usual(round(seconds * patient.rate))
    before = _spent()
    patient.run(sound)
    return (_spent() - before) / seconds


def _spent():
    """Return the processor time of this process and of those it started that have ended."""
    import os
    import time as clock

    children = os.times()
    return clock.process_time() + children.children_user + children.children_system


@examination("cost", "medium", "has room for an hour", needs=("reopened",))
def memory(patient):
    """The most memory that a process holds for 30 s and for 90 s of sound; an hour by that line."""
    short, long = LENGTHS
    if not patient.affords(short + long, 2):
        return skip(f"{long:g} s would take {patient.takes(long):.0f} s")
    try:
        found = [float(elsewhere(patient.system, s)["megabytes"]) for s in LENGTHS]
    except subprocess.TimeoutExpired as problem:
        return skip(f"in another process it did not end within {problem.timeout:.0f} s")
    except RuntimeError as problem:
        return bad(f"in another process it ends in {problem}", smallest=f"{short:g} s of sound")
    if not np.isfinite(found).all():
        return skip("this computer does not tell how much memory a process held")
    slope = max(0.0, (found[1] - found[0]) / (long - short))
    hour = (found[1] + slope * (3600 - long)) / 1024
    said = f"{found[0]:.0f} MB for {short:g} s, {found[1]:.0f} MB for {long:g} s: "
    said += f"by that line {hour:.1f} GB for an hour"
    return judge(hour < MOST, said, hour, "GB", f"{short:g} s and {long:g} s of sound")
