"""How many processor cores there are to use, and threads that leave the others alone.

Only the standard library: run.py reads this file before anything is installed, and what it says
has to be in the environment before torch is imported. Lesson 11 measures what it does.
"""

import os
from pathlib import Path, PurePosixPath


def cores(root: str | os.PathLike = "/") -> int:
    """Count the cores that this process may use, by its affinity and its container's quota.

    A container is given a share of all cores' time, and what asks for more stands still until the
    next period. A share of 1.5 cores counts as 1.

    Parameters
    ----------
    root : path
        Where proc and sys are.

    Returns
    -------
    int
        The number of cores, at least 1.

    Examples
    --------
    >>> 1 <= cores() <= os.cpu_count()
    True
    """
    return max(1, min([visible(), *map(int, shares(root))]))


def visible() -> int:
    """Count the cores that the system shows this process, whatever its quota."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return here or 1


def shares(root: str | os.PathLike = "/") -> list[float]:
    """List the quotas that hold for this process: its own control group's and those above it.

    Parameters
    ----------
    root : path
        Where proc and sys are.

    Returns
    -------
    list of float
        Cores; empty where there is no limit, or no Linux.

    Examples
    --------
    >>> shares("/no/such/place")
    []
    """
    mounts = Path(root) / "sys/fs/cgroup"
    try:
        lines = (Path(root) / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:  # hierarchy:controllers:path; version 2 is hierarchy 0, without controllers
        _, controllers, path = line.split(":", 2)
        if not controllers:
            bases, read = [mounts, mounts / "unified"], _version_2
        elif "cpu" in controllers.split(","):
            bases, read = [mounts / controllers, mounts / "cpu"], _version_1
        else:
            continue
        parts = [part for part in PurePosixPath(path).parts if part != "/"]
        if ".." in parts:  # it lies outside of what the container sees
            parts = []
        for base in bases:
            # A container may know the path as its host does: then only the top is there.
            places = [base.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
            found += [share for place in places if (share := read(place)) is not None]
    return found


def _version_2(folder):
    """Return the quota in cores of one control group of version 2, or None."""
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)  # "max" is no number
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _version_1(folder):
    """Return the quota in cores of one control group of version 1, or None."""
    try:
        quota, period = (
            int((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii"))
            for name in ("quota", "period")
        )
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None  # -1 is no limit


def considerate(root: str | os.PathLike = "/") -> dict[str, str]:
    """Return what a process should find in its environment before it imports torch.

    Threads that spin while they wait slow down whatever else runs, their own work included; and
    torch starts a thread for each core that it sees, of which a container may own two of sixty.

    Parameters
    ----------
    root : path
        Where proc and sys are.

    Returns
    -------
    dict of str
        The variables, to be set where the reader has not set them.

    Examples
    --------
    >>> considerate()["OMP_WAIT_POLICY"]
    'PASSIVE'
    """
    wishes = {"OMP_WAIT_POLICY": "PASSIVE"}
    if (count := cores(root)) < visible():
        wishes["OMP_NUM_THREADS"] = str(count)
    return wishes


def set_defaults() -> None:
    """Put `considerate` into this process's environment; what the reader has set stays."""
    for name, text in considerate().items():
        os.environ.setdefault(name, text)
