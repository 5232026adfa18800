"""One run of a system in a process of its own: `python -m helpers.clinic.worker JOB`, JSON in."""

import contextlib
import io
import json
import sys
import time
from pathlib import Path

import numpy as np


def main(job):
    """Run the usual recording and write what came of it, the time and the memory.

    Parameters
    ----------
    job : dict
        "target", "kind" and "rate" as for `targets.find`, "seconds" of sound, and "out", a path.
    """
    from helpers.clinic.patient import Patient
    from helpers.clinic.targets import find

    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        patient = Patient(find(job["target"], job["kind"], job["rate"]))
        sound = patient.usual(round(job["seconds"] * patient.rate))
        before = time.perf_counter()
        tracks = patient.run(sound)
        took = time.perf_counter() - before
    np.savez(job["out"], tracks=tracks, seconds=took, megabytes=_megabytes())


def _megabytes():
    """Return the most memory that this process or one that it started held, or NaN."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    most = [resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit]
    status = Path("/proc/self/status")
    if status.is_file():  # on Linux getrusage still knows the size of who started this process
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        most += [int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:")]
    else:
        most.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    return max(most)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
