"""Examinations of cost: time and memory that grow as the recording does, and no faster."""

import subprocess

import numpy as np

from helpers.clinic.record import bad, examination, judge, skip
from helpers.clinic.repeats import elsewhere

SHORT, LONG = 6.0, 36.0  # seconds, of which the time is compared
LENGTHS = (30.0, 90.0)  # seconds, of which the memory is compared
MOST = 8.0  # gigabytes for an hour


@examination("cost", "medium", "takes twice as long for twice as much")
def time(patient):
    """Seconds of work for 6 s and for 36 s of sound."""
    import time as clock

    if not patient.affords(2 * SHORT + LONG, 3):
        return skip(f"{LONG:g} s would take {patient.takes(LONG):.0f} s")
    took = []
    for seconds in (SHORT, SHORT, LONG):
        sound = patient.usual(round(seconds * patient.rate))
        start = clock.perf_counter()
        patient.run(sound)
        took.append((clock.perf_counter() - start) / seconds)
    growth = took[2] / max(1e-9, min(took[:2]))
    said = f"{took[2]:.3f} s of work a second of sound (real-time factor) at {LONG:g} s, "
    said += f"{growth:.2f} times that at {SHORT:g} s"
    # Below a thousandth of real time the clock is measured, not the system.
    passes = growth < 3.5 or took[2] < 1e-3
    return judge(passes, said, growth, "times", f"{SHORT:g} s and {LONG:g} s of sound")


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
