"""How much memory a piece of Python needs at the most, measured in a process of its own.

Used by `python run.py bench`; taught in 11_long_and_fast.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def peak_memory_gb(code: str) -> float:
    """Run some Python in a process of its own and tell the most memory it held.

    Parameters
    ----------
    code : str
        What to run, in the course's folder.

    Returns
    -------
    float
        In GB; NaN where the system does not tell (Windows).

    Examples
    --------
    >>> peak_memory_gb("buffer = bytearray(100_000_000)") > 0.1
    True
    """
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nfrom helpers.lab import memory; memory._tell()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"this did not run: {code}\n{done.stderr}")
    return float(done.stdout.split()[-1])


def _tell():
    """Print this process's peak memory in GB."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss would count what the parent held before it started us
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        print(int(line.split()[1]) / 1e6)
        return
    try:
        import resource
    except ImportError:
        print("nan")
    else:  # macOS counts in bytes
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9)
