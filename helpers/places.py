"""Folders for what libraries want to keep, where a service or a container gives them none.

Only the standard library: run.py reads this file before anything is installed.
"""

import os
import stat
import tempfile

HOME = "USERPROFILE" if os.name == "nt" else "HOME"


def own(name: str) -> str:
    """Return a folder among the temporary ones that belongs to this user alone.

    Parameters
    ----------
    name : str
        What the folder is for.

    Returns
    -------
    str
        Its path: the same one at the next call, unless somebody else has taken that name.

    Examples
    --------
    >>> own("doctest") == own("doctest")
    True
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = os.path.join(tempfile.gettempdir(), f"a2a-{name}-{user}")
    try:
        os.mkdir(path, 0o700)
    except OSError:
        about = os.lstat(path) if os.path.lexists(path) else None
        mine = about and stat.S_ISDIR(about.st_mode) and about.st_uid == user
        if not (mine and os.access(path, os.W_OK)):
            return tempfile.mkdtemp(prefix=f"a2a-{name}-")
    return path


def takes_files(path: str) -> bool:
    """Tell whether files can be written to a folder, or it can be made.

    Parameters
    ----------
    path : str
        The folder, there or not.

    Returns
    -------
    bool
        Whether it, or the nearest folder above it that exists, can be written.

    Examples
    --------
    >>> takes_files(own("doctest"))
    True
    """
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK)


def has_home() -> bool:
    """Tell whether the system knows a home folder of this user, by HOME or by its list of users."""
    return os.path.isabs(os.path.expanduser("~"))


def substitutes() -> dict[str, str]:
    """Return what a program should find in its environment where its user has no home of use.

    Without one ModelScope and JupyterLab don't start, and pip keeps its cache in a folder called ~.

    Returns
    -------
    dict of str
        HOME, or nothing where there is one that takes files.

    Examples
    --------
    >>> set(substitutes()) <= {HOME}
    True
    """
    usable = has_home() and takes_files(os.path.expanduser("~"))
    return {} if usable else {HOME: own("home")}


def set_defaults() -> None:
    """Give this process a home if there is none, and numba, which librosa compiles with, a cache.

    A home that takes no files stays as it is: most libraries know how to do without.
    """
    if not has_home():
        os.environ[HOME] = own("home")
    if not takes_files(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")):
        os.environ.setdefault("NUMBA_CACHE_DIR", own("numba"))
