"""A file is written whole or not at all."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to, and rename it once the block has ended well.

    Parameters
    ----------
    path : Path
        The file to make or to replace; its folder is made.

    Yields
    ------
    Path
        Where to write.

    Examples
    --------
    >>> with whole(Path("build/whole.txt")) as new:
    ...     _ = new.write_text("all of it")
    >>> Path("build/whole.txt").read_text()
    'all of it'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A short name of its own: a long name and a suffix are more than a disk takes.
    new = path.with_name(f".{uuid.uuid4().hex[:12]}.part")
    try:
        yield new
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
