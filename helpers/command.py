"""A command of the course's own, `a2a`, beside the Python that has its packages.

`python -m helpers` runs whatever is called helpers in the person's folder, as `import helpers`
imports it: the name is a common one. The command starts with the course's folder in front. Only
the standard library: run.py calls it before anything is installed.
"""

import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = """\
import sys; sys.path.insert(0, {root!a}); from helpers.__main__ import main; sys.exit(main())"""

# What the environment's .pth file holds: read by each of its Pythons when it starts. With
# `python -m helpers` the folder's own helpers.py would run, without a word.
AT_START = """\
import sys; sys.path.append({root!a}); \
"helpers" in sys.orig_argv[1:6] and "-m" in sys.orig_argv[1:5] and \
__import__("helpers.command").command.come_first()
"""


def install(folder: Path) -> Path:
    """Write the command into a virtual environment.

    Parameters
    ----------
    folder : Path
        The environment.

    Returns
    -------
    Path
        The command: bin/a2a, or Scripts/a2a.cmd on Windows.

    Examples
    --------
    >>> import tempfile
    >>> install(Path(tempfile.mkdtemp())).stem
    'a2a'
    """
    code = CODE.format(root=str(ROOT))
    if os.name == "nt":
        path = Path(folder) / "Scripts" / "a2a.cmd"
        text = f'@"%~dp0python.exe" -c "{code}" %*\r\n'
    else:
        # Not "#!.venv/bin/python": such a line must be short and without blanks.
        path = Path(folder).absolute() / "bin" / "a2a"
        python = shlex.quote(str(path.with_name("python")))
        text = f'#!/bin/sh\nexec {python} -c {shlex.quote(code)} "$@"\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    path.chmod(0o755)
    return path


def come_first() -> None:
    """Let `python -m helpers` run this package, and say so where the folder has another one."""
    words = sys.orig_argv
    at = words.index("-m") + 1
    if words[at : at + 1] != ["helpers"] or any(word[:2] == "-c" for word in words[1 : at - 1]):
        return
    for other in (Path("helpers.py"), Path("helpers") / "__init__.py"):
        if other.exists() and other.resolve().parent not in (ROOT, ROOT / "helpers"):
            said = f"helpers: this is the course's, in {ROOT}, not {other} in this folder"
            print(f"{said}; its own command is a2a", file=sys.stderr)
